/**
 * Files that fail when they are told to: the n-th call, with a chosen code, by
 * a short write, or as if the process had been killed; and a list of what was
 * called, in order.
 *
 * @module
 */

import { StorageError } from "../../src/core/errors.ts";
import type {
  WritableFile,
  WritableFiles,
} from "../../src/core/write_files.ts";

/** What is to happen, from the call of this number on, the first being 1. */
export type Fault =
  /** That one call fails with a code of the system. */
  | { readonly at: number; readonly kind: "fails"; readonly code: string }
  /** That call, and every later one that takes room, fails. */
  | { readonly at: number; readonly kind: "full"; readonly code: string }
  /** Writes take half of what they are given, from then on. */
  | { readonly at: number; readonly kind: "short" }
  /** Nothing reaches the disk any more. */
  | { readonly at: number; readonly kind: "crash" };

/** {@linkcode WritableFiles} under a test's command. */
export interface FailingFiles extends WritableFiles {
  /** How many changing calls there were. */
  readonly calls: number;
  /** How often something happened that a fault asked for. */
  readonly faults: number;
  /**
   * The changing calls: "link pack/pack-1.idx". A "sync" is followed by a
   * "synced" when it is done. Names with random ends end in XXXXXX.
   */
  readonly trace: readonly string[];
  /** What was first told to fail, as in the trace. */
  readonly failed: string | undefined;
  /** Adds to the trace what is no call. */
  note(event: string): void;
  /** Nothing fails from now on: the disk has room again. */
  heal(): void;
}

/** How {@linkcode failingFiles} are made. */
export interface FailingFilesOptions {
  /** What is to happen; nothing unless told. */
  readonly fault?: Fault;
  /** Paths in the trace begin below it. */
  readonly root?: string;
  /** Whether syncs wait for the disk; they do not unless told. */
  readonly syncs?: "real" | "skipped";
  /**
   * Which calls are counted and can be told to fail: those that change
   * something, unless told, or those that only look.
   */
  readonly counts?: "changes" | "looks";
}

const TAKES_ROOM: ReadonlySet<string> = new Set(
  ["create", "open", "write", "mkdir", "link", "rename", "sync"],
);

/** Files over `base`. */
export function failingFiles(
  base: WritableFiles,
  options: FailingFilesOptions = {},
): FailingFiles {
  const { root = "", syncs = "skipped", counts = "changes" } = options;
  let { fault } = options;
  const trace: string[] = [];
  let calls = 0;
  let faults = 0;
  let failed: string | undefined;
  const shown = (path: string) =>
    (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path)
      .replaceAll(/(tmp_objdir-incoming-)[^/]+/g, "$1XXXXXX")
      .replaceAll(/(tmp_[a-z]+_)[A-Za-z0-9]{6}/g, "$1XXXXXX")
      .replaceAll(/(info\/(?:refs|packs)_)[A-Za-z0-9]{6}/g, "$1XXXXXX");
  const isCrashed = () => fault?.kind === "crash" && calls >= fault.at;
  const fail = (code: string, verb: string, path: string): never => {
    faults++;
    failed ??= `${verb} ${shown(path)}`;
    throw new StorageError(code, `Cannot ${verb} ${path}: told to fail`);
  };
  const look = (verb: string, path: string) => {
    if (counts === "looks") count(verb, path);
    else if (isCrashed()) fail("EIO", verb, path);
  };
  const meet = (verb: string, path: string) => {
    if (counts === "changes") count(verb, path);
  };
  /** Counts one call; throws where it is to fail. */
  const count = (verb: string, path: string) => {
    calls++;
    trace.push(`${verb} ${shown(path)}`);
    if (fault === undefined || calls < fault.at) return;
    if (fault.kind === "crash") fail("EIO", verb, path);
    if (fault.kind === "fails" && calls === fault.at) {
      fail(fault.code, verb, path);
    }
    if (fault.kind === "full" && TAKES_ROOM.has(verb)) {
      fail(fault.code, verb, path);
    }
  };
  const change = <T>(verb: string, path: string, call: () => T): T => {
    meet(verb, path);
    return call();
  };
  const pressed = async (
    verb: string,
    path: string,
    call: () => Promise<void>,
  ) => {
    meet(verb, path);
    if (syncs === "real") await call();
    else await Promise.resolve();
    trace.push(`${verb}ed ${shown(path)}`);
  };
  const opened = (file: WritableFile): WritableFile => ({
    path: file.path,
    get size() {
      look("stat", file.path);
      return file.size;
    },
    readAt(into, position) {
      look("read", file.path);
      return file.readAt(into, position);
    },
    writeAt(bytes, position) {
      meet("write", file.path);
      const isShort = fault?.kind === "short" && calls >= fault.at;
      if (!isShort || bytes.length < 2) return file.writeAt(bytes, position);
      faults++;
      return file.writeAt(bytes.subarray(0, bytes.length >> 1), position);
    },
    truncate(size) {
      change("truncate", file.path, () => file.truncate(size));
    },
    sync: () => pressed("sync", file.path, () => file.sync()),
    close() {
      // The descriptor is gone, whatever is said of it.
      file.close();
      meet("close", file.path);
    },
  });
  return {
    ...base,
    get calls() {
      return calls;
    },
    get faults() {
      return faults;
    },
    get failed() {
      return failed;
    },
    note(event) {
      trace.push(event);
    },
    heal() {
      fault = undefined;
    },
    trace,
    stat: (path) => (look("stat", path), base.stat(path)),
    lstat: (path) => (look("stat", path), base.lstat(path)),
    realPath: (path) => (look("resolve", path), base.realPath(path)),
    readLink: (path) => (look("read", path), base.readLink(path)),
    list: (path) => (look("list", path), base.list(path)),
    read: (path, limit) => (look("read", path), base.read(path, limit)),
    open: (path) => {
      look("open", path);
      const file = base.open(path);
      return file && {
        get size() {
          look("stat", path);
          return file.size;
        },
        readAt(into, position) {
          look("read", path);
          return file.readAt(into, position);
        },
        close: () => file.close(),
      };
    },
    create: (path, mode) =>
      opened(change("create", path, () => base.create(path, mode))),
    openAppend: (path, mode) =>
      opened(change("open", path, () => base.openAppend(path, mode))),
    makeDirectory(path, mode) {
      change("mkdir", path, () => base.makeDirectory(path, mode));
    },
    rename(from, to) {
      change("rename", to, () => base.rename(from, to));
    },
    link(from, to) {
      change("link", to, () => base.link(from, to));
    },
    symlink(target, path) {
      change("symlink", path, () => base.symlink(target, path));
    },
    unlink: (path) => change("unlink", path, () => base.unlink(path)),
    removeDirectory: (path) =>
      change("rmdir", path, () => base.removeDirectory(path)),
    touch(path) {
      change("touch", path, () => base.touch(path));
    },
    setMode(path, mode) {
      change("chmod", path, () => base.setMode(path, mode));
    },
    syncDirectory: (path) =>
      pressed("sync", path, () => base.syncDirectory(path)),
  };
}
