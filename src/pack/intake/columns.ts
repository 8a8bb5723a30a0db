/**
 * Gathers the columns of {@linkcode PackEntries}. They grow with what has
 * arrived, never with what a pack says of itself.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { PackEntries } from "./entries.ts";

const FIRST_ROWS = 1024;

/** What is known of an entry once it was scanned. */
export interface ScannedEntry {
  /** Where it starts. */
  readonly offset: number;
  /** Bytes before its compressed data. */
  readonly head: number;
  /** Its type. */
  readonly type: number;
  /** What it inflates to. */
  readonly size: number;
  /** The CRC-32 of all of it. */
  readonly crc: number;
  /** As in {@linkcode PackEntries.bases}. */
  readonly base: number;
}

/** Columns that entries are added to, in the order of the pack. */
export class EntryColumns {
  /** How many entries there are. */
  count = 0;
  /** How many names of bases. */
  names = 0;
  readonly #format: ObjectFormat;
  #most: number;
  #offsets: Float64Array<SharedArrayBuffer>;
  #heads: Uint8Array<SharedArrayBuffer>;
  #types: Uint8Array<SharedArrayBuffer>;
  #sizes: Float64Array<SharedArrayBuffer>;
  #crcs: Uint32Array<SharedArrayBuffer>;
  #bases: Int32Array<SharedArrayBuffer>;
  #baseIds: Uint8Array<SharedArrayBuffer>;
  #ids: Uint8Array<SharedArrayBuffer>;
  #kinds: Uint8Array<SharedArrayBuffer>;
  #rows: number;
  #nameRows = 0;

  /** Columns for `most` entries at first, of which few take memory yet. */
  constructor(format: ObjectFormat, most: number) {
    this.#format = format;
    this.#most = most;
    const rows = Math.min(FIRST_ROWS, most);
    this.#rows = rows;
    this.#offsets = new Float64Array(shared((rows + 1) * 8));
    this.#heads = new Uint8Array(shared(rows));
    this.#types = new Uint8Array(shared(rows));
    this.#sizes = new Float64Array(shared(rows * 8));
    this.#crcs = new Uint32Array(shared(rows * 4));
    this.#bases = new Int32Array(shared(rows * 4));
    this.#ids = new Uint8Array(shared(rows * format.rawLength));
    this.#kinds = new Uint8Array(shared(rows));
    this.#baseIds = new Uint8Array(shared(0));
  }

  /** Adds an entry; its rank. */
  push(entry: ScannedEntry): number {
    if (this.count === this.#rows) this.#grow();
    const rank = this.count++;
    this.#offsets[rank] = entry.offset;
    this.#heads[rank] = entry.head;
    this.#types[rank] = entry.type;
    this.#sizes[rank] = entry.size;
    this.#crcs[rank] = entry.crc;
    this.#bases[rank] = entry.base;
    return rank;
  }

  /** Gives an entry the raw id at `at` in `bytes`, and its kind. */
  name(rank: number, bytes: Uint8Array, at: number, kind: number): void {
    const { rawLength } = this.#format;
    const to = rank * rawLength;
    for (let i = 0; i < rawLength; i++) {
      this.#ids[to + i] = bytes[at + i] as number;
    }
    this.#kinds[rank] = kind;
  }

  /** Adds the name of a base; what stands for it in the column of bases. */
  addBaseId(bytes: Uint8Array, at: number): number {
    const { rawLength } = this.#format;
    if (this.names === this.#nameRows) {
      this.#nameRows = Math.max(256, this.#nameRows * 2);
      const grown = new Uint8Array(shared(this.#nameRows * rawLength));
      grown.set(this.#baseIds);
      this.#baseIds = grown;
    }
    const row = this.names++;
    this.#baseIds.set(bytes.subarray(at, at + rawLength), row * rawLength);
    return -1 - row;
  }

  /** The rank of the entry that starts at `offset`, or -1. */
  rankAt(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.#offsets[low] === offset ? low : -1;
  }

  /** The columns, the last entry ending at `end`. More may be added later. */
  finish(end: number): PackEntries {
    const { count } = this;
    const { rawLength } = this.#format;
    this.#offsets[count] = end;
    return {
      format: this.#format,
      count,
      offsets: this.#offsets.subarray(0, count + 1),
      heads: this.#heads.subarray(0, count),
      types: this.#types.subarray(0, count),
      sizes: this.#sizes.subarray(0, count),
      crcs: this.#crcs.subarray(0, count),
      bases: this.#bases.subarray(0, count),
      baseIds: this.#baseIds.subarray(0, this.names * rawLength),
      ids: this.#ids.subarray(0, count * rawLength),
      kinds: this.#kinds.subarray(0, count),
    };
  }

  #grow(): void {
    if (this.count >= this.#most) this.#most = this.count + 64;
    const rows = Math.min(this.#rows * 2 + 64, this.#most);
    this.#rows = rows;
    const bytes = (length: number, from: Uint8Array) => {
      const grown = new Uint8Array(shared(length));
      grown.set(from);
      return grown;
    };
    const doubles = (length: number, from: Float64Array) => {
      const grown = new Float64Array(shared(length * 8));
      grown.set(from);
      return grown;
    };
    this.#offsets = doubles(rows + 1, this.#offsets);
    this.#heads = bytes(rows, this.#heads);
    this.#types = bytes(rows, this.#types);
    this.#sizes = doubles(rows, this.#sizes);
    const crcs = new Uint32Array(shared(rows * 4));
    crcs.set(this.#crcs);
    this.#crcs = crcs;
    const bases = new Int32Array(shared(rows * 4));
    bases.set(this.#bases);
    this.#bases = bases;
    this.#ids = bytes(rows * this.#format.rawLength, this.#ids);
    this.#kinds = bytes(rows, this.#kinds);
  }
}

function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
