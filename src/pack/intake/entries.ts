/**
 * The entries of a pack that is taken in, as columns: what the scan of its
 * bytes leaves for those who resolve its deltas and write its index. Columns
 * lie in SharedArrayBuffers, so that several threads can work on them.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";

/** One column set; an entry is named by its *rank*, its place in the pack. */
export interface PackEntries {
  /** The format of the ids. */
  readonly format: ObjectFormat;
  /** How many entries were scanned. */
  readonly count: number;
  /** Where each entry starts; one more tells where the last one ends. */
  readonly offsets: Float64Array;
  /** Bytes before each entry's compressed data: type, size and base. */
  readonly heads: Uint8Array;
  /** The type in each entry: 1 to 4, or 6 and 7 for deltas. */
  readonly types: Uint8Array;
  /** What each entry inflates to: an object, or a delta. */
  readonly sizes: Float64Array;
  /** The CRC-32 of each entry as it lies in the pack. */
  readonly crcs: Uint32Array;
  /**
   * The base of each delta: its rank for one by offset, or, for one by name,
   * -1 minus the row of the name in `baseIds`. 0 for what is no delta.
   */
  readonly bases: Int32Array;
  /** Raw ids that deltas name as bases, by row; may repeat. */
  readonly baseIds: Uint8Array;
  /** The raw ids by rank: those of whole objects, and of resolved deltas. */
  readonly ids: Uint8Array;
  /** The kind that each comes to, 1 to 4; 0 while that is not known. */
  readonly kinds: Uint8Array;
}
