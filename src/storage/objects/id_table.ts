/**
 * Ids and their numbers. A large pack's ids are found through its own tables,
 * which are shared; those of many small packs, of loose objects and of what is
 * only named through one open-addressing table. Nothing is copied from the
 * packs' tables, and there is no string anywhere.
 *
 * @module
 */

import { type ObjectFormat, type Oid, oidFromRaw } from "../../core/oid.ts";
import { IdSearch, type PackTableViews } from "../../pack/tables.ts";
import type { OpenedPack } from "./opened_pack.ts";

const MIN_TABLE = 1024;
/** Packs whose own tables are searched one after the other. */
const MAX_SEARCHED = 4;

/** A pack's ids among the others. */
export interface IdBlock {
  /** The number of its first. */
  readonly start: number;
  /** The number after its last. */
  readonly end: number;
  /** Its tables. */
  readonly views: PackTableViews;
  /** Whether an id of its may have another number than its slot. */
  hasCopies: boolean;
}

interface Searched {
  readonly block: IdBlock;
  readonly search: IdSearch;
}

/** Told of an entry whose id has the number of another one. */
export type OnCopy = (number: number, slot: number) => void;

/**
 * The packs in the order of their slots: those that go to the one table, which
 * are the smaller ones of many, before those that are searched one by one.
 */
export function arrangePacks(packs: readonly OpenedPack[]): {
  readonly merged: readonly OpenedPack[];
  readonly searched: readonly OpenedPack[];
} {
  if (packs.length <= MAX_SEARCHED) return { merged: [], searched: packs };
  const large = new Set(
    [...packs].sort((a, b) => b.count - a.count).slice(0, MAX_SEARCHED),
  );
  return {
    merged: packs.filter((pack) => !large.has(pack)),
    searched: packs.filter((pack) => large.has(pack)),
  };
}

/** A growing list of ids, found again by their raw bytes. */
export class IdTable {
  /** 32-bit words of an id: 5 or 8. */
  readonly width: number;
  readonly #format: ObjectFormat;
  // Ids are chosen by whoever pushes: a seed keeps them from choosing places.
  readonly #seed: number = Math.floor(Math.random() * 2 ** 32) | 1;
  readonly #blocks: IdBlock[] = [];
  readonly #searched: Searched[] = [];
  /** The rows of merged packs come first: they are their slots. */
  #merged = 0;
  /** The ids of the rows after those. */
  #words: Int32Array<ArrayBuffer>;
  /** Their numbers. */
  #numbers: Int32Array<ArrayBuffer>;
  #own = 0;
  /** Rows plus one; 0 is free. */
  #table: Int32Array<ArrayBuffer>;
  #shift: number;
  #inTable = 0;
  #count = 0;
  /** The number of a slot's object plus one, where it has another. */
  #numberOf = new Int32Array(0);
  #recent: IdBlock | undefined;
  // What `#locate` found.
  #source: Int32Array;
  #row = 0;

  /** An empty table with room for `capacity` ids that are in no pack. */
  constructor(format: ObjectFormat, capacity: number) {
    this.#format = format;
    this.width = format.rawLength / 4;
    this.#words = new Int32Array((capacity + 64) * this.width);
    this.#numbers = new Int32Array(capacity + 64);
    this.#source = this.#words;
    const size = sizeFor(capacity);
    this.#table = new Int32Array(size);
    this.#shift = 32 - Math.log2(size);
  }

  /** How many numbers there are, those of further copies included. */
  get count(): number {
    return this.#count;
  }

  /** The number of the id whose raw bytes stand at `at`, or -1. */
  find(bytes: Uint8Array, at: number): number {
    const searched = this.#searched;
    for (let i = 0; i < searched.length; i++) {
      const { block, search } = searched[i] as Searched;
      const position = search.find(bytes, at);
      if (position < 0) continue;
      // Most likely it has the next one too.
      if (i > 0) {
        const first = searched[0] as Searched;
        searched[0] = searched[i] as Searched;
        searched[i] = first;
      }
      const slot = block.start + (block.views.ranks[position] as number);
      return block.hasCopies ? this.numberOf(slot) : slot;
    }
    return this.#findRow(bytes, at);
  }

