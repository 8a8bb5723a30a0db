/**
 * Lock files as git's: `<path>.lock`, made so that one of many can, renamed
 * over what it locks or removed. git and gitsrv keep each other out by them.
 *
 * @see https://git-scm.com/docs/api-lockfile
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { type WritableFile, writeAll } from "../../core/write_files.ts";
import {
  type LockJournal,
  type RecordedFile,
  removeFile,
} from "./lock_journal.ts";
import { shareFile } from "./shared_modes.ts";
import { hasCode, systemWords } from "./system_words.ts";

/** What a file system without hard links says. */
const NO_LINKS = [
  "EPERM",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EXDEV",
  "EMLINK",
];

// lockfile.c: the pauses between attempts.
const MAX_MULTIPLIER = 1000;

/** How a lock is taken. */
export interface LockTerms {
  /** Records locks, and clears those of dead processes. */
  readonly journal: LockJournal;
  /** So long is tried; 0 is once, below 0 for ever. Milliseconds. */
  readonly timeoutMs: number;
  /** Waits, or rejects when `signal` aborts. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Ends waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Between 0 and 1; `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
}

/** A lock that is held until it is committed or released. */
export interface LockFile {
  /** What is locked. */
  readonly path: string;
  /** The lock itself. */
  readonly lockPath: string;
  /** Makes `bytes` the lock's content. */
  write(bytes: Uint8Array): void;
  /** Resolves when its content is on the disk. */
  sync(): Promise<void>;
  /** Closes the file and keeps the lock. Idempotent. */
  close(): void;
  /** Lets the lock's content become that of what is locked. */
  commit(): void;
  /** Lets go of it, unless that was done. Idempotent, never throws. */
  release(): void;
}

/**
 * Takes the lock of `path`. Rejects with the system's StorageError: "EEXIST"
 * where others hold it for too long ({@linkcode lockWords} has git's words),
 * "ENOENT" where its directory is not there; with the signal's reason where
 * that ends the waiting.
 */
export async function takeLock(
  path: string,
  terms: LockTerms,
): Promise<LockFile> {
  const { timeoutMs, pause, signal, random = Math.random } = terms;
  let remaining = timeoutMs;
  let multiplier = 1;
  for (let n = 1;;) {
    const lock = tryLock(path, terms.journal);
    if (lock !== undefined) return lock;
    if (timeoutMs === 0 || (timeoutMs > 0 && remaining <= 0)) {
      throw new StorageError("EEXIST", `Cannot lock ${path}: others hold it`);
    }
    const wait = Math.floor(
      (750 + Math.floor(random() * 500)) * multiplier / 1000,
    );
    await pause(wait, signal);
    signal?.throwIfAborted();
    remaining -= wait;
    multiplier += 2 * n + 1;
    if (multiplier > MAX_MULTIPLIER) multiplier = MAX_MULTIPLIER;
    else n++;
  }
}

/**
 * Takes the lock of `path` at once; `undefined` where others hold it. One that
 * a dead process of gitsrv left is removed. Throws as {@linkcode takeLock}.
 */
export function tryLock(
  path: string,
  journal: LockJournal,
): LockFile | undefined {
  const lockPath = `${path}.lock`;
  const record = journal.record({ lockPath }, 0o666);
  try {
    let isMade = link(record, lockPath, journal);
    if (isMade === false && journal.clear(lockPath)) {
      isMade = link(record, lockPath, journal);
    }
    if (isMade === true) return new RecordedLock(path, record, journal);
    record.forget();
    if (isMade === false) return undefined;
  } catch (error) {
    record.forget();
    throw error;
  }
  return plainLock(path, journal);
}

/** Whether it became a lock; `undefined` where files have one name alone. */
function link(
  record: RecordedFile,
  lockPath: string,
  journal: LockJournal,
): boolean | undefined {
  try {
    journal.files.link(record.path, lockPath);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    if (hasCode(error, ...NO_LINKS)) return undefined;
    throw error;
  }
}

/** A lock without a record, which nobody but its maker removes. */
function plainLock(path: string, journal: LockJournal): LockFile | undefined {
  const { files, shared } = journal;
  const lockPath = `${path}.lock`;
  let file: WritableFile;
  try {
    file = files.create(lockPath, 0o666);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  }
  const lock = new RecordedLock(path, {
    path: lockPath,
    file,
    forget: () => closed(file),
  }, journal);
  try {
    shareFile(files, lockPath, shared);
  } catch (error) {
    lock.release();
    throw error;
  }
  return lock;
}

class RecordedLock implements LockFile {
  readonly path: string;
  readonly lockPath: string;
  readonly #record: RecordedFile;
  readonly #journal: LockJournal;
  #isHeld = true;

