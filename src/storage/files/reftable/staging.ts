/**
 * Changes of refs that are checked against locked stacks, and gathered until
 * they become one table of each.
 *
 * @module
 */

import { isZeroOid, type ObjectFormat, type Oid } from "../../../core/oid.ts";
import { isSafeRefName, type RefName } from "../../../core/ref_name.ts";
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
} from "../../ref_changes.ts";
import { resolvedRecord } from "../../ref_snapshot.ts";
import type { RefFailure, RefUpdate } from "../../writes.ts";
import type { Peel } from "../packed_refs_writer.ts";
import type { LogPolicy } from "../reflog.ts";
import type { TableRecords } from "./joining.ts";
import type { RawLog } from "./log_section.ts";
import { type LogReading, StackLogs } from "./logs.ts";
import { findRef, isPerWorktree, namesBelow } from "./merged.ts";
import type { Reftable } from "./table.ts";
import {
  type LogEntry,
  logKey,
  logValue,
  type RefEntry,
} from "./table_writer.ts";

/** What a {@linkcode RefStaging} is made from. */
export interface RefStagingInit {
  /** The repository's tables. */
  readonly common: readonly Reftable[];
  /** Those of a linked worktree. */
  readonly worktree: readonly Reftable[] | undefined;
  /** The format of ids. */
  readonly format: ObjectFormat;
  /** Which refs get a reflog. */
  readonly policy: LogPolicy;
  /** For reflogs. */
  readonly reading: LogReading;
  /** A record's name may be so long, and all of a log record beside it. */
  readonly blockSize: number;
  /** Who reflogs name, and what they say. */
  readonly log: Pick<
    LogEntry,
    "name" | "mail" | "seconds" | "zone" | "message"
  >;
  /** What ids come to through tags. */
  readonly peel: Peel | undefined;
  /** The kind of an object; without it kinds are not looked at. */
  readonly kindOf: ((oid: Oid) => string | undefined) | undefined;
}

/** A ref that changes, or a log that hears of it. */
interface Staged {
  readonly change: RefChange;
  readonly writesRef: boolean;
}

/** Header, frame, restarts and numbers of a block with one record. */
const BLOCK_OVERHEAD = 28 + 4 + 5 + 30;

/** Changes on their way into tables. To be disposed. */
export class RefStaging implements Disposable {
  readonly #init: RefStagingInit;
  readonly #logs: { readonly common: StackLogs; readonly own: StackLogs };
  readonly #staged = new Map<string, Staged>();
  /** Of each "refs/x/" below which something is created, one such name. */
  readonly #created = new Map<string, string>();
  /** What was looked up, for the directories that many names share. */
  readonly #known = new Map<string, boolean>();
  readonly #lookup: NameLookup;
  readonly #headTarget: RefName | undefined;

