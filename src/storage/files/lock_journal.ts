/**
 * The record of this thread's locks in one repository, by which another can
 * prove that a lock was left by a dead one, or by a dead process.
 *
 * A lock begins as a file in a directory that is named after its owner,
 * `gitsrv-locks-<who>`, and becomes a lock by a second name: `link` refuses to
 * replace, as O_EXCL does. While the first name stands, its inode belongs to
 * no other file, so a lock of the same inode is the owner's beyond doubt. A
 * process that dies at any moment leaves no lock, or one with its record.
 *
 * Who clears up after the dead takes a record into a directory of its own
 * first, by `rename`, which one of many can do; only then does it remove the
 * lock that has the record's inode. Nobody else may, so what it compared is
 * what it removes.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { binaryToUtf8, fromUtf8, toBinary } from "../../core/bytes.ts";
import type { FileStat } from "../../core/host.ts";
import {
  formatIdentity,
  type Owners,
  parseIdentity,
  type ProcessIdentity,
} from "../../core/owner.ts";
import type { WritableFile, WritableFiles } from "../../core/write_files.ts";
import { isInside, joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { type SharedModes, shareFile } from "./shared_modes.ts";
import { hasCode } from "./system_words.ts";

/** What directories of records are called, before who it is. */
export const JOURNAL_PREFIX = "gitsrv-locks-";

/** Longest name of a record; file systems take 255 bytes. */
const MAX_NAME = 240;
/** So often is a directory made that others remove while it is empty. */
const MAX_ATTEMPTS = 20;

// What a record's name begins with.
const AT_PATH = "l";
const ANYWHERE = "w";
const NOWHERE = "c";

/** What a {@linkcode LockJournal} is made from. */
export interface LockJournalInit {
  /** Where files are changed. */
  readonly files: WritableFiles;
  /** The directory that holds the records: the common directory. */
  readonly root: string;
  /** Tells the living from the dead. */
  readonly owners: Owners;
  /** Who shares the repository. */
  readonly shared: SharedModes;
  /** Between 0 and 1; `Math.random` unless told. */
  readonly random?: () => number;
}

/** What a record is of. */
export type RecordKind =
  /** A lock at a path. */
  | { readonly lockPath: string }
  /** Many locks that are one file. */
  | "many"
  /** New content of a file, which no lock is. */
  | "content";

/** A file that is recorded as this process's. */
export interface RecordedFile {
  /** Where its record is. */
  readonly path: string;
  /** The file, open. */
  readonly file: WritableFile;
  /** Takes the record away, once no lock has its inode. Never throws. */
  forget(): void;
}

/** Records of one process, or of one of its threads, in one repository. */
export class LockJournal {
  readonly #init: LockJournalInit;
  readonly #own: string;
  readonly #tag: string;
  #count = 0;
  #open = 0;

  /** Touches nothing yet. */
  constructor(init: LockJournalInit) {
    const { root, owners, random = Math.random } = init;
    this.#init = init;
    this.#own = joinPath(root, ownedName(JOURNAL_PREFIX, owners.self));
    // Journals of one thread share the directory, so each has its own names.
    this.#tag = Math.floor(random() * 2 ** 48).toString(36);
  }

  /** Who shares the repository. */
  get shared(): SharedModes {
    return this.#init.shared;
  }

  /** Where files are changed. */
  get files(): WritableFiles {
    return this.#init.files;
  }

