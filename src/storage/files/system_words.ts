/**
 * The system's words for what failed, as git prints them.
 *
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";

/** strerror(3) of the GNU C library, for what changing files comes to. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  EDQUOT: "Disk quota exceeded",
  EEXIST: "File exists",
  EFBIG: "File too large",
  EINVAL: "Invalid argument",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  EMFILE: "Too many open files",
  EMLINK: "Too many links",
  ENAMETOOLONG: "File name too long",
  ENFILE: "Too many open files in system",
  ENOENT: "No such file or directory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  ENOTEMPTY: "Directory not empty",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ESTALE: "Stale file handle",
  EXDEV: "Invalid cross-device link",
};

/** What the system says of an error that a file call threw. */
export function systemWords(error: unknown): string {
  if (!(error instanceof StorageError)) return messageOf(error);
  return WORDS[error.code] ?? error.message;
}

/** Whether a file call failed with one of these codes of the system. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof StorageError && codes.includes(error.code);
}
