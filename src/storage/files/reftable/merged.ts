/**
 * The refs of one or two stacks of reftables at one moment: later tables
 * shadow earlier ones, deletions hide. Reads no file itself.
 *
 * @module
 */

import { isZeroOid } from "../../../core/oid.ts";
import type { RefName } from "../../../core/ref_name.ts";
import {
  type RawRef,
  type RefLookup,
  resolvedRecord,
  resolveHead,
  unbornTarget,
} from "../../ref_snapshot.ts";
import type { Head, RefRecord, RefSnapshot } from "../../types.ts";
import { symrefTo } from "../loose_ref_value.ts";
import { PER_WORKTREE } from "../loose_refs.ts";
import { type RefBlock, VALUE } from "./block.ts";
import type { PlacedBlock, Reftable } from "./table.ts";

const REFS = "refs/";

/** What a {@linkcode ReftableSnapshot} is made from. */
export interface ReftableSnapshotInit {
  /** Changes when any table does. */
  readonly id: string;
  /** The repository's tables, the oldest first. */
  readonly common: readonly Reftable[];
  /**
   * Those of a linked worktree, which hold its HEAD and its own refs;
   * `undefined` in a main worktree.
   */
  readonly worktree: readonly Reftable[] | undefined;
}

/** Refs over tables that stay as they are. */
export class ReftableSnapshot implements RefSnapshot {
  readonly id: string;
  readonly head: Head | undefined;
  readonly #common: readonly Reftable[];
  readonly #worktree: readonly Reftable[] | undefined;
  readonly #raw: RefLookup;
  #size: number | undefined;

