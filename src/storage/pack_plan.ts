/**
 * Packs that are made for a reader: what is to go, and its bytes. Types alone.
 *
 * @module
 */

import type { NumberList } from "../core/number_list.ts";
import type { ObjectSet } from "../core/object_set.ts";
import type { Hash } from "../kernels/types.ts";

/** What a pack is to hold, and what its reader has. */
export interface PackRequest {
  /** The objects, each once, in the order of enumeration. */
  readonly objects: NumberList;
  /** The same objects. */
  readonly members: ObjectSet;
  /**
   * Objects that the reader has: deltas against them may be sent (a thin
   * pack). Absent: every delta's base is in the pack.
   */
  readonly bases?: ObjectSet;
  /** Whether the reader takes deltas by offset; else they name their base. */
  readonly ofsDelta: boolean;
  /** Bases stand before the deltas made against them. */
  readonly order?: "bases-first";
  /**
   * Where deltas are looked for: what stood at the same path is alike. Absent:
   * those that are stored are all.
   */
  readonly paths?: PathRoots;
}

/** Trees in which the same paths are alike. */
export interface PathRoots {
  /** The trees of commits that are sent, newest first. */
  readonly sent: Int32Array;
  /** For each the tree of its commit's first parent, or -1. */
  readonly before: Int32Array;
}

/**
 * What a plan came to, as git's closing progress line tells it. Where a stored
 * pack goes as it lies, its deltas are counted while it is read.
 */
export interface PackPlan {
  /** Objects in the pack. */
  readonly objects: number;
  /** Those sent as deltas. */
  readonly deltas: number;
  /** Objects whose stored bytes are copied. */
  readonly reused: number;
  /** Deltas whose stored bytes are copied. */
  readonly reusedDeltas: number;
  /**
   * The pack's bytes, header and trailer included, made as they are asked
   * for. `hash` is a fresh hash of the repository's format for the trailer.
   * The snapshot must stay undisposed while it is read.
   */
  open(hash: Hash): PackBytes;
}

/** A pack as a pull source: nothing is made before there is room for it. */
export interface PackBytes extends Disposable {
  /**
   * Fills `into` from its start and returns the count; less than its length
   * only at the pack's end, 0 when all was read. Synchronous; one call does
   * work proportional to `into`. Throws StorageError "corrupt-object" where a
   * stored entry cannot be read and no other copy can stand in: what was read
   * so far must then not be ended like a whole pack.
   */
  read(into: Uint8Array): number;
  /**
   * Where its entries are, once all was read: columns in their order. Absent
   * where a store cannot tell.
   */
  entries?(): { readonly ids: Uint8Array; readonly offsets: Float64Array };
}
