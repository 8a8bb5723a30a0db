/**
 * Ids and their numbers: all ids in one array of words, and one
 * open-addressing table of numbers over it. 28 bytes and less per object at
 * the table's usual load, and no string anywhere.
 *
 * @module
 */

import { type ObjectFormat, type Oid, oidFromRaw } from "../../core/oid.ts";

const MIN_TABLE = 1024;

/** A growing list of ids, found again by their raw bytes. */
export class IdTable {
  /** 32-bit words of an id: 5 or 8. */
  readonly width: number;
  readonly #format: ObjectFormat;
  // Ids are chosen by whoever pushes: a seed keeps them from choosing slots.
  /** The seed of the hash. */
  readonly seed: number = Math.floor(Math.random() * 2 ** 32) | 1;
  #words: Int32Array<ArrayBuffer>;
  /** Numbers plus one; 0 is free. */
  #table: Int32Array<ArrayBuffer>;
  #shift: number;
  #count = 0;
  #inTable = 0;

  /** An empty table with room for `capacity` ids. */
  constructor(format: ObjectFormat, capacity: number) {
    this.#format = format;
    this.width = format.rawLength / 4;
    this.#words = new Int32Array((capacity + 64) * this.width);
    let size = MIN_TABLE;
    while (size < capacity * 2) size *= 2;
    this.#table = new Int32Array(size);
    this.#shift = 32 - Math.log2(size);
  }

  /** The open-addressing table: numbers plus one, 0 is free. */
  get table(): Int32Array<ArrayBuffer> {
    return this.#table;
  }

  /** How far a mixed hash is shifted to be a place in the table. */
  get shift(): number {
    return this.#shift;
  }

  /** How many ids there are, duplicates that were appended included. */
  get count(): number {
    return this.#count;
  }

  /** The number of the id whose raw bytes stand at `at`, or -1. */
  find(bytes: Uint8Array, at: number): number {
    const words = this.#words;
    const table = this.#table;
    const width = this.width;
    const mask = table.length - 1;
    const w0 = word(bytes, at);
    const w1 = word(bytes, at + 4);
    let slot = Math.imul(w0 ^ Math.imul(w1, this.seed), 0x9e3779b1) >>>
      this.#shift;
    for (;;) {
      const number = (table[slot] as number) - 1;
      if (number < 0) return -1;
      let row = number * width;
      if (words[row] === w0 && words[row + 1] === w1) {
        const end = row + width;
        let from = at + 8;
        for (row += 2; row < end; row++, from += 4) {
          if (words[row] !== word(bytes, from)) break;
        }
        if (row === end) return number;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Appends an id and returns its number, whether or not it is found yet. */
  append(bytes: Uint8Array, at: number): number {
    const number = this.#count;
    this.reserve(1);
    let row = number * this.width;
    const end = row + this.width;
    for (; row < end; row++, at += 4) this.#words[row] = word(bytes, at);
    this.#count++;
    return number;
  }

  /** Appends ids as {@linkcode IdTable.view} gives them; returns the first. */
  appendWords(words: Int32Array): number {
    const first = this.#count;
    this.reserve(words.length / this.width);
    this.#words.set(words, first * this.width);
    this.#count += words.length / this.width;
    return first;
  }

  /**
   * Makes an appended id one that is found. Returns the number of the same id
   * that was found before, which stays so, or -1.
   */
  enter(number: number): number {
    if (++this.#inTable * 2 > this.#table.length) this.#growTable();
    const words = this.#words;
    const width = this.width;
    const mask = this.#table.length - 1;
    const row = number * width;
    let slot = this.#slotOf(row);
    for (;;) {
      const other = (this.#table[slot] as number) - 1;
      if (other < 0) break;
      let i = 0;
      while (i < width && words[other * width + i] === words[row + i]) i++;
      if (i === width) {
        this.#inTable--;
        return other;
      }
      slot = (slot + 1) & mask;
    }
    this.#table[slot] = number + 1;
    return -1;
  }

  /** Makes room for so many more ids. */
  reserve(more: number): void {
    const needed = (this.#count + more) * this.width;
    if (needed <= this.#words.length) return;
    const wider = new Int32Array(Math.max(needed, this.#words.length * 2));
    wider.set(this.#words);
    this.#words = wider;
  }

  /** The words of the ids from number `start` to before `end`. */
  view(start: number, end: number): Int32Array<ArrayBuffer> {
    return this.#words.subarray(start * this.width, end * this.width);
  }

  /** The id of `number`. */
  oid(number: number): Oid {
    const raw = new Uint8Array(this.#format.rawLength);
    this.writeRaw(number, raw, 0);
    return oidFromRaw(raw, 0, this.#format);
  }

  /** Writes the raw id of `number` at `at`. */
  writeRaw(number: number, into: Uint8Array, at: number): void {
    let row = number * this.width;
    const end = row + this.width;
    for (; row < end; row++) {
      const value = this.#words[row] as number;
      into[at++] = value;
      into[at++] = value >>> 8;
      into[at++] = value >>> 16;
      into[at++] = value >>> 24;
    }
  }

  #slotOf(row: number): number {
    const mixed = (this.#words[row] as number) ^
      Math.imul(this.#words[row + 1] as number, this.seed);
    return Math.imul(mixed, 0x9e3779b1) >>> this.#shift;
  }

  #growTable(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    this.#shift--;
    const mask = this.#table.length - 1;
    for (let i = 0; i < old.length; i++) {
      const entry = old[i] as number;
      if (entry === 0) continue;
      let slot = this.#slotOf((entry - 1) * this.width);
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = entry;
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}
