/**
 * Writing files, over `node:fs`, which both runtimes have.
 *
 * @module
 */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { StorageError } from "../core/errors.ts";
import type { WritableFile, WritableFiles } from "../core/write_files.ts";
import { codeOf, NODE_FILES, wordsOf } from "./files.ts";

const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants;
const IS_DIRECTORY = { code: "EISDIR" };
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** The file system of this machine, for writing. It holds no state. */
export const NODE_WRITE_FILES: WritableFiles = {
  ...NODE_FILES,

  create: (path, mode) =>
    openedFile(path, O_RDWR | O_CREAT | O_EXCL | NO_FOLLOW, mode),

  openAppend: (path, mode) =>
    openedFile(path, O_WRONLY | O_CREAT | O_APPEND | NO_FOLLOW, mode),

  makeDirectory(path, mode) {
    attempt("make directory", path, () => mkdirSync(path, { mode }));
  },

  rename(from, to) {
    attempt(`rename ${from} to`, to, () => renameSync(from, to));
  },

  link(from, to) {
    attempt(`link ${from} to`, to, () => linkSync(from, to));
  },

  symlink(target, path) {
    attempt("make symbolic link", path, () => symlinkSync(target, path));
  },

  unlink: (path) =>
    removed("remove", path, () => {
      // Deno's takes empty directories away, too.
      if (lstatSync(path).isDirectory()) {
        throw failure("remove", path, IS_DIRECTORY);
      }
      unlinkSync(path);
    }),

  removeDirectory: (path) =>
    removed("remove directory", path, () => rmdirSync(path)),

  touch(path) {
    const now = new Date();
    attempt("touch", path, () => utimesSync(path, now, now));
  },

  setMode(path, mode) {
    attempt("change the mode of", path, () => chmodSync(path, mode));
  },

  async syncDirectory(path) {
    const descriptor = attempt(
      "open",
      path,
      () => openSync(path, constants.O_RDONLY),
    );
    try {
      await synced(descriptor, path);
    } finally {
      closeSync(descriptor);
    }
  },
};

/** Runs one call; what fails becomes a StorageError with the system's code. */
function attempt<T>(verb: string, path: string, call: () => T): T {
  if (path.includes("\0")) throw failure(verb, path, { code: "EINVAL" });
  try {
    return call();
  } catch (error) {
    throw error instanceof StorageError ? error : failure(verb, path, error);
  }
}

function failure(verb: string, path: string, cause: unknown): StorageError {
  const code = codeOf(cause);
  return new StorageError(
    code,
    `Cannot ${verb} ${path}: ${wordsOf(code)}`,
    { cause },
  );
}

function removed(verb: string, path: string, call: () => void): boolean {
  try {
    attempt(verb, path, call);
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === "ENOENT") return false;
    throw error;
  }
}

function synced(descriptor: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(descriptor, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(failure("sync", path, error));
    });
  });
}

function openedFile(path: string, flags: number, mode: number): WritableFile {
  const descriptor = attempt("create", path, () => openSync(path, flags, mode));
  const appends = (flags & O_APPEND) !== 0;
  let isOpen = true;
  const use = <T>(verb: string, call: () => T): T => {
    if (!isOpen) throw failure(verb, path, { code: "EBADF" });
    return attempt(verb, path, call);
  };
  return {
    path,
    get size() {
      return use("stat", () => fstatSync(descriptor).size);
    },
    readAt: (into, position) =>
      use("read", () => {
        let total = 0;
        while (total < into.length) {
          const left = into.length - total;
          const at = position + total;
          const count = readSync(descriptor, into, total, left, at);
          if (count === 0) break;
          total += count;
        }
        return total;
      }),
    writeAt: (bytes, position) =>
      use("write", () => {
        const at = appends ? null : position;
        return writeSync(descriptor, bytes, 0, bytes.length, at);
      }),
    truncate: (size) => use("truncate", () => ftruncateSync(descriptor, size)),
    sync: () =>
      isOpen
        ? synced(descriptor, path)
        : Promise.reject(failure("sync", path, { code: "EBADF" })),
    close() {
      if (!isOpen) return;
      isOpen = false;
      attempt("close", path, () => closeSync(descriptor));
    },
  };
}
