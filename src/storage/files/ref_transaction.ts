/**
 * One transaction of loose and packed refs until everything is decided: its
 * locks, what is stored under them, and the new values in the lock files. As
 * refs/files-backend.c: lock_raw_ref and lock_ref_for_update.
 *
 * @module
 */

import { fromBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { isZeroOid, type ObjectFormat, type Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { RawRef } from "../ref_snapshot.ts";
import {
  brokenWords,
  cannotLock,
  missingWords,
  type NameLookup,
  originOf,
  type RefChange,
  RefChanges,
  unavailable,
  unfitObject,
} from "../ref_changes.ts";
import type { RefFailure, RefUpdate } from "../writes.ts";
import type { RefSync } from "./fsync.ts";
import {
  type LockFile,
  type LockTerms,
  lockWords,
  type ManyLocks,
  takeLock,
  tryLock,
} from "./lock_file.ts";
import type { PackedRefs } from "./packed_refs.ts";
import type { Peel } from "./packed_refs_writer.ts";
import type { PackedView } from "./packed_view.ts";
import type { ListedNames } from "./listed_names.ts";
import type { LooseValue, RefPlaces } from "./ref_places.ts";
import type { Reflogs } from "./reflog.ts";
import { settleAll } from "./settle_all.ts";
import { hasCode, systemWords } from "./system_words.ts";

/** What transactions of one repository work with. */
export interface RefEnvironment {
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Its files. */
  readonly places: RefPlaces;
  /** Its packed refs. */
  readonly packed: PackedView;
  /** Its logs. */
  readonly reflogs: Reflogs;
  /** How refs are locked. */
  readonly refLock: LockTerms;
  /** How `packed-refs` is locked. */
  readonly packedLock: LockTerms;
  /** What is pressed to the disk. */
  readonly sync: RefSync;
  /** What ids come to through tags; without it nothing new is packed. */
  readonly peel: Peel | undefined;
  /** The kind of an object; without it kinds are not looked at. */
  readonly kindOf: ((oid: Oid) => string | undefined) | undefined;
}

/** One ref that is locked. */
export interface RefStep {
  /** What is to happen. */
  readonly change: RefChange;
  /** Its lock. */
  readonly lock: LockFile;
  /** Whether directories were made for the lock. */
  readonly madeDirectories: boolean;
  /** Whether its new value goes into `packed-refs`. */
  readonly isPacked: boolean;
  /** Whether the lock holds a new value. */
  needsCommit: boolean;
  /** Whether others see the change. */
  isDone: boolean;
}

/** Why a transaction failed, and at which of the caller's updates. */
export interface TransactionFailure {
  /** The update's index; -1 where it is no single one. */
  readonly index: number;
  /** Why. */
  readonly failure: RefFailure;
}

/** So many lock files stay open, to be synced together. */
export const MAX_OPEN_FILES = 64;
const MAX_ATTEMPTS = 3;

/** Whether a change takes its ref away. */
export function isDeletion(change: RefChange): boolean {
  return !change.isLogOnly && isZeroOid(change.new);
}

/** Packed refs, to be asked for conflicts of names. */
export function packedNames(refs: PackedRefs): NameLookup {
  return {
    has: (name) => refs.get(name) !== undefined,
    below(prefix) {
      const at = refs.lowerBound(prefix);
      return at < refs.size && refs.startsWith(at, prefix)
        ? refs.record(at).name
        : undefined;
    },
  };
}

/** A transaction that is being prepared. */
export class RefTransaction {
  /** What it changes. */
  readonly changes: RefChanges;
  /** What it has locked, in git's order. */
  readonly steps: RefStep[] = [];
  /** Why it came to nothing. */
  failed: TransactionFailure | undefined;
  /** Whether it may stand in spite of that: a directory was not synced. */
  isUnsure = false;
  readonly #environment: RefEnvironment;
  readonly #many: ManyLocks | undefined;
  readonly #packs: ReadonlySet<number>;
  #written: RefStep[] = [];
  #listed: ListedNames | undefined;

  /**
   * With `many` locks without content are made by it; `packs` are the indexes
   * of updates that go into `packed-refs`.
   */
  constructor(
    environment: RefEnvironment,
    updates: readonly { readonly update: RefUpdate; readonly index: number }[],
    headTarget: RefName | undefined,
    bulk: {
      readonly many?: ManyLocks | undefined;
      readonly packs?: ReadonlySet<number>;
    } = {},
  ) {
    this.#environment = environment;
    this.#many = bulk.many;
    this.#packs = bulk.packs ?? new Set();
    this.changes = new RefChanges(updates, environment.format, headTarget);
  }

  /** Marks it as failed, unless it was. */
  fail(index: number, failure: RefFailure): void {
    this.failed ??= { index, failure };
  }

  /**
   * Locks and checks everything. "contended" where somebody holds a lock and
   * `patience` is none: it is to be released then, and made anew. Throws the
   * signal's reason. With `listed` names are looked up there: it must have
   * been made when {@linkcode RefTransaction.lockFirst} had returned.
   */
  async prepare(
    patience: "none" | "all",
    listed?: ListedNames,
  ): Promise<"ready" | "contended"> {
    const { all } = this.changes;
    this.#listed = listed;
    const twice = this.changes.duplicate();
    if (twice !== undefined) this.fail(-1, twice);
    for (let i = 0; i < all.length && this.failed === undefined; i++) {
      if (i === this.steps.length) {
        const state = await this.#begin(all[i] as RefChange, patience);
        if (state === "contended") return state;
      }
      const step = this.steps[i];
      if (step === undefined) break;
      const why = this.#decide(step);
      if (why !== undefined) this.fail(step.change.index, why);
      if (this.#written.length >= MAX_OPEN_FILES) await this.syncContent();
    }
    return "ready";
  }

  /** Locks the first of its updates, and looks at nothing. */
  lockFirst(patience: "none" | "all"): Promise<"ready" | "contended"> {
    return this.#begin(this.changes.all[0] as RefChange, patience);
  }

  async #begin(
    change: RefChange,
    patience: "none" | "all",
  ): Promise<"ready" | "contended"> {
    const failure = this.changes.begin(change);
    const locked = failure ?? await this.#lock(change, patience);
    if (locked === "contended") return locked;
    if ("code" in locked) this.fail(change.index, locked);
    else this.steps.push(locked);
    return "ready";
  }

  /** Resolves when the values in its locks are on the disk, where asked. */
  async syncContent(): Promise<void> {
    const written = this.#written;
    this.#written = [];
    const results = await settleAll(
      written.map(({ lock }) => () => lock.sync()),
      MAX_OPEN_FILES,
    );
    results.forEach((result, i) => {
      const { change, lock } = written[i] as RefStep;
      if (result.status === "rejected") {
        this.fail(change.index, couldNotWrite(change, lock));
      }
      try {
        lock.close();
      } catch {
        this.fail(change.index, couldNotWrite(change, lock));
      }
    });
  }

  /** Lets go of every lock, and of directories that were made for them. */
  release(): void {
    const { places } = this.#environment;
    for (const name of this.unlock()) places.removeEmptyParents(name, "ref");
  }

  /** Lets go of every lock; gives names whose directories may be empty now. */
  unlock(): string[] {
    for (const step of this.steps) step.lock.release();
    return this.steps.filter((step) => {
      const { change, isDone, isPacked, madeDirectories } = step;
      return isDone ? isPacked || isDeletion(change) : madeDirectories;
    }).map(({ change }) => change.name);
  }

  /** Takes one lock, with the directories that it needs. */
  async #lock(
    change: RefChange,
    patience: "none" | "all",
  ): Promise<RefStep | RefFailure | "contended"> {
    const { places } = this.#environment;
    const { name, origin, index } = change;
    const asked = originOf(change).name;
    const problem = places.problem(name);
    if (problem !== undefined) return cannotLock(asked, "failed", problem);
    const path = places.path(name);
    const isPacked = origin === "update" && this.#packs.has(index);
    // Neither what is packed nor what is deleted leaves anything in its lock.
    const isBare = isPacked || isZeroOid(change.new);
    let madeDirectories = false;
    for (let attempts = 1;; attempts++) {
      try {
        const lock = await this.#take(path, isBare, patience);
        if (lock === undefined) return "contended";
        return {
          change,
          lock,
          isPacked,
          madeDirectories,
          needsCommit: false,
          isDone: false,
        };
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        if (hasCode(error, "ENOENT") && attempts <= MAX_ATTEMPTS) {
          madeDirectories = true;
          const failure = this.#makeDirectories(change, path);
          if (failure === undefined) continue;
          places.removeEmptyParents(name, "ref");
          return failure;
        }
        if (madeDirectories) places.removeEmptyParents(name, "ref");
        if (hasCode(error, "ENOTDIR")) return this.#inTheWay(change, path);
        return cannotLock(
          asked,
          hasCode(error, "EEXIST") ? "locked" : "failed",
          lockWords(path, error),
        );
      }
    }
  }

  async #take(
    path: string,
    isBare: boolean,
    patience: "none" | "all",
  ): Promise<LockFile | undefined> {
    const { refLock } = this.#environment;
    const atOnce = isBare && this.#many !== undefined
      ? this.#many.tryLock(path)
      : tryLock(path, refLock.journal);
    if (atOnce !== undefined || patience === "none") return atOnce;
    const lock = await takeLock(path, refLock);
    if (isBare) lock.close();
    return lock;
  }

  #makeDirectories(change: RefChange, path: string): RefFailure | undefined {
    try {
      this.#environment.places.makeParents(path);
      return undefined;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined; // Vanished: once more.
      if (hasCode(error, "ENOTDIR", "EEXIST")) {
        return this.#inTheWay(change, path);
      }
      if (!(error instanceof StorageError)) throw error;
      return cannotLock(
        originOf(change).name,
        "failed",
        `unable to create directory for ${path}`,
      );
    }
  }

  /** A file stands where a directory must be. */
  #inTheWay(change: RefChange, path: string): RefFailure {
    const asked = originOf(change).name;
    const why = this.#guarded(change, () => this.#conflict(change.name));
    if (typeof why === "object") return why;
    if (why === undefined) {
      return cannotLock(
        asked,
        "failed",
        `unable to create lock file ${path}.lock; non-directory in the way`,
      );
    }
    return mustExist(change)
      ? cannotLock(asked, "changed", missingWords(change.name))
      : cannotLock(asked, "conflict", why);
  }

  /** A conflict with any ref, loose or packed. */
  #conflict(name: string): string | undefined {
    const { places, packed } = this.#environment;
    const refs = packedNames(packed.now().refs);
    return unavailable(name, {
      has: (above) => places.read(above).kind === "value" || refs.has(above),
      below(prefix) {
        const [loose, other] = [places.below(prefix), refs.below(prefix)];
        if (loose === undefined || other === undefined) return loose ?? other;
        return loose < other ? loose : other;
      },
    }, this.changes.names);
  }

  /** With the lock held: reads, compares, and writes the new value down. */
  #decide(step: RefStep): RefFailure | undefined {
    const { change } = step;
    return this.#guarded(change, () => {
      const read = this.#read(step);
      if ("code" in read) return read;
      return this.changes.settle(
        change,
        read.value,
        (name) => this.#resolve(name),
      ) ?? this.#write(step);
    });
  }

  /** What is stored, or why that cannot be changed. */
  #read(step: RefStep): { readonly value?: RawRef } | RefFailure {
    const { change } = step;
    const { places, packed } = this.#environment;
    const { name } = change;
    const asked = originOf(change).name;
    const listed = this.#listed;
    const isAbsent = listed?.has(step.lock.path) === false;
    const loose: LooseValue = isAbsent ? { kind: "absent" } : places.read(name);
    if (loose.kind === "value") return loose;
    if (loose.kind === "broken") {
      const why = loose.why === undefined
        ? brokenWords(name)
        : `${missingWords(name)}: ${loose.why}`;
      return cannotLock(asked, "broken", why);
    }
    // Of what goes into packed-refs all is asked under that file's lock.
    if (step.isPacked && isAbsent) return {};
    const refs = listed === undefined ? packed.now().refs : listed.packed;
    const record = refs.get(name);
    if (record !== undefined) return { value: { oid: record.oid } };
    if (mustExist(change)) {
      return cannotLock(asked, "changed", missingWords(name));
    }
    if (
      loose.kind === "directory" && !places.removeEmptyTree(places.path(name))
    ) {
      const why = this.#conflict(name);
      if (why !== undefined) return cannotLock(asked, "conflict", why);
      return cannotLock(
        asked,
        "failed",
        `there is a non-empty directory '${places.path(name)}' ` +
          `blocking reference '${name}'`,
      );
    }
    // No loose ref can conflict now.
    if (step.isPacked) return {};
    const why = unavailable(name, packedNames(refs), this.changes.names);
    return why === undefined ? {} : cannotLock(asked, "conflict", why);
  }

  #resolve(first: RefName): Oid | undefined {
    const { places, packed } = this.#environment;
    let name = first;
    for (let reads = 1; reads <= 5; reads++) {
      if (places.problem(name) !== undefined) return undefined;
      const loose = places.read(name);
      if (loose.kind === "broken") return undefined;
      if (loose.kind !== "value") return packed.now().refs.get(name)?.oid;
      if ("oid" in loose.value) return loose.value.oid;
      name = loose.value.symref;
    }
    return undefined;
  }

  #write(step: RefStep): RefFailure | undefined {
    const { change, lock } = step;
    const { kindOf, sync } = this.#environment;
    const isWritten = !change.isLogOnly && !isDeletion(change) &&
      change.previous !== change.new;
    if (isWritten) {
      const failure = kindOf && unfitObject(change, kindOf);
      if (failure !== undefined) return failure;
      step.needsCommit = true;
    }
    if (step.isPacked) return undefined;
    try {
      if (isWritten) lock.write(fromBinary(`${change.new}\n`));
      if (isWritten && sync.content) this.#written.push(step);
      else lock.close();
      return undefined;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return couldNotWrite(change, lock);
    }
  }

  /** What of the disk fails becomes a failure of the change. */
  #guarded<T>(change: RefChange, call: () => T): T | RefFailure {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return error.code === "bad-packed-refs"
        ? { code: "broken", message: error.message }
        : cannotLock(
          originOf(change).name,
          "failed",
          `${missingWords(change.name)}: ${systemWords(error)}`,
        );
    }
  }
}

function mustExist({ old }: RefChange): boolean {
  return old !== undefined && !isZeroOid(old);
}

function couldNotWrite(change: RefChange, lock: LockFile): RefFailure {
  return {
    code: "failed",
    message: `cannot update ref '${change.name}': ` +
      `couldn't write '${lock.lockPath}'`,
  };
}
