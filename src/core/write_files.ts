/**
 * What writing repositories asks of a file system, as types, and the one loop
 * over short writes. Everything that changes a repository on disk goes through
 * this seam, so that a test can let any call of it fail.
 *
 * @module
 */

import { StorageError } from "./errors.ts";
import type { FileSystem, OpenFile } from "./host.ts";

/** A file that was opened to be written. */
export interface WritableFile extends OpenFile {
  /** Its path when it was opened. */
  readonly path: string;
  /**
   * Writes the first of `bytes` at `position`, or at the end of a file that
   * was opened to append; returns how many, at least one: fewer than all is no
   * error ({@linkcode writeAll} goes on). Throws a StorageError with the
   * system's code ("ENOSPC", "EDQUOT", "EIO", "EROFS").
   */
  writeAt(bytes: Uint8Array, position: number): number;
  /** Cuts it to `size` bytes. */
  truncate(size: number): void;
  /**
   * Resolves when its bytes are on the disk. After a rejection nothing is
   * known of them, and trying again proves nothing.
   */
  sync(): Promise<void>;
}

/**
 * The part of a file system that changing repositories takes. Calls that only
 * touch the page cache are synchronous, as those of reading; what waits for
 * the disk is not, since the thread serves others meanwhile.
 *
 * Whatever fails throws a StorageError whose code is the system's: "EEXIST",
 * "ENOENT", "ENOTDIR", "ENOTEMPTY", "EACCES", "ENOSPC", "EXDEV".
 */
export interface WritableFiles extends FileSystem {
  /** Creates a file that must not be there (O_EXCL), to read and to write. */
  create(path: string, mode: number): WritableFile;
  /** Opens a file to append (O_APPEND), never through a symlink. */
  openAppend(path: string, mode: number): WritableFile;
  /** Makes one directory. */
  makeDirectory(path: string, mode: number): void;
  /** Renames, replacing what is at `to`. */
  rename(from: string, to: string): void;
  /** Makes a second name for a file; never replaces. */
  link(from: string, to: string): void;
  /** Makes a symlink to `target`, as written; never replaces. */
  symlink(target: string, path: string): void;
  /** Takes a name away; false where there was none. */
  unlink(path: string): boolean;
  /** Takes an empty directory away; false where there was none. */
  removeDirectory(path: string): boolean;
  /** Sets the time of the last change to now. */
  touch(path: string): void;
  /** Sets the permissions. */
  setMode(path: string, mode: number): void;
  /** Resolves when the names in a directory are on the disk. */
  syncDirectory(path: string): Promise<void>;
}

/** Writes all of `bytes` at `position`, however often that takes. */
export function writeAll(
  file: WritableFile,
  bytes: Uint8Array,
  position: number,
): void {
  for (let done = 0; done < bytes.length;) {
    const count = file.writeAt(bytes.subarray(done), position + done);
    if (count <= 0) {
      throw new StorageError("EIO", `Cannot write ${file.path}: nothing taken`);
    }
    done += count;
  }
}
