/**
 * Bitmap indexes (.bitmap), version 1: for some commits of a pack, or of a
 * multi-pack-index, the set of all objects they reach. Bits count objects in
 * the order of the pack; commits are named by their positions in the index.
 * The cache of name hashes and the pseudo-merges are passed over.
 *
 * Opening checks the frame; a commit's bitmap is checked when it is asked for.
 *
 * @see https://git-scm.com/docs/bitmap-format
 * @module
 */

import { readUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";
import { readUint64 } from "./chunk_table.ts";
import { bitmapWords, type Ewah, orEwah, readEwah, xorEwah } from "./ewah.ts";

const SIGNATURE = 0x4249544d; // BITM
const FIXED_HEADER_BYTES = 12;
const FULL_DAG = 0x1;
const HASH_CACHE = 0x4;
const LOOKUP_TABLE = 0x10;
const PSEUDO_MERGES = 0x20;
const TRIPLET_BYTES = 16;
const ENTRY_HEADER_BYTES = 6;
const PSEUDO_TRAILER_BYTES = 24;
const MAX_XOR_OFFSET = 160;
const NO_ROW = 0xffffffff;

/** The objects of an index by their kinds, as words of bits. */
export interface TypeBitmaps {
  /** Its commits. */
  readonly commits: Uint32Array;
  /** Its trees. */
  readonly trees: Uint32Array;
  /** Its blobs. */
  readonly blobs: Uint32Array;
  /** Its tags. */
  readonly tags: Uint32Array;
}

/** A bitmap index over its file's bytes. Rows count the commits it has. */
export class BitmapIndex {
  /** The file. */
  readonly bytes: Uint8Array;
  /** How many objects the pack or multi-pack-index has. */
  readonly objectCount: number;
  /** How many commits have a bitmap. */
  readonly count: number;
  readonly #rawLength: number;
  readonly #types: readonly Ewah[];
  readonly #end: number;
  /** By row: the commit's position in the pack's or the multi-pack index. */
  readonly #positions: Uint32Array<ArrayBuffer>;
  /** By row: where the entry starts. */
  readonly #entries: Float64Array<ArrayBuffer>;
  /** By row: the row whose bitmap this one is stored against, or -1. */
  readonly #bases: Int32Array<ArrayBuffer>;

  /**
   * Opens a file for an index of `objectCount` objects; `bytes` is kept, and
   * its checksum is not looked at. Throws StorageError "corrupt-bitmap", also
   * for another version and without the full-DAG flag.
   */
  constructor(bytes: Uint8Array, format: ObjectFormat, objectCount: number) {
    const raw = format.rawLength;
    const headerBytes = FIXED_HEADER_BYTES + raw;
    if (bytes.length < headerBytes + raw) throw corrupt("is too small");
    if (readUint32(bytes, 0) !== SIGNATURE) {
      throw corrupt("does not match its signature");
    }
    const version = readUint32(bytes, 4) >>> 16;
    if (version !== 1) throw corrupt(`has version ${version}`);
    const flags = readUint32(bytes, 4) & 0xffff;
    if ((flags & FULL_DAG) === 0) throw corrupt("is not of a full DAG");
    const count = readUint32(bytes, 8);
    let end = bytes.length - raw;
    const take = (size: number, name: string): number => {
      if (size > end - headerBytes) throw corrupt(`is too short for ${name}`);
      end -= size;
      return end;
    };
    if ((flags & HASH_CACHE) !== 0) take(4 * objectCount, "its hash cache");
    const tableAt = (flags & LOOKUP_TABLE) === 0
      ? -1
      : take(TRIPLET_BYTES * count, "its lookup table");
    if ((flags & PSEUDO_MERGES) !== 0) {
      if (PSEUDO_TRAILER_BYTES > end - headerBytes) {
        throw corrupt("is too short for its pseudo-merges");
      }
      const size = readUint64(bytes, end - 8);
      if (size < PSEUDO_TRAILER_BYTES) {
        throw corrupt("is too short for its pseudo-merges");
      }
      take(size, "its pseudo-merges");
    }
    if (count > objectCount || count * ENTRY_HEADER_BYTES > end) {
      throw corrupt("has too many entries");
    }
    this.bytes = bytes;
    this.objectCount = objectCount;
    this.count = count;
    this.#rawLength = raw;
    this.#end = end;
    const types: Ewah[] = [];
    let at = headerBytes;
    for (let i = 0; i < 4; i++) {
      const ewah = readEwah(bytes, at, end);
      types.push(ewah);
      at = ewah.next;
    }
    this.#types = types;
    this.#positions = new Uint32Array(count);
    this.#entries = new Float64Array(count);
    this.#bases = new Int32Array(count);
    if (tableAt < 0) this.#readEntries(at);
    else this.#readTable(tableAt, at);
  }

  /** The position in the index of the commit in `row`. */
  position(row: number): number {
    return this.#positions[row] as number;
  }

  /**
   * The row whose bitmap must be turned over by {@linkcode BitmapIndex.xor} of
   * `row` to give that of `row`, or -1 where it stands for itself. A lookup
   * table may send the reader round in a circle.
   */
  base(row: number): number {
    return this.#bases[row] as number;
  }

  /**
   * Turns over in `words` what the entry in `row` has set. Throws StorageError
   * "corrupt-bitmap"; `words` is then of no use.
   */
  xor(row: number, words: Uint32Array): void {
    xorEwah(this.bytes, this.#ewah(row), words, this.objectCount);
  }

  /** Sets in `words` what the entry in `row` has set; throws likewise. */
  or(row: number, words: Uint32Array): void {
    orEwah(this.bytes, this.#ewah(row), words, this.objectCount);
  }

  /**
   * The kinds of all objects. Throws StorageError "corrupt-bitmap" where an
   * object has none or two.
   */
  types(): TypeBitmaps {
    const { bytes, objectCount } = this;
    const all = bitmapWords(objectCount);
    const [commits, trees, blobs, tags] = this.#types.map((ewah) => {
      const words = bitmapWords(objectCount);
      orEwah(bytes, ewah, words, objectCount);
      for (let i = 0; i < words.length; i++) {
        const bits = words[i] as number;
        if (((all[i] as number) & bits) !== 0) {
          throw corrupt("has an object of two kinds");
        }
        all[i] = (all[i] as number) | bits;
      }
      return words;
    }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    for (let i = 0; i < all.length; i++) {
      const left = objectCount - 32 * i;
      const expected = left >= 32 ? -1 : left <= 0 ? 0 : ~(-1 << left);
      if (((all[i] as number) ^ expected) !== 0) {
        throw corrupt("has an object without a kind");
      }
    }
    return { commits, trees, blobs, tags };
  }

  /** The checksum of the pack or multi-pack-index that it is for. */
  packChecksum(): Uint8Array {
    return this.bytes.subarray(
      FIXED_HEADER_BYTES,
      FIXED_HEADER_BYTES + this.#rawLength,
    );
  }

  /** The checksum at the file's end. */
  checksum(): Uint8Array {
    return this.bytes.subarray(-this.#rawLength);
  }

  #ewah(row: number): Ewah {
    const entry = this.#entries[row] as number;
    return readEwah(this.bytes, entry + ENTRY_HEADER_BYTES, this.#end);
  }

  /** pack-bitmap.c: load_bitmap_entries_v1. */
  #readEntries(start: number): void {
    const { bytes } = this;
    let at = start;
    for (let row = 0; row < this.count; row++) {
      if (this.#end - at < ENTRY_HEADER_BYTES) {
        throw corrupt("ends inside an entry");
      }
      const back = bytes[at + 4] as number;
      if (back > MAX_XOR_OFFSET || back > row) {
        throw corrupt("has an entry against none");
      }
      this.#enter(row, readUint32(bytes, at), at);
      this.#bases[row] = back === 0 ? -1 : row - back;
      at = readEwah(bytes, at + ENTRY_HEADER_BYTES, this.#end).next;
    }
  }

  /** pack-bitmap.c: bitmap_lookup_table_get_triplet. */
  #readTable(tableAt: number, entriesAt: number): void {
    const { bytes, count } = this;
    for (let row = 0; row < count; row++) {
      const at = tableAt + TRIPLET_BYTES * row;
      const position = readUint32(bytes, at);
      if (row > 0 && position <= (this.#positions[row - 1] as number)) {
        throw corrupt("has a lookup table out of order");
      }
      const entry = readUint64(bytes, at + 4);
      if (entry < entriesAt || entry > this.#end - ENTRY_HEADER_BYTES) {
        throw corrupt("has an entry outside itself");
      }
      if (readUint32(bytes, entry) !== position) {
        throw corrupt("has a lookup table of other entries");
      }
      const base = readUint32(bytes, at + 12);
      if (base !== NO_ROW && base >= count) {
        throw corrupt("has an entry against none");
      }
      this.#enter(row, position, entry);
      this.#bases[row] = base === NO_ROW ? -1 : base;
    }
  }

  #enter(row: number, position: number, entry: number): void {
    if (position >= this.objectCount) {
      throw corrupt("has a commit outside its index");
    }
    this.#positions[row] = position;
    this.#entries[row] = entry;
  }
}

function corrupt(state: string): StorageError {
  return new StorageError("corrupt-bitmap", `Cannot use bitmap: it ${state}`);
}
