/**
 * EWAH: bitmaps whose runs of equal 64-bit words are counted instead of
 * stored. They are taken apart straight into words, 32 numbers to a word from
 * the lowest bit on, as an ObjectSet keeps them. Not for writing them.
 *
 * @see https://git-scm.com/docs/bitmap-format#_appendix_a_serialization_format_for_an_ewah_bitmap
 * @module
 */

import { readUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";

const HEADER_BYTES = 8;
const TRAILER_BYTES = 4;
const WORD_BYTES = 8;
// A word is stored once, behind at most one word that counts; a few that
// count nothing are let pass.
const SPARE_WORDS = 64;

/** Where a compressed bitmap lies. */
export interface Ewah {
  /** Its first word. */
  readonly at: number;
  /** The byte after its last word. */
  readonly end: number;
  /** What follows it in the file. */
  readonly next: number;
}

/** Room for a bitmap of `count` bits, all unset. */
export function bitmapWords(count: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(2 * Math.ceil(count / 64));
}

/**
 * The compressed bitmap that starts at `at` and ends before `limit`. Throws
 * StorageError "corrupt-bitmap" where it does not fit there. What it holds is
 * checked when it is taken apart.
 */
export function readEwah(bytes: Uint8Array, at: number, limit: number): Ewah {
  const left = limit - at - HEADER_BYTES - TRAILER_BYTES;
  if (left < 0) throw corrupt("ends inside a bitmap");
  const words = readUint32(bytes, at + 4);
  if (words * WORD_BYTES > left) throw corrupt("ends inside a bitmap");
  const start = at + HEADER_BYTES;
  const end = start + words * WORD_BYTES;
  return { at: start, end, next: end + TRAILER_BYTES };
}

/**
 * Sets in `into`, made by {@linkcode bitmapWords} for `count`, what `ewah` has
 * set. Throws StorageError "corrupt-bitmap" where that has more bits; `into`
 * is then of no use.
 */
export function orEwah(
  bytes: Uint8Array,
  ewah: Ewah,
  into: Uint32Array,
  count: number,
): void {
  const cursor = new Runs(bytes, ewah, into);
  while (cursor.next()) {
    let word = cursor.word;
    const literalsAt = word + 2 * cursor.equal;
    if (cursor.isSet) into.fill(0xffffffff, word, literalsAt);
    word = literalsAt;
    for (let at = cursor.at; at < cursor.end; at += WORD_BYTES) {
      into[word] = (into[word] as number) | readUint32(bytes, at + 4);
      into[word + 1] = (into[word + 1] as number) | readUint32(bytes, at);
      word += 2;
    }
  }
  checkEnd(into, count);
}

/** As {@linkcode orEwah}, but turns over what `ewah` has set. */
export function xorEwah(
  bytes: Uint8Array,
  ewah: Ewah,
  into: Uint32Array,
  count: number,
): void {
  const cursor = new Runs(bytes, ewah, into);
  while (cursor.next()) {
    let word = cursor.word;
    const literalsAt = word + 2 * cursor.equal;
    if (cursor.isSet) {
      for (; word < literalsAt; word++) into[word] = ~(into[word] as number);
    }
    word = literalsAt;
    for (let at = cursor.at; at < cursor.end; at += WORD_BYTES) {
      into[word] = (into[word] as number) ^ readUint32(bytes, at + 4);
      into[word + 1] = (into[word + 1] as number) ^ readUint32(bytes, at);
      word += 2;
    }
  }
  checkEnd(into, count);
}

/** Goes from one word that counts to the next. */
class Runs {
  /** Where in the uncompressed bitmap the run starts, in 32-bit words. */
  word = 0;
  /** How many equal 64-bit words come first. */
  equal = 0;
  /** Whether their bits are set. */
  isSet = false;
  /** Where the words follow that are as they are. */
  at: number;
  /** Where those end. */
  end: number;
  readonly #bytes: Uint8Array;
  readonly #limit: number;
  readonly #words: number;
  #next = 0;

  constructor(bytes: Uint8Array, ewah: Ewah, into: Uint32Array) {
    this.#bytes = bytes;
    this.#limit = ewah.end;
    this.#words = into.length;
    this.at = this.end = ewah.at;
    const stored = (ewah.end - ewah.at) / WORD_BYTES;
    if (stored > into.length + SPARE_WORDS) {
      throw corrupt("has a bitmap with too many words");
    }
  }

  next(): boolean {
    const at = this.end;
    if (at >= this.#limit) return false;
    const high = readUint32(this.#bytes, at);
    const low = readUint32(this.#bytes, at + 4);
    const equal = (low >>> 1) + (high & 1) * 2 ** 31;
    const literals = high >>> 1;
    const word = this.#next;
    if (literals * WORD_BYTES > this.#limit - at - WORD_BYTES) {
      throw corrupt("has a bitmap that ends too early");
    }
    if (2 * (equal + literals) > this.#words - word) {
      throw corrupt("has a bitmap with too many bits");
    }
    this.word = word;
    this.equal = equal;
    this.isSet = (low & 1) !== 0;
    this.at = at + WORD_BYTES;
    this.end = this.at + literals * WORD_BYTES;
    this.#next = word + 2 * (equal + literals);
    return true;
  }
}

/** The last 64 bits may be more than there are objects. */
function checkEnd(words: Uint32Array, count: number): void {
  for (let word = count >>> 5; word < words.length; word++) {
    const outside = word === count >>> 5 ? -1 << (count & 31) : -1;
    if (((words[word] as number) & outside) !== 0) {
      throw corrupt("has a bitmap with too many bits");
    }
  }
}

function corrupt(state: string): StorageError {
  return new StorageError("corrupt-bitmap", `Cannot use bitmap: it ${state}`);
}