  /** The number of the object whose copy `slot` is. */
  numberOf(slot: number): number {
    const other = this.#numberOf[slot] ?? 0;
    return other === 0 ? slot : other - 1;
  }

  /** Adds an id that is not found; returns its number. */
  add(bytes: Uint8Array, at: number): number {
    const number = this.#count++;
    const own = this.#own++;
    if (own === this.#numbers.length) {
      this.#numbers = widen(this.#numbers, own * 2);
      this.#words = widen(this.#words, own * 2 * this.width);
    }
    let row = own * this.width;
    const end = row + this.width;
    for (; row < end; row++, at += 4) this.#words[row] = word(bytes, at);
    this.#numbers[own] = number;
    this.#enter(this.#merged + own);
    return number;
  }

  /**
   * Adds the ids of packs that are to go to the one table, before anything
   * else is added.
   */
  addMerged(all: readonly PackTableViews[], onCopy: OnCopy): void {
    for (const views of all) {
      const block = this.#addBlock(views);
      this.#merged = block.end;
      const size = sizeFor(this.#merged);
      if (size > this.#table.length) this.#growTable(size);
      for (let slot = block.start; slot < block.end; slot++) {
        const number = this.#enter(slot);
        if (number >= 0) this.#note(block, number, slot, onCopy);
      }
    }
  }

  /** Adds the ids of a pack that is searched by its own tables. */
  addSearched(views: PackTableViews, repeats: boolean, onCopy: OnCopy): void {
    const block = this.#addBlock(views);
    const search = new IdSearch(views, this.#format.rawLength);
    this.#noteRows(block, search, onCopy);
    for (const each of this.#searched) {
      this.#noteCommon(block, search, each, onCopy);
    }
    if (repeats) this.#noteRepeats(block, onCopy);
    this.#searched.push({ block, search });
  }

  /** The id of `number`. */
  oid(number: number): Oid {
    const raw = new Uint8Array(this.#format.rawLength);
    this.writeRaw(number, raw, 0);
    return oidFromRaw(raw, 0, this.#format);
  }

  /** Writes the raw id of `number` at `at`. */
  writeRaw(number: number, into: Uint8Array, at: number): void {
    this.#locate(number);
    const words = this.#source;
    let row = this.#row;
    const end = row + this.width;
    for (; row < end; row++) {
      const value = words[row] as number;
      into[at++] = value;
      into[at++] = value >>> 8;
      into[at++] = value >>> 16;
      into[at++] = value >>> 24;
    }
  }

  /** The packs that are searched by their own tables. */
  searched(): readonly IdBlock[] {
    return this.#searched.map(({ block }) => block);
  }

  /** The one table, with copies of its rows' ids and numbers. */
  rows(): {
    readonly ids: Int32Array;
    readonly numbers: Int32Array;
    readonly table: Int32Array;
    readonly shift: number;
    readonly seed: number;
  } {
    const count = this.#merged + this.#own;
    const { width } = this;
    const ids = new Int32Array(count * width);
    const numbers = new Int32Array(count);
    let to = 0;
    for (let slot = 0; slot < this.#merged; slot++) {
      numbers[slot] = slot;
      this.#locate(slot);
      for (let i = 0; i < width; i++) {
        ids[to++] = this.#source[this.#row + i] as number;
      }
    }
    ids.set(this.#words.subarray(0, this.#own * width), to);
    numbers.set(this.#numbers.subarray(0, this.#own), this.#merged);
    return {
      ids,
      numbers,
      table: this.#table,
      shift: this.#shift,
      seed: this.#seed,
    };
  }

  #addBlock(views: PackTableViews): IdBlock {
    const start = this.#count;
    this.#count += views.positions.length;
    const block = { start, end: this.#count, views, hasCopies: false };
    this.#blocks.push(block);
    return block;
  }

  #note(block: IdBlock, number: number, slot: number, onCopy: OnCopy): void {
    if (slot >= this.#numberOf.length) {
      this.#numberOf = widen(
        this.#numberOf,
        Math.max(this.#count, this.#numberOf.length * 2),
      );
    }
    if (this.#numberOf[slot] !== 0) return;
    this.#numberOf[slot] = number + 1;
    block.hasCopies = true;
    onCopy(number, slot);
  }

  /** An index may name an id several times, one behind the other. */
  #noteRepeats(block: IdBlock, onCopy: OnCopy): void {
    const { ids, ranks } = block.views;
    const { width } = this;
    const count = ranks.length;
    const isRepeated = (position: number): boolean => {
      let row = position * width;
      const end = row + width;
      while (row < end && ids[row] === ids[row - width]) row++;
      return row === end;
    };
    let end = 0;
    for (let first = 0; first < count; first = end) {
      let least = ranks[first] as number;
      for (end = first + 1; end < count && isRepeated(end); end++) {
        least = Math.min(least, ranks[end] as number);
      }
      if (end === first + 1) continue;
      // A search finds the first: what others have is noted there.
      const slot = block.start + (ranks[first] as number);
      const known = this.numberOf(slot);
      const number = known === slot ? block.start + least : known;
      for (let each = first; each < end; each++) {
        if (block.start + (ranks[each] as number) !== number) {
          this.#noteAt(block, each, number, onCopy);
        }
      }
    }
  }

  #noteAt(
    block: IdBlock,
    position: number,
    number: number,
    onCopy: OnCopy,
  ): void {
    const rank = block.views.ranks[position] as number;
    this.#note(block, number, block.start + rank, onCopy);
  }

  /** What the one table has too. */
  #noteRows(block: IdBlock, search: IdSearch, onCopy: OnCopy): void {
    const { raw, ranks } = block.views;
    const { width } = this;
    if (this.#inTable === 0) return;
    if (ranks.length < this.#inTable) {
      for (let position = 0; position < ranks.length; position++) {
        const number = this.#findRow(raw, position * width * 4);
        if (number < 0) continue;
        this.#noteAt(block, position, number, onCopy);
      }
      return;
    }
    const id = new Uint8Array(width * 4);
    for (let row = 0; row < this.#merged + this.#own; row++) {
      const number = this.#numberOfRow(row);
      if (this.numberOf(number) !== number) continue;
      this.writeRaw(number, id, 0);
      const position = search.find(id, 0);
      if (position >= 0) this.#noteAt(block, position, number, onCopy);
    }
  }

  /** What two packs have, the second of which was added before. */
  #noteCommon(
    block: IdBlock,
    search: IdSearch,
    other: Searched,
    onCopy: OnCopy,
  ): void {
    const mine = block.views;
    const theirs = other.block.views;
    const stride = this.width * 4;
    const numberAt = (position: number): number =>
      this.numberOf(other.block.start + (theirs.ranks[position] as number));
    if (mine.ranks.length < theirs.ranks.length) {
      for (let position = 0; position < mine.ranks.length; position++) {
        const found = other.search.find(mine.raw, position * stride);
        if (found < 0) continue;
        const number = numberAt(found);
        this.#noteAt(block, position, number, onCopy);
      }
      return;
    }
    for (let position = 0; position < theirs.ranks.length; position++) {
      const found = search.find(theirs.raw, position * stride);
      if (found >= 0) {
        this.#noteAt(block, found, numberAt(position), onCopy);
      }
    }
  }

  #numberOfRow(row: number): number {
    return row < this.#merged
      ? row
      : this.#numbers[row - this.#merged] as number;
  }

  #findRow(bytes: Uint8Array, at: number): number {
    const table = this.#table;
    const { width } = this;
    const mask = table.length - 1;
    const w0 = word(bytes, at);
    const w1 = word(bytes, at + 4);
    let place = this.#placeOf(w0, w1);
    for (;;) {
      const row = (table[place] as number) - 1;
      if (row < 0) return -1;
      this.#locateRow(row);
      const words = this.#source;
      let word0 = this.#row;
      if (words[word0] === w0 && words[word0 + 1] === w1) {
        const end = word0 + width;
        let from = at + 8;
        for (word0 += 2; word0 < end; word0++, from += 4) {
          if (words[word0] !== word(bytes, from)) break;
        }
        if (word0 === end) return this.#numberOfRow(row);
      }
      place = (place + 1) & mask;
    }
  }

  /**
   * Makes a row one that is found. Returns the number of the same id that was
   * found before, which stays so, or -1.
   */
  #enter(row: number): number {
    const { width } = this;
    if (++this.#inTable * 2 > this.#table.length) {
      this.#growTable(this.#table.length * 2);
    }
    this.#locateRow(row);
    const mine = this.#source;
    const mineAt = this.#row;
    const mask = this.#table.length - 1;
    let place = this.#placeOf(
      mine[mineAt] as number,
      mine[mineAt + 1] as number,
    );
    for (;;) {
      const other = (this.#table[place] as number) - 1;
      if (other < 0) break;
      this.#locateRow(other);
      let i = 0;
      while (
        i < width && this.#source[this.#row + i] === mine[mineAt + i]
      ) i++;
      if (i === width) {
        this.#inTable--;
        return this.#numberOfRow(other);
      }
      place = (place + 1) & mask;
    }
    this.#table[place] = row + 1;
    return -1;
  }

  #placeOf(w0: number, w1: number): number {
    const mixed = w0 ^ Math.imul(w1, this.#seed);
    return Math.imul(mixed, 0x9e3779b1) >>> this.#shift;
  }

  #growTable(size: number): void {
    const old = this.#table;
    this.#table = new Int32Array(size);
    this.#shift = 32 - Math.log2(size);
    const mask = size - 1;
    for (let i = 0; i < old.length; i++) {
      const entry = old[i] as number;
      if (entry === 0) continue;
      this.#locateRow(entry - 1);
      let place = this.#placeOf(
        this.#source[this.#row] as number,
        this.#source[this.#row + 1] as number,
      );
      while (this.#table[place] !== 0) place = (place + 1) & mask;
      this.#table[place] = entry;
    }
  }

