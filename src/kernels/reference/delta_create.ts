/**
 * Making git's deltas: blocks of the base are indexed by a hash, the same hash
 * is rolled over the target, and what matches is extended both ways.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_deltified_representation
 * @module
 */

import { DELTA_BYTES_MIN } from "./delta.ts";

/** Bytes of a block, and the least that is copied. */
const BLOCK = 16;
/** Blocks of one hash that are compared at one place. */
const MOST_TRIES = 32;
/** What precedes a block by more lies in a block that was found before. */
const MOST_BACK = 31;
/** A multiplier of the hash, and its 16th power. */
const FACTOR = 0x08104225;
const FACTOR_16 = power(FACTOR, BLOCK);
/** 2^32 divided by the golden ratio: spreads a hash to its upper bits. */
const SPREAD = 0x9e3779b1;
/** The longest copy that packs of version 2 can tell, and the longest insert. */
const MOST_COPIED = 0x10000;
const MOST_INSERTED = 127;

/** Makes a delta: see `Kernels.createDelta`. */
export function createDelta(
  base: Uint8Array,
  target: Uint8Array,
  limit: number,
): Uint8Array<ArrayBuffer> | undefined {
  const out = new DeltaWriter(target, limit);
  out.size(base.length);
  out.size(target.length);
  const index = new BlockIndex(base);
  let start = 0;
  let at = 0;
  let hash = hashOf(target, 0);
  while (at + BLOCK <= target.length && out.has(at - start - MOST_BACK)) {
    const length = index.longest(hash, target, at);
    if (length === 0) {
      hash = Math.imul(hash, FACTOR) + (target[at + BLOCK] ?? 0) -
          Math.imul(target[at] as number, FACTOR_16) | 0;
      at++;
      continue;
    }
    let from = index.found;
    let copyAt = at;
    const least = Math.max(start, at - MOST_BACK);
    while (
      copyAt > least && from > 0 && base[from - 1] === target[copyAt - 1]
    ) {
      copyAt--;
      from--;
    }
    out.insert(start, copyAt);
    at += length;
    out.copy(from, at - copyAt);
    start = at;
    hash = hashOf(target, at);
  }
  out.insert(start, target.length);
  return out.finish();
}

/** The blocks of a base, chained by their hashes, the first ones in front. */
class BlockIndex {
  /** Where {@linkcode BlockIndex.longest} found what it did. */
  found = 0;
  readonly #base: Uint8Array;
  readonly #shift: number;
  /** Blocks plus one, by the upper bits of the spread hash; 0 is none. */
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #hashes: Int32Array;

  constructor(base: Uint8Array) {
    const count = Math.floor(base.length / BLOCK);
    const bits = Math.max(4, 32 - Math.clz32(count));
    this.#base = base;
    this.#shift = 32 - bits;
    this.#first = new Int32Array(1 << bits);
    this.#next = new Int32Array(count + 1);
    this.#hashes = new Int32Array(count + 1);
    let last = -1;
    for (let block = count; block > 0; block--) {
      const hash = hashOf(base, (block - 1) * BLOCK);
      const place = Math.imul(hash, SPREAD) >>> this.#shift;
      this.#hashes[block] = hash;
      const head = this.#first[place] as number;
      // Of a run of equal blocks the first is enough: it matches the longest.
      const isRun = head === block + 1 && last === hash;
      this.#next[block] = isRun ? this.#next[head] as number : head;
      this.#first[place] = block;
      last = hash;
    }
  }

  /** The length of the longest match of `target` from `at` on, or 0. */
  longest(hash: number, target: Uint8Array, at: number): number {
    const base = this.#base;
    let longest = 0;
    let block = this.#first[Math.imul(hash, SPREAD) >>> this.#shift] as number;
    for (let tries = MOST_TRIES; block !== 0 && tries > 0; tries--) {
      if (this.#hashes[block] === hash) {
        const from = (block - 1) * BLOCK;
        const most = Math.min(base.length - from, target.length - at);
        let length = 0;
        while (length < most && base[from + length] === target[at + length]) {
          length++;
        }
        if (length >= BLOCK && length > longest) {
          longest = length;
          this.found = from;
        }
      }
      block = this.#next[block] as number;
    }
    return longest;
  }
}

/** Writes instructions, up to a limit. */
class DeltaWriter {
  readonly #target: Uint8Array;
  readonly #limit: number;
  #bytes = new Uint8Array(64);
  /** How many were written; beyond the limit none are kept any more. */
  #length = 0;

  constructor(target: Uint8Array, limit: number) {
    this.#target = target;
    this.#limit = limit;
  }

  /** Whether `count` bytes more are within the limit. */
  has(count: number): boolean {
    return this.#length + count <= this.#limit;
  }

  size(size: number): void {
    let rest = size;
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#byte(rest % 128 + 128);
    }
    this.#byte(rest);
  }

  insert(start: number, end: number): void {
    for (let at = start; at < end && this.has(0);) {
      const count = Math.min(MOST_INSERTED, end - at);
      this.#byte(count);
      const from = this.#length;
      this.#length += count;
      if (this.has(0)) {
        this.#fit();
        this.#bytes.set(this.#target.subarray(at, at + count), from);
      }
      at += count;
    }
  }

  copy(offset: number, length: number): void {
    for (let done = 0; done < length;) {
      const size = Math.min(MOST_COPIED, length - done);
      const codeAt = this.#length;
      let code = 0x80;
      this.#byte(code);
      // Four bytes of the offset, two of the size; a size of 64 KiB has none.
      for (let i = 0; i < 6; i++) {
        const byte = (i < 4 ? offset + done >>> i * 8 : size >>> (i - 4) * 8) &
          0xff;
        if (byte === 0) continue;
        code |= 1 << i;
        this.#byte(byte);
      }
      if (this.has(0)) this.#bytes[codeAt] = code;
      done += size;
    }
  }

  /** The delta, or `undefined` where it went beyond the limit. */
  finish(): Uint8Array<ArrayBuffer> | undefined {
    return this.has(0) && this.#length >= DELTA_BYTES_MIN
      ? this.#bytes.slice(0, this.#length)
      : undefined;
  }

  #byte(byte: number): void {
    const at = this.#length++;
    if (!this.has(0)) return;
    this.#fit();
    this.#bytes[at] = byte;
  }

  #fit(): void {
    if (this.#length <= this.#bytes.length) return;
    const wider = new Uint8Array(
      Math.max(this.#length, this.#bytes.length * 2),
    );
    wider.set(this.#bytes);
    this.#bytes = wider;
  }
}

/** The hash of a block; bytes beyond the end count as 0. */
function hashOf(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + BLOCK; i++) {
    hash = Math.imul(hash, FACTOR) + (bytes[i] ?? 0) | 0;
  }
  return hash;
}

function power(factor: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, factor);
  return result;
}