  /** Looks HEAD up. Throws StorageError "bad-reftable". */
  constructor(init: ReftableSnapshotInit) {
    this.id = init.id;
    this.#common = init.common;
    this.#worktree = init.worktree;
    this.#raw = {
      get: (name) => {
        const found = this.#find(name);
        return found === "broken" ? undefined : found;
      },
    };
    this.head = this.#readHead();
  }

  /** Counted when it is first asked for. */
  get size(): number {
    if (this.#size === undefined) {
      let count = 0;
      for (const _ of this.list("")) count++;
      this.#size = count;
    }
    return this.#size;
  }

  get(name: RefName): RefRecord | undefined {
    if (!name.startsWith(REFS)) return undefined;
    const value = this.#raw.get(name);
    if (value === undefined) return undefined;
    return "symref" in value
      ? resolvedRecord(this.#raw, name, value.symref)
      : { name, ...value };
  }

  unborn(name: RefName): RefName | undefined {
    const target = unbornTarget(this.#raw, name);
    return target === undefined || this.#find(target) === "broken"
      ? undefined
      : target;
  }

  /**
   * As {@linkcode RefSnapshot.list}; what it goes through is checked before
   * the first record: throws StorageError "bad-reftable".
   */
  *list(prefix: string): Generator<RefRecord, void, void> {
    // Root refs such as HEAD are in the tables too, and never listed.
    const asked = REFS.startsWith(prefix) ? REFS : prefix;
    if (!asked.startsWith(REFS)) return;
    const tables = [...this.#common, ...(this.#worktree ?? [])];
    for (const table of tables) table.check(asked);
    for (const run of merge(this.#runs(asked))) {
      if (run.isRefused) continue;
      const record = this.#record(run.block, run.index, run.name as RefName);
      if (record !== undefined) yield record;
    }
  }

  #runs(prefix: string): Run[] {
    const own = this.#worktree;
    if (own === undefined) {
      return this.#common.map((table) => new Run(table, prefix, () => true));
    }
    const isShared = (name: string) => !isPerWorktree(name);
    return [
      ...this.#common.map((table) => new Run(table, prefix, isShared)),
      ...own.map((table) => new Run(table, prefix, isPerWorktree)),
    ];
  }

  /** HEAD is broken, not unborn, where the ref that it names is broken. */
  #readHead(): Head | undefined {
    const head = resolveHead(this.#raw);
    return head?.oid === undefined && head?.target !== undefined &&
        this.#find(head.target) === "broken"
      ? undefined
      : head;
  }

  #record(
    block: RefBlock,
    index: number,
    name: RefName,
  ): RefRecord | undefined {
    const value = valueAt(block, index);
    if (value === undefined || value === "broken") return undefined;
    if ("symref" in value) return resolvedRecord(this.#raw, name, value.symref);
    return value.peeled === undefined
      ? { name, oid: value.oid }
      : { name, oid: value.oid, peeled: value.peeled };
  }

  /** What is stored under a name. */
  #find(name: string): RawRef | "broken" | undefined {
    const tables = isPerWorktree(name)
      ? this.#worktree ?? this.#common
      : this.#common;
    return findRef(tables, name);
  }
}

/** What tables, the oldest first, store under a name. */
export function findRef(
  tables: readonly Reftable[],
  name: string,
): RawRef | "broken" | undefined {
  for (let i = tables.length - 1; i >= 0; i--) {
    const found = (tables[i] as Reftable).seek(name)?.block;
    if (found === undefined) continue;
    const index = found.lowerBound(name);
    if (found.name(index) === name) return valueAt(found, index);
  }
  return undefined;
}

/** The names in tables that start with `prefix`, those of broken refs too. */
export function* namesBelow(
  tables: readonly Reftable[],
  prefix: string,
): Generator<string, void, void> {
  for (const run of merge(tables.map((t) => new Run(t, prefix, () => true)))) {
    if (run.block.kind(run.index) !== VALUE.deletion) yield run.name as RefName;
  }
}

/** refs.c: is_current_worktree_ref. */
export function isPerWorktree(name: string): boolean {
  return !name.startsWith(REFS) ||
    PER_WORKTREE.some((each) => name.startsWith(`${each}/`));
}

function valueAt(
  block: RefBlock,
  index: number,
): RawRef | "broken" | undefined {
  const kind = block.kind(index);
  if (kind === VALUE.deletion) return undefined;
  if (kind === VALUE.symref) {
    return symrefTo(block.symref(index)) ?? "broken";
  }
  const oid = block.oid(index);
  if (isZeroOid(oid)) return "broken";
  return kind === VALUE.peeled ? { oid, peeled: block.peeled(index) } : { oid };
}

/** A place in one table that moves up through the names it may show. */
class Run {
  readonly #table: Reftable;
  readonly #prefix: string;
  readonly #shows: (name: string) => boolean;
  #placed: PlacedBlock | undefined;
  index = 0;
  /** The name here; `undefined` at the end. */
  name: RefName | undefined;

  constructor(
    table: Reftable,
    prefix: string,
    shows: (name: string) => boolean,
  ) {
    this.#table = table;
    this.#prefix = prefix;
    this.#shows = shows;
    this.#placed = table.seek(prefix);
    this.index = this.#placed?.block.lowerBound(prefix) ?? 0;
    this.#look();
  }

  get block(): RefBlock {
    return (this.#placed as PlacedBlock).block;
  }

  /** Whether git's rules refuse the name here. */
  get isRefused(): boolean {
    return this.#placed?.refused?.has(this.index) === true;
  }

  advance(): void {
    this.index++;
    this.#look();
  }

  #look(): void {
    for (; this.#placed !== undefined; this.index++) {
      if (this.index === this.#placed.block.count) {
        this.#placed = this.#table.blockAt(this.#placed.next);
        this.index = 0;
        if (this.#placed === undefined) break;
      }
      const name = this.#placed.block.name(this.index);
      if (!name.startsWith(this.#prefix)) break;
      if (this.#shows(name)) {
        this.name = name;
        return;
      }
    }
    this.name = undefined;
  }
}

/**
 * Every name once, in order, where its last table has it. While one run is
 * below all others nothing but its own names is looked at, so that a large
 * table under a few small ones costs as much as alone.
 */
function* merge(runs: readonly Run[]): Generator<Run, void, void> {
  for (;;) {
    let first: Run | undefined;
    let bound: string | undefined;
    for (const run of runs) {
      const name = run.name;
      if (name === undefined) continue;
      if (first?.name === undefined || name < first.name) {
        bound = first?.name ?? bound;
        first = run;
      } else if (name === first.name) {
        // The later table wins; the earlier one's record is passed over.
        first.advance();
        bound = lower(bound, first.name);
        first = run;
      } else {
        bound = lower(bound, name);
      }
    }
    if (first === undefined) return;
    while (first.name !== undefined) {
      if (bound !== undefined && first.name >= bound) break;
      yield first;
      first.advance();
    }
  }
}

function lower(a: string | undefined, b: string | undefined) {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