  /** Finds out where the words of a row are. */
  #locateRow(row: number): void {
    if (row < this.#merged) {
      this.#locate(row);
      return;
    }
    this.#source = this.#words;
    this.#row = (row - this.#merged) * this.width;
  }

  /** Finds out where the words of a number's id are. */
  #locate(number: number): void {
    let block = this.#recent;
    if (block === undefined || number < block.start || number >= block.end) {
      block = this.#blocks[lastUpTo(this.#blocks, number)];
    }
    if (block !== undefined && number < block.end) {
      this.#recent = block;
      const { ids, positions } = block.views;
      this.#source = ids;
      this.#row = (positions[number - block.start] as number) * this.width;
      return;
    }
    // Those that are in no pack have ascending numbers.
    let low = 0;
    let high = this.#own;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    this.#source = this.#words;
    this.#row = low * this.width;
  }
}

/** The last block that starts at `number` or before, or -1. */
function lastUpTo(blocks: readonly IdBlock[], number: number): number {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((blocks[middle] as IdBlock).start <= number) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The size of a table that is at most half full. */
function sizeFor(count: number): number {
  let size = MIN_TABLE;
  while (size < count * 2) size *= 2;
  return size;
}

function widen(
  array: Int32Array<ArrayBuffer>,
  length: number,
): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(length);
  wider.set(array);
  return wider;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}
