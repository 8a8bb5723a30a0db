/**
 * One pack as stores share it: its entries in the order of their offsets, and
 * its bytes once they are needed. Ranks are places in that order.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { PackIndex } from "../../pack/index.ts";
import { orderByOffset } from "../../pack/offset_order.ts";
import { PACK_HEADER_BYTES, parsePackHeader } from "../../pack/pack_header.ts";
import type { RandomAccess, StoredPack } from "../types.ts";
import { WINDOW_OVERLAP, type WindowCache, WindowSet } from "./windows.ts";

const LITTLE_ENDIAN = true;

/** Bytes somewhere in an array: an entry, valid until the next read. */
export interface PackSpan {
  /** The array. */
  readonly bytes: Uint8Array;
  /** Where the span starts in it. */
  readonly at: number;
  /** Where it ends. */
  readonly end: number;
}

/** A pack whose index was read. */
export class OpenedPack {
  /** The store's name for it. */
  readonly name: string;
  /** How many entries it has. */
  readonly count: number;
  /** Whether entries have checksums. */
  readonly hasCrcs: boolean;
  /**
   * The words of its ids by rank, as an IdTable keeps them: a view of the
   * table that took them in last.
   */
  ids: Int32Array;
  /** It was found gone or changed: a store made later must not take it. */
  isStale = false;
  readonly #stored: StoredPack;
  readonly #rawLength: number;
  readonly #offsets: Float64Array<ArrayBuffer>;
  readonly #crcs: Uint32Array<ArrayBuffer>;
  readonly #checksum: Uint8Array<ArrayBuffer>;
  readonly #windows: WindowSet;
  #file: RandomAccess | undefined;
  #users = 0;

  /**
   * Takes in an index; `indexBytes` is not kept. Throws StorageError
   * "corrupt-index".
   */
  constructor(
    stored: StoredPack,
    indexBytes: Uint8Array,
    format: ObjectFormat,
    windows: WindowCache,
  ) {
    const index = new PackIndex(indexBytes, format);
    const { count } = index;
    this.name = stored.name;
    this.count = count;
    this.hasCrcs = index.hasCrcs;
    this.#stored = stored;
    this.#rawLength = format.rawLength;
    this.#windows = new WindowSet(windows);
    this.#checksum = index.packChecksum().slice();
    const unordered = new Float64Array(count);
    for (let i = 0; i < count; i++) unordered[i] = index.offset(i);
    const order = orderByOffset(unordered);
    const width = format.rawLength / 4;
    const offsets = new Float64Array(count + 1);
    const crcs = new Uint32Array(index.hasCrcs ? count : 0);
    const ids = new Int32Array(count * width);
    const view = new DataView(indexBytes.buffer, indexBytes.byteOffset);
    let row = 0;
    for (let rank = 0; rank < count; rank++) {
      const position = order[rank] as number;
      offsets[rank] = unordered[position] as number;
      if (index.hasCrcs) crcs[rank] = index.crc(position);
      let at = index.rawAt(position);
      for (let i = 0; i < width; i++, at += 4) {
        ids[row++] = view.getInt32(at, LITTLE_ENDIAN);
      }
    }
    offsets[count] = Infinity;
    this.#offsets = offsets;
    this.#crcs = crcs;
    this.ids = ids;
  }

  /** Where the entry of `rank` starts. */
  offset(rank: number): number {
    return this.#offsets[rank] as number;
  }

  /** Where the entry of `rank` ends. The pack must have been opened. */
  end(rank: number): number {
    return this.#offsets[rank + 1] as number;
  }

  /** The CRC-32 that the index has for `rank`. */
  crc(rank: number): number {
    return this.#crcs[rank] as number;
  }

  /** The rank of the entry that starts at `offset`, or -1. */
  rankAt(offset: number): number {
    const offsets = this.#offsets;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((offsets[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low < this.count && offsets[low] === offset ? low : -1;
  }

  /**
   * Opens the bytes if they are not open; false where they are gone or are no
   * longer what the index is for, which makes the pack stale.
   */
  open(): boolean {
    if (this.#file !== undefined) return true;
    if (this.isStale) return false;
    const file = this.#stored.open();
    if (file === undefined || !this.#isMine(file)) {
      file?.close();
      this.isStale = true;
      return false;
    }
    this.#offsets[this.count] = file.size - this.#rawLength;
    this.#file = file;
    return true;
  }

  // packfile.c: open_packed_git_1
  #isMine(file: RandomAccess): boolean {
    if (file.size < PACK_HEADER_BYTES + this.#rawLength) return false;
    const header = new Uint8Array(PACK_HEADER_BYTES);
    const trailer = new Uint8Array(this.#rawLength);
    if (file.readAt(header, 0) !== header.length) return false;
    if (file.readAt(trailer, file.size - trailer.length) !== trailer.length) {
      return false;
    }
    try {
      if (parsePackHeader(header) !== this.count) return false;
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
    const last = this.count === 0 ? 0 : this.offset(this.count - 1);
    return last < file.size - trailer.length &&
      equalBytes(trailer, this.#checksum);
  }

  /**
   * The first bytes of the entry of `rank`: a view of the shared windows. Up
   * to {@linkcode WINDOW_OVERLAP} of them, the whole entry where it is
   * shorter. The pack must be open.
   */
  head(rank: number): PackSpan {
    const start = this.#offsets[rank] as number;
    const window = this.#windows.at(start, this.#file as RandomAccess);
    const at = start - window.start;
    const end = Math.min(window.length, this.end(rank) - window.start);
    return { bytes: window.bytes, at, end };
  }

  /**
   * The entry of `rank`, whole or its first `limit` bytes: a view of the
   * windows, or a new array.
   */
  entry(rank: number, limit = Infinity): PackSpan {
    const head = this.head(rank);
    const length = Math.min(limit, this.end(rank) - this.offset(rank));
    if (head.end - head.at >= length) return head;
    const bytes = new Uint8Array(length);
    const count = this.readAt(bytes, this.offset(rank));
    return { bytes, at: 0, end: count };
  }

  /**
   * Copies `length` bytes from `offset` on into `into` at `at`; false where
   * the pack is shorter.
   */
  copy(into: Uint8Array, at: number, offset: number, length: number): boolean {
    if (length <= WINDOW_OVERLAP) {
      const window = this.#windows.at(offset, this.#file as RandomAccess);
      const from = offset - window.start;
      if (from + length > window.length) return false;
      into.set(window.bytes.subarray(from, from + length), at);
      return true;
    }
    return this.readAt(into.subarray(at, at + length), offset) === length;
  }

  /** Reads bytes at a position. The pack must be open. */
  readAt(into: Uint8Array, position: number): number {
    return (this.#file as RandomAccess).readAt(into, position);
  }

  /** Counts one more store that uses it. */
  retain(): void {
    this.#users++;
  }

  /** Counts one store less; the last one closes the file. */
  release(): void {
    if (--this.#users > 0) return;
    this.#windows.clear();
    this.#file?.close();
    this.#file = undefined;
  }
}