  /** Nothing is staged. Throws StorageError "bad-reftable". */
  constructor(init: RefStagingInit) {
    this.#init = init;
    const { common, worktree, reading } = init;
    this.#logs = {
      common: new StackLogs(common, reading),
      own: new StackLogs(worktree ?? [], reading),
    };
    this.#lookup = {
      has: (name) => this.#has(name),
      below: (prefix) => this.#below(prefix),
    };
    const head = findRef(this.#tablesOf("HEAD"), "HEAD");
    this.#headTarget = typeof head === "object" && "symref" in head
      ? head.symref
      : undefined;
  }

  /** Closes files. */
  [Symbol.dispose](): void {
    this.#logs.common[Symbol.dispose]();
    this.#logs.own[Symbol.dispose]();
  }

  /** Whether a ref, or its log alone, is staged already. */
  has(name: string): boolean {
    return this.#staged.has(name);
  }

  /** What updates come to, as far as that can be told yet. */
  changesOf(
    updates: readonly { readonly update: RefUpdate; readonly index: number }[],
  ): RefChanges {
    return new RefChanges(updates, this.#init.format, this.#headTarget);
  }

  /**
   * Checks a change, and lets `changes` grow by those that come of it. Throws
   * StorageError "bad-reftable".
   */
  check(change: RefChange, changes: RefChanges): RefFailure | undefined {
    const begun = changes.begin(change);
    if (begun !== undefined) return begun;
    const { name, old } = change;
    if (!isSafeRefName(name)) {
      const message = `refusing to update ref with bad name '${name}'`;
      return { code: "failed", message };
    }
    if (this.#isTooLarge(name)) {
      const message = "reftable: transaction failure: entry too large";
      return { code: "failed", message };
    }
    const value = findRef(this.#tablesOf(name), name);
    const asked = originOf(change).name;
    if (value === "broken") {
      // What cannot be read can only be taken away.
      const isDeletion = isZeroOid(change.new) && old === undefined;
      return isDeletion
        ? undefined
        : cannotLock(asked, "broken", brokenWords(name));
    }
    if (value === undefined) {
      if (old !== undefined && !isZeroOid(old)) {
        return cannotLock(asked, "changed", missingWords(name));
      }
      const why = unavailable(name, this.#lookup, changes.names);
      if (why !== undefined) return cannotLock(asked, "conflict", why);
    }
    return changes.settle(change, value, (symref) => this.#resolve(symref)) ??
      this.#kindProblem(change);
  }

  #kindProblem(change: RefChange): RefFailure | undefined {
    const { kindOf } = this.#init;
    const { new: oid, previous, isLogOnly } = change;
    if (kindOf === undefined || isLogOnly) return undefined;
    if (isZeroOid(oid) || oid === previous) return undefined;
    return unfitObject(change, kindOf);
  }

  /** Takes what was checked. */
  stage(changes: RefChanges): void {
    for (const change of changes.all) {
      const { name, previous, isLogOnly } = change;
      const isChanged = change.new !== previous ||
        findRef(this.#tablesOf(name), name) === "broken";
      const writesRef = !isLogOnly && isChanged;
      if (!writesRef && !(isLogOnly && this.#isLogged(name))) continue;
      this.#staged.set(name, { change, writesRef });
      if (!writesRef || isZeroOid(change.new)) continue;
      for (const above of directoriesOf(name)) {
        const known = this.#created.get(above);
        if (known === undefined || name < known) this.#created.set(above, name);
      }
    }
  }

  /** The updates of the caller whose refs a stack holds. */
  indexesIn(stack: "common" | "worktree"): Set<number> {
    const indexes = new Set<number>();
    for (const { change, writesRef } of this.#staged.values()) {
      if (writesRef && this.#stackOf(change.name) === stack) {
        indexes.add(change.index);
      }
    }
    return indexes;
  }

  /** What is staged of one stack, as records. Throws "bad-reftable". */
  records(stack: "common" | "worktree", updateIndex: number): TableRecords {
    const names = [...this.#staged.keys()]
      .filter((name) => this.#stackOf(name) === stack).sort();
    const refs: RefEntry[] = [];
    const logs: RawLog[] = [];
    for (const name of names) {
      const { change, writesRef } = this.#staged.get(name) as Staged;
      if (writesRef) refs.push(this.#record(change, updateIndex));
      if (writesRef && isZeroOid(change.new)) {
        // A ref's log goes with it, record by record.
        for (const index of this.#logsOf(name).indexesOf(name)) {
          logs.push({ key: logKey(name, index), value: undefined });
        }
      } else if (this.#isLogged(name)) {
        const entry = { ...this.#init.log, old: change.previous };
        const value = logValue({ ...entry, new: change.new });
        logs.push({ key: logKey(name, updateIndex), value });
      }
    }
    logs.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    return { refs, logs };
  }

  #record(change: RefChange, updateIndex: number): RefEntry {
    const { name, new: oid } = change;
    if (isZeroOid(oid)) return { name, updateIndex };
    const peeled = this.#init.peel?.(oid);
    return peeled === undefined
      ? { name, updateIndex, oid }
      : { name, updateIndex, oid, peeled };
  }

  #isLogged(name: string): boolean {
    const { policy } = this.#init;
    if (policy === "always") return true;
    return policy === "normal" && hasLogUnasked(name) ||
      this.#logsOf(name).has(name);
  }

  #isTooLarge(name: string): boolean {
    const { log, format, blockSize } = this.#init;
    const strings = log.name.length + log.mail.length + log.message.length;
    return name.length + strings + 2 * format.rawLength + BLOCK_OVERHEAD >
      blockSize;
  }

  #stackOf(name: string): "common" | "worktree" {
    return this.#init.worktree !== undefined && isPerWorktree(name)
      ? "worktree"
      : "common";
  }

  #tablesOf(name: string): readonly Reftable[] {
    const { common, worktree } = this.#init;
    return isPerWorktree(name) ? worktree ?? common : common;
  }

  #logsOf(name: string): StackLogs {
    const { common, own } = this.#logs;
    return this.#stackOf(name) === "worktree" ? own : common;
  }

  #resolve(name: RefName): Oid | undefined {
    const get = (each: string) => {
      const found = findRef(this.#tablesOf(each), each);
      return found === "broken" ? undefined : found;
    };
    return resolvedRecord({ get }, name, name)?.oid;
  }

  #has(name: string): boolean {
    const staged = this.#staged.get(name);
    if (staged?.writesRef === true) return !isZeroOid(staged.change.new);
    let isThere = this.#known.get(name);
    if (isThere === undefined) {
      isThere = findRef(this.#tablesOf(name), name) !== undefined;
      this.#known.set(name, isThere);
    }
    return isThere;
  }

  #below(prefix: string): string | undefined {
    const created = this.#created.get(prefix);
    for (const name of namesBelow(this.#tablesOf(prefix), prefix)) {
      if (created !== undefined && created < name) break;
      const staged = this.#staged.get(name);
      const isGone = staged?.writesRef === true && isZeroOid(staged.change.new);
      if (!isGone) return name;
    }
    return created;
  }
}

/** refs.c: should_autocreate_reflog. */
function hasLogUnasked(name: string): boolean {
  return name === "HEAD" ||
    ["refs/heads/", "refs/remotes/", "refs/notes/"]
      .some((prefix) => name.startsWith(prefix));
}

function* directoriesOf(name: string): Generator<string, void, void> {
  for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
    yield name.slice(0, at + 1);
  }
}
