/**
 * Adds commits to a repository's `shallow` file, under git's lock for it.
 *
 * @see https://git-scm.com/docs/shallow
 * @module
 */

import { fromBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import { lockWords, tryLock } from "./lock_file.ts";
import type { LockJournal } from "./lock_journal.ts";
import type { ObjectWriting } from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import { ShallowFile } from "./shallow.ts";

/** Where a `shallow` file is, and how it is written. */
export interface ShallowPlace {
  /** How files are written. */
  readonly writing: Pick<ObjectWriting, "files" | "format" | "fsync">;
  /** The directory that holds it. */
  readonly commonDir: string;
  /** Records its lock. */
  readonly journal: LockJournal;
}

/**
 * Adds `commits` to the file, those that it has not; the others stay, in the
 * order of their ids, as git writes them (shallow.c: write_shallow_commits).
 * Rejects with StorageError "locked" where somebody else is changing it: git
 * does not wait for this lock.
 */
export async function addShallow(
  { writing, commonDir, journal }: ShallowPlace,
  commits: readonly Oid[],
): Promise<void> {
  if (commits.length === 0) return;
  const { files, format, fsync } = writing;
  const path = joinPath(commonDir, "shallow");
  const lock = tryLock(path, journal);
  if (lock === undefined) {
    const words = lockWords(path, new StorageError("EEXIST", ""));
    throw new StorageError("locked", words);
  }
  try {
    // Under the lock: nothing is added to it meanwhile.
    const now = () => 0;
    const file = new ShallowFile({ fileSystem: files, path, format, now });
    const all = new Set([...[...file.read()].sort(), ...commits]);
    lock.write(fromBinary(Array.from(all, (oid) => `${oid}\n`).join("")));
    if (fsync.rest) await lock.sync();
    lock.commit();
  } finally {
    lock.release();
  }
  if (fsync.rest) await files.syncDirectory(commonDir);
}
