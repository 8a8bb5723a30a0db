/**
 * Deltas that name their base by its id: which of them wait for which id.
 *
 * Each list is given away once: where a pack has an object twice, the first
 * that is come upon is the base.
 *
 * @module
 */

import type { PackEntries } from "./entries.ts";

/** Seeds the places in the table, so that nobody can choose collisions. */
function seed(): number {
  return Math.floor(Math.random() * 2 ** 32) | 1;
}

/** An open-addressing table over the distinct ids in `baseIds`. */
export class NamedBases {
  readonly #ids: Uint8Array;
  readonly #width: number;
  /** Rows of `baseIds`, plus one; 0 is free. */
  readonly #table: Int32Array;
  readonly #seed = seed();
  /** By place: the first delta that waits, plus one. */
  readonly #waiting: Int32Array;
  /** By place: the base that was found, plus one. */
  readonly #owners: Int32Array;

  /** Knows the ids; nothing waits yet. */
  constructor(entries: PackEntries) {
    this.#ids = entries.baseIds;
    this.#width = entries.format.rawLength;
    const rows = Math.floor(this.#ids.length / this.#width);
    let size = rows === 0 ? 0 : 16;
    while (size < rows * 2) size *= 2;
    this.#table = new Int32Array(size);
    this.#waiting = new Int32Array(size);
    this.#owners = new Int32Array(size);
    for (let row = 0; row < rows; row++) {
      const place = this.#seek(this.#ids, row * this.#width);
      if (this.#table[place] === 0) this.#table[place] = row + 1;
    }
  }

  /** Whether any delta names its base. */
  get hasAny(): boolean {
    return this.#table.length > 0;
  }

  /** The place of the id in a row of `baseIds`. */
  placeOf(row: number): number {
    return this.#seek(this.#ids, row * this.#width);
  }

  /** The place of the id at `at` in `bytes`, or -1 where none waits for it. */
  find(bytes: Uint8Array, at: number): number {
    if (this.#table.length === 0) return -1;
    const place = this.#seek(bytes, at);
    return this.#table[place] === 0 ? -1 : place;
  }

  /** Has the delta at `rank` wait; gives what waited first till now. */
  add(row: number, rank: number): number {
    const place = this.placeOf(row);
    const next = this.#waiting[place] as number;
    this.#waiting[place] = rank + 1;
    return next;
  }

  /**
   * Gives away those that wait for the id at `at` in `bytes`, which is that of
   * the object `owner`: the first of them, plus one, or 0.
   */
  claim(bytes: Uint8Array, at: number, owner: number): number {
    const place = this.find(bytes, at);
    if (place < 0) return 0;
    const first = this.#waiting[place] as number;
    if (first === 0) return 0;
    this.#waiting[place] = 0;
    this.#owners[place] = owner + 1;
    return first;
  }

  /** As {@linkcode claim}, for the id in a row of `baseIds`. */
  claimRow(row: number, owner: number): number {
    return this.claim(this.#ids, row * this.#width, owner);
  }

  /** The base that deltas with the id in `row` were given to. */
  ownerOf(row: number): number {
    return (this.#owners[this.placeOf(row)] as number) - 1;
  }

  /** Whether a delta that names the base in `row` still waits. */
  isWaiting(row: number): boolean {
    return this.#waiting[this.placeOf(row)] !== 0;
  }

  /** Where the id at `at` stands in the table, or the free place for it. */
  #seek(bytes: Uint8Array, at: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let place = this.#hash(bytes, at) & mask;
    for (;;) {
      const row = table[place] as number;
      if (row === 0 || this.#equals(row - 1, bytes, at)) return place;
      place = (place + 1) & mask;
    }
  }

  #hash(bytes: Uint8Array, at: number): number {
    let hash = this.#seed;
    for (let i = 0; i < 12; i += 4) {
      const word = (bytes[at + i] as number) |
        ((bytes[at + i + 1] as number) << 8) |
        ((bytes[at + i + 2] as number) << 16) |
        ((bytes[at + i + 3] as number) << 24);
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #equals(row: number, bytes: Uint8Array, at: number): boolean {
    const start = row * this.#width;
    for (let i = 0; i < this.#width; i++) {
      if (this.#ids[start + i] !== bytes[at + i]) return false;
    }
    return true;
  }
}
