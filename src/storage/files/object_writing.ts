/**
 * What everything that puts objects into a repository on disk is told, and the
 * small steps that they share.
 *
 * @module
 */

import type { Owners } from "../../core/owner.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { FsyncPlan } from "./fsync.ts";
import { baseName, joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { type SharedModes, shareFile } from "./shared_modes.ts";
import { hasCode } from "./system_words.ts";

/** How objects are put into one repository. */
export interface ObjectWriting {
  /** Through which everything is changed. */
  readonly files: WritableFiles;
  /** The repository's own object directory. */
  readonly objectsDir: string;
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** Inflates and deflates. */
  readonly kernels: Kernels;
  /** Tells whose processes live. */
  readonly owners: Owners;
  /** What is pressed to the disk. */
  readonly fsync: FsyncPlan;
  /** Who may read and write what is made. */
  readonly shared: SharedModes;
  /** How a file gets its final name: `core.createObject`. */
  readonly naming: "link" | "rename";
}

/** Makes a directory as git does; false where it was there. */
export function ensureDirectory(
  { files, shared }: Pick<ObjectWriting, "files" | "shared">,
  path: string,
): boolean {
  try {
    files.makeDirectory(path, 0o777);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    return false;
  }
  shareFile(files, path, shared);
  return true;
}

/**
 * Waits for all of them, whatever becomes of each, so that no file is closed
 * under one; then rejects as the first that did.
 */
export async function allSettled(
  promises: readonly Promise<void>[],
): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === "rejected") throw result.reason;
  }
}

/** Closes all of them, then throws what the first one threw that did. */
export function closeAll(files: readonly { close(): void }[]): void {
  const failures: unknown[] = [];
  for (const file of files) {
    try {
      file.close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Lets what else waits in this thread have its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Takes a part of a pack whose index is not there out of the repository and
 * into a quarantine, and puts it back where its index has come meanwhile:
 * somebody brings the same pack, and may have dropped his own part. Never
 * throws a StorageError.
 */
export function withdrawPart(
  files: WritableFiles,
  path: string,
  quarantine: string,
): void {
  const index = path.replace(/\.[a-z]+$/, ".idx");
  const away = joinPath(quarantine, `withdrawn-${baseName(path)}`);
  const isUsed = () => quietly(() => files.lstat(index) !== undefined) ?? true;
  if (isUsed()) return;
  const isAway = quietly(() => (files.rename(path, away), true)) ?? false;
  if (!isAway && !isUsed()) quietly(() => files.unlink(path));
  if (isAway && isUsed()) quietly(() => files.link(away, path));
}

/** More entries than this are left where they are. */
const MAX_REMOVED = 1_000_000;

/**
 * Removes a directory with all that is in it, following no symlink, and once
 * more where the disk fails for once. What cannot be removed is left. Never
 * throws a StorageError.
 */
export function removeTree(files: WritableFiles, root: string): void {
  if (!removeOnce(files, root)) removeOnce(files, root);
}

/** Whether it is gone. */
function removeOnce(files: WritableFiles, root: string): boolean {
  const directories = [root];
  let budget = MAX_REMOVED;
  // Directories that are found are added while this runs.
  for (const directory of directories) {
    const names = quietly(() => files.list(directory)?.names) ?? [];
    for (const name of names) {
      if (budget-- === 0) return true; // No second time.
      const path = joinPath(directory, name);
      const kind = quietly(() => files.lstat(path)?.kind);
      if (kind === "directory") directories.push(path);
      else quietly(() => files.unlink(path));
    }
  }
  for (const directory of directories.slice(1).reverse()) {
    quietly(() => files.removeDirectory(directory));
  }
  return quietly(() => files.removeDirectory(root)) !== undefined;
}