  constructor(path: string, record: RecordedFile, journal: LockJournal) {
    this.path = path;
    this.lockPath = `${path}.lock`;
    this.#record = record;
    this.#journal = journal;
  }

  write(bytes: Uint8Array): void {
    writeAll(this.#record.file, bytes, 0);
  }

  sync(): Promise<void> {
    return this.#record.file.sync();
  }

  close(): void {
    this.#record.file.close();
  }

  commit(): void {
    this.close();
    this.#journal.files.rename(this.lockPath, this.path);
    this.#isHeld = false;
    this.#record.forget();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (removeFile(this.#journal.files, this.lockPath)) this.#record.forget();
    // Else it keeps its record: who comes when this process is dead removes it.
    else closed(this.#record.file);
  }
}

function closed(file: WritableFile): void {
  try {
    file.close();
  } catch {
    // Nothing was to be kept.
  }
}

/** Why `path` could not be locked (lockfile.c: unable_to_lock_message). */
export function lockWords(path: string, error: unknown): string {
  const head = `Unable to create '${path}.lock': ${systemWords(error)}`;
  return hasCode(error, "EEXIST")
    ? `${head}.\n\n` +
      "Another git process seems to be running in this repository, e.g.\n" +
      "an editor opened by 'git commit'. Please make sure all processes\n" +
      "are terminated then try again. If it still fails, a git process\n" +
      "may have crashed in this repository earlier:\n" +
      "remove the file manually to continue."
    : head;
}

/**
 * Locks that hold no content, all of them one file: two calls each. What is
 * locked changes elsewhere, in `packed-refs`.
 */
export class ManyLocks {
  readonly #journal: LockJournal;
  #record: RecordedFile | undefined;
  #held = 0;

  /** Takes nothing yet. */
  constructor(journal: LockJournal) {
    this.#journal = journal;
  }

  /** Takes the lock of `path` at once, as {@linkcode tryLock} does. */
  tryLock(path: string): LockFile | undefined {
    const lockPath = `${path}.lock`;
    const journal = this.#journal;
    // A new file where there are too many names of the last.
    for (const isLast of [false, true]) {
      const record = this.#record ??= this.#begin();
      let isMade = link(record, lockPath, journal);
      if (isMade === false && journal.clear(lockPath)) {
        isMade = link(record, lockPath, journal);
      }
      if (isMade === false) return undefined;
      if (isMade === true) {
        this.#held++;
        return new OneOfMany(path, journal, () => this.#let(record));
      }
      if (!isLast) this.end();
    }
    return plainLock(path, journal);
  }

  /** No more locks are taken; records go with the last that is let go. */
  end(): void {
    const record = this.#record;
    this.#record = undefined;
    if (record === undefined) return;
    this.#records.push({ record, held: this.#held });
    this.#held = 0;
    this.#tidy();
  }

  readonly #records: { record: RecordedFile; held: number }[] = [];

  #begin(): RecordedFile {
    const record = this.#journal.record("many", 0o666);
    record.file.close();
    return record;
  }

  #let(record: RecordedFile): void {
    if (this.#record === record) this.#held--;
    for (const each of this.#records) {
      if (each.record === record) each.held--;
    }
    this.#tidy();
  }

  #tidy(): void {
    for (const each of this.#records) {
      if (each.held === 0) each.record.forget();
    }
  }
}

class OneOfMany implements LockFile {
  readonly path: string;
  readonly lockPath: string;
  readonly #journal: LockJournal;
  readonly #let: () => void;
  #isHeld = true;

  constructor(path: string, journal: LockJournal, onRelease: () => void) {
    this.path = path;
    this.lockPath = `${path}.lock`;
    this.#journal = journal;
    this.#let = onRelease;
  }

  write(): void {
    throw new TypeError("Cannot write a lock that holds no content");
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  commit(): void {
    throw new TypeError("Cannot commit a lock that holds no content");
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (removeFile(this.#journal.files, this.lockPath)) this.#let();
  }
}
