/**
 * The file system over `node:fs`, which both runtimes have, with the same
 * behaviour on both. Reading only, synchronous only; writing is
 * `write_files.ts`.
 *
 * @module
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { StorageError } from "../core/errors.ts";
import type {
  DirectoryList,
  FileStat,
  FileSystem,
  OpenFile,
} from "../core/host.ts";

/** What "not there" looks like; EINVAL is added where a link was asked for. */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** What people call the codes that they meet most. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EIO: "input/output error",
  EMFILE: "too many open files",
  ENFILE: "too many open files in system",
  ENAMETOOLONG: "file name too long",
  ENXIO: "no such device or address",
  ESTALE: "stale file handle",
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EEXIST: "file exists",
  ENOTEMPTY: "directory not empty",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EROFS: "read-only file system",
  EXDEV: "invalid cross-device link",
};

/** The system's words for a code, as git prints them but for the first letter. */
export function wordsOf(code: string): string {
  return WORDS[code] ?? code;
}

// O_NONBLOCK: opening a FIFO that nobody writes to returns at once.
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0);

/** The file system of this machine. It holds no state. */
export const NODE_FILES: FileSystem = {
  stat(path) {
    return attempt("stat", path, () => STAT(path));
  },

  lstat(path) {
    return attempt("stat", path, () => LSTAT(path));
  },

  realPath(path) {
    return attempt("resolve", path, () => realpathSync.native(path));
  },

  readLink(path) {
    try {
      return attempt("read link", path, () => readlinkSync(path));
    } catch (error) {
      // The system's way to say that it is no symlink.
      if (error instanceof StorageError && error.code === "EINVAL") {
        return undefined;
      }
      throw error;
    }
  },

  list(path) {
    return attempt("list", path, () => readable(readdirSync(path)));
  },

  listStored(path) {
    // One of the runtimes sorts what readdirSync gives.
    return attempt("list", path, () => {
      const directory = opendirSync(path);
      try {
        const names: string[] = [];
        for (let entry; (entry = directory.readSync()) !== null;) {
          names.push(entry.name);
        }
        return names;
      } finally {
        directory.closeSync();
      }
    });
  },

  read(path, limit) {
    return withFile(path, (descriptor, size) => {
      if (size > limit) throw tooLarge(path, size, limit);
      return readWhole(path, descriptor, size, limit);
    });
  },

  open(path) {
    return openRegular(path)?.file;
  },
};

/**
 * Runs one call: what is not there is `undefined`, and other failures become
 * StorageErrors with the system's code.
 */
function attempt<T>(verb: string, path: string, call: () => T): T | undefined {
  if (path.includes("\0")) return undefined;
  try {
    return call();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const code = codeOf(error);
    if (ABSENT.has(code)) return undefined;
    throw new StorageError(
      code,
      `Cannot ${verb} ${path}: ${wordsOf(code)}`,
      { cause: error },
    );
  }
}

/** The system's code of an error that a call threw; "EIO" without one. */
export function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "EIO";
}

type Stat = (path: string) => FileStat | undefined;

/** The part of `Deno` that is used: its own stat takes 3 us, not 10. */
interface DenoStats {
  statSync(path: string): DenoFileInfo;
  lstatSync(path: string): DenoFileInfo;
}

/** As `Deno.FileInfo`. */
interface DenoFileInfo {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly size: number;
  readonly mtime: Date | null;
  readonly ctime: Date | null;
  readonly ino: number | null;
  readonly dev: number;
  readonly uid: number | null;
  readonly mode: number | null;
}

const DENO = (globalThis as { readonly Deno?: DenoStats }).Deno;

const STAT: Stat = DENO === undefined
  ? (path) => fromNode(statSync(path, { throwIfNoEntry: false }))
  : (path) => fromDeno(DENO.statSync(path));

const LSTAT: Stat = DENO === undefined
  ? (path) => fromNode(lstatSync(path, { throwIfNoEntry: false }))
  : (path) => fromDeno(DENO.lstatSync(path));

