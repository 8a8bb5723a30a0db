/**
 * Refs at one moment as a sorted array, and the resolution of symrefs: what
 * every ref store does once it has read raw values. It reads nothing itself.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";
import type { RefName } from "../core/ref_name.ts";
import type { Head, RefRecord, RefSnapshot } from "./types.ts";

/** A ref's value as it is stored: an id, or the name of another ref. */
export type RawRef =
  | { readonly oid: Oid; readonly peeled?: Oid | null }
  | { readonly symref: RefName };

/** What {@linkcode SortedRefs} is made from. */
export interface SortedRefsInit {
  /** Changes when any ref does. */
  readonly id: string;
  /** HEAD, or `undefined` where it is missing or broken. */
  readonly head: Head | undefined;
  /** Every other ref once, in the byte order of names. Kept, not copied. */
  readonly records: readonly RefRecord[];
  /**
   * Symrefs to refs that are missing, with the last ref of each chain; with
   * themselves where their chain is a circle.
   */
  readonly unborn: ReadonlyMap<string, RefName>;
}

/** Refs in a sorted array: lookups and prefix listings by binary search. */
export class SortedRefs implements RefSnapshot {
  readonly id: string;
  readonly head: Head | undefined;
  readonly #records: readonly RefRecord[];
  readonly #unborn: ReadonlyMap<string, RefName>;

  /** Refs that are sorted already, as {@linkcode resolveSymrefs} gives them. */
  constructor(init: SortedRefsInit) {
    this.id = init.id;
    this.head = init.head;
    this.#records = init.records;
    this.#unborn = init.unborn;
  }

  get size(): number {
    return this.#records.length;
  }

  get(name: RefName): RefRecord | undefined {
    const record = this.#records[this.#lowerBound(name)];
    return record?.name === name ? record : undefined;
  }

  unborn(name: RefName): RefName | undefined {
    return this.#unborn.get(name);
  }

  *list(prefix: string): Generator<RefRecord, void, void> {
    if (prefix === "") {
      yield* this.#records;
      return;
    }
    const records = this.#records;
    for (let i = this.#lowerBound(prefix); i < records.length; i++) {
      const record = records[i] as RefRecord;
      if (!record.name.startsWith(prefix)) return;
      yield record;
    }
  }

  #lowerBound(name: string): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle] as RefRecord).name < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

// refs-internal.h: SYMREF_MAXDEPTH, the number of refs that are read in all.
const SYMREF_MAX_READS = 5;

/** Stored values by name; every map of them is one. */
export interface RefLookup {
  /** What is stored under `name`, or `undefined`. */
  get(name: string): RawRef | undefined;
}

/** The end of a symref's chain. */
interface ResolvedRef {
  /** The last ref of the chain. */
  readonly target: RefName;
  /** Its value; `undefined` where there is no such ref. */
  readonly value:
    | { readonly oid: Oid; readonly peeled?: Oid | null }
    | undefined;
}

/**
 * Resolves every symref, as refs.c: refs_resolve_ref_unsafe does: at most five
 * refs are read on the way. Symrefs that lead nowhere are no records: they are
 * unborn, and so is such a HEAD; one whose chain is too long or a circle is
 * broken, and so is HEAD in that case. The records are sorted.
 */
export function resolveSymrefs(
  raw: ReadonlyMap<string, RawRef>,
): Pick<SortedRefsInit, "head" | "unborn"> & { readonly records: RefRecord[] } {
  const records: RefRecord[] = [];
  const unborn = new Map<string, RefName>();
  for (const [key, value] of raw) {
    if (key === "HEAD") continue;
    const name = key as RefName;
    if ("oid" in value) {
      records.push(recordOf(name, value));
      continue;
    }
    const resolved = resolvedRecord(raw, name, value.symref);
    if (resolved !== undefined) records.push(resolved);
    else {
      const target = unbornTarget(raw, name);
      if (target !== undefined) unborn.set(name, target);
    }
  }
  records.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  return { head: resolveHead(raw), records, unborn };
}

/** What a symref comes to; `undefined` where it leads nowhere. */
export function resolvedRecord(
  raw: RefLookup,
  name: RefName,
  symref: RefName,
): RefRecord | undefined {
  const { target, value } = followSymref(raw, symref) ?? {};
  return target === undefined || value === undefined
    ? undefined
    : { ...recordOf(name, value), target };
}

/** What HEAD comes to; `undefined` where it is missing or broken. */
export function resolveHead(raw: RefLookup): Head | undefined {
  const value = raw.get("HEAD");
  if (value === undefined) return undefined;
  if ("oid" in value) return { oid: value.oid };
  const resolved = followSymref(raw, value.symref);
  if (resolved === undefined) return undefined;
  return resolved.value === undefined
    ? { target: resolved.target }
    : { target: resolved.target, oid: resolved.value.oid };
}

/**
 * The missing ref that the symref `name` leads to, if that is what it does;
 * `name` where its chain is too long or a circle.
 */
export function unbornTarget(
  raw: RefLookup,
  name: string,
): RefName | undefined {
  const value = raw.get(name);
  if (value === undefined || "oid" in value) return undefined;
  const resolved = followSymref(raw, value.symref);
  if (resolved === undefined) return name as RefName;
  return resolved.value === undefined ? resolved.target : undefined;
}

/** Where a symref's chain ends; `undefined` where it is too long. */
function followSymref(
  raw: RefLookup,
  first: RefName,
): ResolvedRef | undefined {
  let target = first;
  // The symref itself was the first read.
  for (let reads = 1; reads < SYMREF_MAX_READS; reads++) {
    const value = raw.get(target);
    if (value === undefined || "oid" in value) return { target, value };
    target = value.symref;
  }
  return undefined;
}

function recordOf(
  name: RefName,
  value: { readonly oid: Oid; readonly peeled?: Oid | null },
): RefRecord {
  return value.peeled === undefined
    ? { name, oid: value.oid }
    : { name, oid: value.oid, peeled: value.peeled };
}
