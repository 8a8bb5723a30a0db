/**
 * Which deltas of a pack are stored here already, byte for byte and on the same
 * bases: they come to the same objects, which then need not be made to be
 * compared. That is so where a history comes once more.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { OFS_DELTA } from "../../object/kind.ts";
import type { PackEntries } from "./entries.ts";
import type { ExistingObjects, StoredPack } from "./ports.ts";

/** Looks at the entries of a pack in the order of their ranks. */
export class StoredTwins {
  readonly #entries: PackEntries;
  readonly #pack: Pick<StoredPack, "readAt">;
  readonly #existing: ExistingObjects;
  /** By rank: 1 for what is known to be the object that is here. */
  readonly #same: Uint8Array;
  #buffer: Uint8Array = new Uint8Array(64 * 1024);

  /** Whole objects that are here were found to be the same. */
  constructor(
    entries: PackEntries,
    pack: Pick<StoredPack, "readAt">,
    existing: ExistingObjects,
  ) {
    this.#entries = entries;
    this.#pack = pack;
    this.#existing = existing;
    this.#same = new Uint8Array(entries.count);
  }

  /** Takes a whole object, whose id is here. */
  addWhole(rank: number): void {
    this.#same[rank] = 1;
  }

  /** Whether a delta, whose id is here, is the one that is here. */
  isTwin(rank: number): boolean {
    const { types, bases } = this.#entries;
    if (types[rank] !== OFS_DELTA) return false;
    const base = bases[rank] as number;
    if (base < 0 || this.#same[base] !== 1) return false;
    const other = this.#existing.storedDelta?.(this.#id(rank));
    if (
      other === undefined || !equalBytes(other.baseId, this.#id(base)) ||
      !equalBytes(other.data, this.#data(rank, other.data.length))
    ) return false;
    this.#same[rank] = 1;
    return true;
  }

  /** The compressed data of an entry, unless it is not so long. */
  #data(rank: number, length: number): Uint8Array {
    const { offsets, heads } = this.#entries;
    const start = (offsets[rank] as number) + (heads[rank] as number);
    if ((offsets[rank + 1] as number) - start !== length) {
      return new Uint8Array(0);
    }
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    const into = this.#buffer.subarray(0, length);
    return into.subarray(0, this.#pack.readAt(into, start));
  }

  #id(rank: number): Uint8Array {
    const { ids, format: { rawLength } } = this.#entries;
    return ids.subarray(rank * rawLength, (rank + 1) * rawLength);
  }
}
