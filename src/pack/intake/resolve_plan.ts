/**
 * Which deltas of a pack are based on which entry: links from bases to deltas,
 * so that families can be gone through depth first. Numbers alone; nothing is
 * inflated here.
 *
 * @module
 */

import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { NamedBases } from "./named_bases.ts";
import type { PackEntries } from "./entries.ts";

/** Whether an entry of this type is a delta. */
export function isDelta(type: number): boolean {
  return type === OFS_DELTA || type === REF_DELTA;
}

/** Links between entries, by rank; they lie in shared memory. */
export interface ResolvePlan {
  /**
   * The first of the deltas that are based on an entry, plus one: that name it
   * by rank, or, of whole objects, by id.
   */
  readonly firsts: Int32Array;
  /** The next delta with the same base, plus one, by rank or by name. */
  readonly nexts: Int32Array;
  /**
   * How many deltas come after an entry, itself included, as far as those
   * links tell.
   */
  readonly weights: Int32Array;
  /** Deltas that name an object which the pack does not have whole. */
  readonly named: NamedBases;
  /** How many deltas there are to be resolved. */
  readonly deltas: number;
  /** By rank: 1 for deltas that are to be resolved; absent: all are. */
  readonly needed?: Uint8Array;
}

/**
 * Links the deltas of a pack; with `wanted`, by rank, those that are marked
 * there, those without an id, and what they need. Deltas with one base come in the order of ranks.
 */
export function planResolution(
  entries: PackEntries,
  wanted?: Uint8Array,
): ResolvePlan {
  const { count, types, bases } = entries;
  const named = new NamedBases(entries);
  const needed = wanted && neededBy(entries, named, wanted);
  const firsts = sharedNumbers(count);
  const nexts = sharedNumbers(count);
  const weights = sharedNumbers(count).fill(1);
  let deltas = 0;
  for (let rank = count - 1; rank >= 0; rank--) {
    const type = types[rank] as number;
    if (!isDelta(type) || needed?.[rank] === 0) continue;
    deltas++;
    const base = bases[rank] as number;
    if (type === REF_DELTA) {
      nexts[rank] = named.add(-1 - base, rank);
      continue;
    }
    nexts[rank] = firsts[base] as number;
    firsts[base] = rank + 1;
    (weights[base] as number) += weights[rank] as number;
  }
  const links = { firsts, nexts, weights, named, deltas };
  const plan = needed === undefined ? links : { ...links, needed };
  if (named.hasAny) linkNamed(entries, plan);
  return plan;
}

/** Links deltas that name an object which the pack has whole. */
function linkNamed(
  { count, types, ids, format }: PackEntries,
  { firsts, nexts, weights, named }: ResolvePlan,
): void {
  for (let rank = 0; rank < count; rank++) {
    if (isDelta(types[rank] as number)) continue;
    const first = named.claim(ids, rank * format.rawLength, rank);
    if (first === 0) continue;
    let last = first;
    for (;;) {
      (weights[rank] as number) += weights[last - 1] as number;
      const next = nexts[last - 1] as number;
      if (next === 0) break;
      last = next;
    }
    nexts[last - 1] = firsts[rank] as number;
    firsts[rank] = first;
  }
}

function sharedNumbers(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

/**
 * Marks the deltas that `wanted` marks or that have no id, and those that they
 * are based on.
 */
function neededBy(
  entries: PackEntries,
  named: NamedBases,
  wanted: Uint8Array,
): Uint8Array {
  const { count, types, bases, kinds, ids, format } = entries;
  const rows = named.hasAny ? new Map<number, number>() : undefined;
  for (let rank = 0; rows !== undefined && rank < count; rank++) {
    if (kinds[rank] === 0) continue;
    const place = named.find(ids, rank * format.rawLength);
    if (place >= 0 && !rows.has(place)) rows.set(place, rank);
  }
  const needed = new Uint8Array(count);
  for (let rank = 0; rank < count; rank++) {
    // What has no id yet may be needed by a name that nobody knows yet.
    if (wanted[rank] !== 1 && kinds[rank] !== 0) continue;
    for (let at: number | undefined = rank; at !== undefined;) {
      const type = types[at] as number;
      if (!isDelta(type) || needed[at] === 1) break;
      needed[at] = 1;
      const base = bases[at] as number;
      at = type === OFS_DELTA ? base : rows?.get(named.placeOf(-1 - base));
    }
  }
  return needed;
}