function fromDeno(info: DenoFileInfo): FileStat {
  const mtimeMs = info.mtime?.getTime() ?? 0;
  return {
    kind: info.isFile
      ? "file"
      : info.isDirectory
      ? "directory"
      : info.isSymlink
      ? "symlink"
      : "other",
    size: info.size,
    mtimeMs,
    ctimeMs: info.ctime?.getTime() ?? mtimeMs,
    ino: info.ino ?? 0,
    dev: info.dev,
    uid: info.uid ?? -1,
    ...(info.mode === null ? {} : { mode: info.mode & 0o7777 }),
  };
}

function fromNode(stats: Stats | undefined): FileStat | undefined {
  if (stats === undefined) return undefined;
  return {
    kind: stats.isFile()
      ? "file"
      : stats.isDirectory()
      ? "directory"
      : stats.isSymbolicLink()
      ? "symlink"
      : "other",
    size: stats.size,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    ino: stats.ino,
    dev: stats.dev,
    uid: stats.uid ?? -1,
    mode: stats.mode & 0o7777,
  };
}

/**
 * Deno turns the bytes of a name that is not UTF-8 into U+FFFD, under which it
 * cannot be opened. Both runtimes leave such names out alike, and with them a
 * name that really holds U+FFFD.
 */
function readable(all: readonly string[]): DirectoryList {
  const names = all.filter((name) => !name.includes("\ufffd"));
  return { names, unreadable: all.length - names.length };
}

interface Opened {
  readonly descriptor: number;
  readonly file: OpenFile;
}

function openRegular(path: string): Opened | undefined {
  const descriptor = attempt("open", path, () => openSync(path, OPEN_FLAGS));
  if (descriptor === undefined) return undefined;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      throw new StorageError(
        "not-a-file",
        `Cannot read ${path}: not a regular file`,
      );
    }
    return { descriptor, file: openFile(path, descriptor, stats.size) };
  } catch (error) {
    closeSync(descriptor);
    return attempt("open", path, () => {
      throw error;
    });
  }
}

function openFile(path: string, descriptor: number, size: number): OpenFile {
  let isOpen = true;
  return {
    size,
    readAt(into, position) {
      if (!isOpen) {
        throw new StorageError("EBADF", `Cannot read ${path}: it was closed`);
      }
      return readFully(path, descriptor, into, position);
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(descriptor);
    },
  };
}

function withFile<T>(
  path: string,
  use: (descriptor: number, size: number) => T,
): T | undefined {
  const opened = openRegular(path);
  if (opened === undefined) return undefined;
  try {
    return use(opened.descriptor, opened.file.size);
  } finally {
    opened.file.close();
  }
}

/** Reads to the end: a file may grow or shrink after its size was asked. */
function readWhole(
  path: string,
  descriptor: number,
  size: number,
  limit: number,
): Uint8Array<ArrayBuffer> {
  // One byte more than it should hold shows that it has not grown.
  let bytes = new Uint8Array(size + 1);
  let length = 0;
  for (;;) {
    const count = readFully(path, descriptor, bytes.subarray(length), length);
    length += count;
    if (length > limit) throw tooLarge(path, length, limit);
    if (length < bytes.length) return bytes.subarray(0, length);
    const wider = new Uint8Array(Math.min(limit + 1, length * 2 + 64));
    wider.set(bytes);
    bytes = wider;
  }
}

function readFully(
  path: string,
  descriptor: number,
  into: Uint8Array,
  position: number,
): number {
  let total = 0;
  while (total < into.length) {
    const count = attempt(
      "read",
      path,
      () =>
        readSync(
          descriptor,
          into,
          total,
          into.length - total,
          position + total,
        ),
    );
    if (count === undefined || count === 0) break;
    total += count;
  }
  return total;
}

function tooLarge(path: string, size: number, limit: number): StorageError {
  return new StorageError(
    "file-too-large",
    `Cannot read ${path}: ${size} bytes exceed ${limit}`,
  );
}
