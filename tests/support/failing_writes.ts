/**
 * A file system that fails at its n-th call, or ends there as a process that
 * is killed: every later call of a dead process comes to nothing.
 *
 * @module
 */

import { StorageError } from "../../src/core/errors.ts";
import { NODE_WRITE_FILES } from "../../src/runtime/write_files.ts";
import type {
  WritableFile,
  WritableFiles,
} from "../../src/core/write_files.ts";

/** The files of this machine, whose syncs wait for nothing: hundreds of runs. */
export const UNSYNCED_FILES: WritableFiles = {
  ...NODE_WRITE_FILES,
  create: (path, mode) => unsynced(NODE_WRITE_FILES.create(path, mode)),
  openAppend: (path, mode) => unsynced(NODE_WRITE_FILES.openAppend(path, mode)),
  syncDirectory: () => Promise.resolve(),
};

function unsynced(file: WritableFile): WritableFile {
  return Object.create(file, { sync: { value: () => Promise.resolve() } });
}

/** What a dead process would never see. */
export class Killed extends Error {}

/** When and how it fails. */
export interface FailurePlan {
  /** The call that fails, from 1. */
  readonly at: number;
  /** A code of the system: that call alone fails; "killed": all from there. */
  readonly with: string;
  /** Calls that count; all unless told. */
  readonly counts?: (call: string, path: string) => boolean;
}

/** Counts calls of `files`, and fails as planned. */
export class FailingFiles {
  /** Calls so far. */
  calls = 0;
  /** The call that failed. */
  failed: string | undefined;
  /** What it failed as. */
  readonly files: WritableFiles;

  constructor(files: WritableFiles, plan: FailurePlan) {
    const count = (call: string, path: string) => {
      if (plan.counts?.(call, path) === false) return;
      this.calls++;
      const isKilled = plan.with === "killed" && this.calls >= plan.at;
      if (this.calls !== plan.at && !isKilled) return;
      this.failed ??= `${call} ${path}`;
      if (isKilled) throw new Killed(this.failed);
      throw new StorageError(plan.with, `Cannot ${call} ${path}: ${plan.with}`);
    };
    const file = (real: WritableFile): WritableFile => ({
      path: real.path,
      get size() {
        return real.size;
      },
      readAt(into, position) {
        count("read", real.path);
        return real.readAt(into, position);
      },
      writeAt(bytes, position) {
        count("write", real.path);
        // Short, as a disk may be.
        const some = bytes.subarray(0, Math.max(1, bytes.length >>> 1));
        return real.writeAt(some, position);
      },
      truncate(size) {
        count("truncate", real.path);
        real.truncate(size);
      },
      async sync() {
        await Promise.resolve();
        count("sync", real.path);
        await real.sync();
      },
      close() {
        try {
          count("close", real.path);
        } finally {
          real.close();
        }
      },
    });
    this.files = {
      stat: (path) => (count("stat", path), files.stat(path)),
      lstat: (path) => (count("lstat", path), files.lstat(path)),
      realPath: (path) => (count("realPath", path), files.realPath(path)),
      readLink: (path) => (count("readLink", path), files.readLink(path)),
      list: (path) => (count("list", path), files.list(path)),
      read: (path, limit) => (count("read", path), files.read(path, limit)),
      open: (path) => (count("open", path), files.open(path)),
      create: (path, mode) => (
        count("create", path), file(files.create(path, mode))
      ),
      openAppend: (path, mode) => (
        count("openAppend", path), file(files.openAppend(path, mode))
      ),
      makeDirectory: (path, mode) => (
        count("makeDirectory", path), files.makeDirectory(path, mode)
      ),
      rename: (from, to) => (count("rename", to), files.rename(from, to)),
      link: (from, to) => (count("link", to), files.link(from, to)),
      symlink: (target, path) => (
        count("symlink", path), files.symlink(target, path)
      ),
      unlink: (path) => (count("unlink", path), files.unlink(path)),
      removeDirectory: (path) => (
        count("removeDirectory", path), files.removeDirectory(path)
      ),
      touch: (path) => (count("touch", path), files.touch(path)),
      setMode: (path, mode) => (
        count("setMode", path), files.setMode(path, mode)
      ),
      async syncDirectory(path) {
        await Promise.resolve();
        count("syncDirectory", path);
        await files.syncDirectory(path);
      },
    };
  }
}