  /** Makes a file and its record. Throws the system's StorageError. */
  record(kind: RecordKind, mode: number): RecordedFile {
    const { files, shared } = this.#init;
    const { path, made: file } = this.#inOwn(
      this.#nameOf(kind),
      (path) => files.create(path, mode),
    );
    this.#open++;
    let isKept = true;
    const forget = () => {
      if (!isKept) return;
      isKept = false;
      quietly(() => file.close());
      removeFile(files, path);
      this.#open--;
      this.#tidy();
    };
    try {
      shareFile(files, path, shared);
    } catch (error) {
      forget();
      throw error;
    }
    return { path, file, forget };
  }

  /**
   * Removes the lock at `lockPath` if a dead process's record is of it; true
   * where it did. Never throws.
   */
  clear(lockPath: string): boolean {
    const { files } = this.#init;
    const before = quietly(() => files.lstat(lockPath));
    if (before === undefined) return false;
    for (const directory of this.#deadDirectories()) {
      for (const name of this.#names(directory)) {
        const path = joinPath(directory, name);
        const stat = quietly(() => files.lstat(path));
        if (!isSameFile(stat, before)) continue;
        this.#recover(directory, name, lockPath);
        quietly(() => files.removeDirectory(directory));
      }
    }
    return !isSameFile(quietly(() => files.lstat(lockPath)), before);
  }

  /** Removes all that dead processes have left. Never throws. */
  sweep(): void {
    for (const directory of this.#deadDirectories()) {
      for (const name of this.#names(directory)) {
        this.#recover(directory, name);
      }
      quietly(() => this.#init.files.removeDirectory(directory));
    }
  }

  #deadDirectories(): string[] {
    const { files, root, owners } = this.#init;
    const names = quietly(() => files.list(root))?.names ?? [];
    const dead: string[] = [];
    for (const name of names) {
      if (!name.startsWith(JOURNAL_PREFIX)) continue;
      const owner = ownerIn(name.slice(JOURNAL_PREFIX.length));
      if (owner !== undefined && quietly(() => owners.isDead(owner))) {
        dead.push(joinPath(root, name));
      }
    }
    return dead;
  }

  #names(directory: string): readonly string[] {
    return quietly(() => this.#init.files.list(directory))?.names ?? [];
  }

  /** Takes over one record of the dead, and removes the locks it is of. */
  #recover(directory: string, name: string, met?: string): void {
    const { files } = this.#init;
    const kept = name.slice(0, name.lastIndexOf("~"));
    let mine: string;
    try {
      const from = joinPath(directory, name);
      mine = this.#inOwn(kept, (path) => files.rename(from, path)).path;
    } catch {
      return; // Another was faster, or may and we may not.
    }
    this.#open++;
    const stat = quietly(() => files.lstat(mine));
    let isClear = stat !== undefined;
    if (stat !== undefined && !kept.startsWith(NOWHERE)) {
      for (const path of this.#places(kept, met)) {
        if (!isSameFile(quietly(() => files.lstat(path)), stat)) continue;
        isClear = quietly(() => files.unlink(path)) !== undefined && isClear;
      }
    }
    this.#open--;
    // A lock that could not be removed keeps its record.
    if (isClear) removeFile(files, mine);
    this.#tidy();
  }

  /** Removes the own directory once nothing is in it. */
  #tidy(): void {
    if (this.#open > 0) return;
    try {
      this.#init.files.removeDirectory(this.#own);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // Others of this process have something in it.
      if (hasCode(error, "ENOTEMPTY", "EEXIST")) return;
      quietly(() => this.#init.files.removeDirectory(this.#own));
    }
  }

  /** Where locks may be that a record is of. */
  *#places(kept: string, met: string | undefined): Generator<string> {
    if (met !== undefined) yield met;
    const { root } = this.#init;
    if (kept.startsWith(AT_PATH)) {
      const name = decodeText(kept.slice(AT_PATH.length));
      const isSafe = name?.endsWith(".lock") === true &&
        !name.split("/").includes("..");
      if (isSafe) yield joinPath(root, name as string);
      return;
    }
    yield* this.#allLocks();
  }

  *#allLocks(): Generator<string> {
    const { files, root } = this.#init;
    const stack = [
      ...["refs", "worktrees", "reftable"].map((name) => joinPath(root, name)),
    ];
    for (const name of this.#names(root)) {
      if (name.endsWith(".lock")) yield joinPath(root, name);
    }
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const directory = next;
      if (quietly(() => files.lstat(directory))?.kind !== "directory") continue;
      for (const name of this.#names(directory)) {
        const path = joinPath(directory, name);
        if (name.endsWith(".lock")) yield path;
        else stack.push(path);
      }
    }
  }

  #nameOf(kind: RecordKind): string {
    if (kind === "many") return ANYWHERE;
    if (kind === "content") return NOWHERE;
    const { root } = this.#init;
    if (!isInside(kind.lockPath, root)) return ANYWHERE;
    const name = AT_PATH +
      encodeName(kind.lockPath.slice(joinPath(root, "").length));
    return name.length > MAX_NAME - 32 ? ANYWHERE : name;
  }

  /** Makes something in the own directory, which may vanish while empty. */
  #inOwn<T>(
    name: string,
    make: (path: string) => T,
  ): { readonly path: string; readonly made: T } {
    if (this.#open === 0) this.#makeOwn();
    for (let attempts = 1;; attempts++) {
      const path = joinPath(
        this.#own,
        `${name}~${this.#tag}${(this.#count++).toString(36)}`,
      );
      try {
        return { path, made: make(path) };
      } catch (error) {
        if (attempts >= MAX_ATTEMPTS || !hasCode(error, "ENOENT", "EEXIST")) {
          this.#tidy();
          throw error;
        }
      }
      this.#makeOwn();
    }
  }

  #makeOwn(): void {
    const { files, shared } = this.#init;
    try {
      files.makeDirectory(this.#own, 0o777);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      return;
    }
    try {
      shareFile(files, this.#own, shared);
    } catch (error) {
      // Gone again: another thread found it empty.
      if (!hasCode(error, "ENOENT")) {
        quietly(() => files.removeDirectory(this.#own));
        throw error;
      }
    }
  }
}

/** Whether both are one and the same file. */
export function isSameFile(
  a: FileStat | undefined,
  b: FileStat | undefined,
): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino &&
    a.dev === b.dev && a.kind === "file" && b.kind === "file";
}

/** Text as part of a file name: base64 for URLs, of its UTF-8 bytes. */
function encodeName(text: string): string {
  return btoa(toBinary(fromUtf8(text))).replaceAll("+", "-")
    .replaceAll("/", "_").replaceAll("=", "");
}

function decodeText(name: string): string | undefined {
  try {
    return binaryToUtf8(atob(name.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

/** A name that says whose it is; what has it is owned from the beginning. */
export function ownedName(prefix: string, owner: ProcessIdentity): string {
  const text = formatIdentity(owner);
  const name = prefix + encodeName(text);
  if (name.length <= MAX_NAME) return name;
  return prefix + text.replaceAll("%", "%25").replaceAll("/", "%2f");
}

/** Whose a name is, given what follows its prefix. */
export function ownerIn(name: string): ProcessIdentity | undefined {
  const text = name.startsWith("[")
    ? name.replaceAll("%2f", "/").replaceAll("%25", "%")
    : decodeText(name);
  return text === undefined ? undefined : parseIdentity(text);
}

/**
 * Takes a name away, with a second attempt where the disk fails for once;
 * false where it stays. Never throws.
 */
export function removeFile(files: WritableFiles, path: string): boolean {
  const remove = () => (files.unlink(path), true);
  return quietly(remove) ?? quietly(remove) ?? false;
}
