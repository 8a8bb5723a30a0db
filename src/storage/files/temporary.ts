/**
 * Names that nobody else has: files and directories with a random end, as
 * mkstemp and mkdtemp make them.
 *
 * @module
 */

import { toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { WritableFile, WritableFiles } from "../../core/write_files.ts";

const LETTERS =
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const RANDOM_LENGTH = 6;
// wrapper.c: git_mkstemps_mode tries as often as glibc; chance needs few.
const ATTEMPTS = 100;

/** Creates the file `<prefix>XXXXXX` with letters and digits for the Xs. */
export function createTemporary(
  files: WritableFiles,
  prefix: string,
  mode: number,
): WritableFile {
  return withRandomName(prefix, (path) => files.create(path, mode));
}

/** Makes the directory `<prefix>XXXXXX` and returns its path. */
export function makeTemporaryDirectory(
  files: WritableFiles,
  prefix: string,
  mode: number,
): string {
  return withRandomName(prefix, (path) => {
    files.makeDirectory(path, mode);
    return path;
  });
}

/** So many random hexadecimal digits. */
export function randomHex(length: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(length >>> 1)));
}

function withRandomName<T>(prefix: string, make: (path: string) => T): T {
  for (let attempt = 1;; attempt++) {
    try {
      return make(prefix + randomName());
    } catch (error) {
      const isTaken = error instanceof StorageError && error.code === "EEXIST";
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_LENGTH));
  // Not evenly spread, and need not be.
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("");
}
