/**
 * One pack as stores share it: its entries in the order of their offsets, and
 * its bytes once they are needed. Ranks are places in that order.
 *
 * @module
 */

import { equalBytes, readUint32 } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { PACK_HEADER_BYTES, parsePackHeader } from "../../pack/pack_header.ts";
import {
  type PackTables,
  type PackTableViews,
  viewTables,
} from "../../pack/tables.ts";
import type { RandomAccess, StoredPack } from "../ports.ts";
import { WINDOW_OVERLAP, type WindowCache, WindowSet } from "./windows.ts";

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
  /** Its tables. */
  readonly tables: PackTables;
  /** Views of them. */
  readonly views: PackTableViews;
  /** It was found gone or changed: a store made later must not take it. */
  isStale = false;
  readonly #stored: StoredPack;
  readonly #offsets: Uint32Array | Float64Array;
  readonly #windows: WindowSet;
  /** Where the last entry ends, once the pack was opened. */
  #dataEnd = Infinity;
  #file: RandomAccess | undefined;
  #users = 0;

  /** A pack of which `tables` are; nothing is read yet. */
  constructor(stored: StoredPack, tables: PackTables, windows: WindowCache) {
    this.name = stored.name;
    this.count = tables.count;
    this.hasCrcs = tables.hasCrcs;
    this.tables = tables;
    this.views = viewTables(tables);
    this.#stored = stored;
    this.#offsets = this.views.offsets;
    this.#windows = new WindowSet(windows);
  }

  /** Where the entry of `rank` starts. */
  offset(rank: number): number {
    return this.#offsets[rank] as number;
  }

  /** Where the entry of `rank` ends. The pack must have been opened. */
  end(rank: number): number {
    const next = rank + 1;
    return next < this.count ? this.#offsets[next] as number : this.#dataEnd;
  }

  /** The CRC-32 that the index has for `rank`. */
  crc(rank: number): number {
    const { crcs, positions } = this.views;
    return readUint32(crcs, 4 * (positions[rank] as number));
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
    let isMine = false;
    try {
      isMine = file !== undefined && this.#isMine(file);
      this.#dataEnd = (file?.size ?? 0) - this.views.checksum.length;
    } catch (error) {
      file?.close();
      throw error;
    }
    if (file === undefined || !isMine) {
      file?.close();
      this.isStale = true;
      return false;
    }
    this.#file = file;
    return true;
  }

  /** Whether the pack that is there now is what its tables are for. */
  isCurrent(): boolean {
    if (this.#file !== undefined) return true;
    const file = this.#stored.open();
    if (file === undefined) return false;
    try {
      return this.#isMine(file);
    } finally {
      file.close();
    }
  }

  // packfile.c: open_packed_git_1
  #isMine(file: RandomAccess): boolean {
    const { checksum } = this.views;
    if (file.size < PACK_HEADER_BYTES + checksum.length) return false;
    const header = new Uint8Array(PACK_HEADER_BYTES);
    const trailer = new Uint8Array(checksum.length);
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
      equalBytes(trailer, checksum);
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
