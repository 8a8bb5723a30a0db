/**
 * Replaces a small file in one step: whoever reads it sees the old content or
 * the new one, and after a crash there is one of them.
 *
 * @module
 */

import { type WritableFile, writeAll } from "../../core/write_files.ts";
import type { ObjectWriting } from "./object_writing.ts";
import { parentPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { shareFile } from "./shared_modes.ts";

type Writing = Pick<ObjectWriting, "files" | "fsync" | "shared">;

/**
 * Writes `bytes` to the file that `create` makes, which is new and nobody
 * else's, and renames it to `path`. Whatever fails, the new file is gone.
 */
export async function replaceFile(
  writing: Writing,
  path: string,
  bytes: Uint8Array,
  create: () => WritableFile,
): Promise<void> {
  const { files, fsync, shared } = writing;
  const file = create();
  try {
    try {
      writeAll(file, bytes, 0);
      if (fsync.rest) await file.sync();
    } finally {
      file.close();
    }
    shareFile(files, file.path, shared);
    files.rename(file.path, path);
  } catch (error) {
    quietly(() => files.unlink(file.path));
    throw error;
  }
  if (fsync.rest) await files.syncDirectory(parentPath(path));
}
