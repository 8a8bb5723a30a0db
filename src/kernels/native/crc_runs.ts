/**
 * Compares the CRC-32 of many entries that lie side by side in one pass: the
 * checksum of them all follows from those that they should have, and one call
 * of the native CRC over the whole tells whether it is right. A call per entry
 * costs more than the checksum of its few hundred bytes.
 *
 * One wrong entry is always found, and several are missed as rarely as damage
 * to one entry is: once in 2^32.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952#section-8
 * @module
 */

import type { Kernels } from "../types.ts";

const POLYNOMIAL = 0xedb88320;
// Lengths are taken in digits of base 16. The table for one value of a digit
// has 16 words for each of the eight nibbles of a checksum: 512 bytes.
const DIGITS = 5;
const LENGTH_LIMIT = 16 ** DIGITS;
const TABLE_WORDS = 8 * 16;
const DIGIT_WORDS = 16 * TABLE_WORDS;

/** Makes a `Kernels.countGoodCrcs` over a fast `crc32`. */
export function goodCrcCounter(
  crc32: Kernels["crc32"],
): Kernels["countGoodCrcs"] {
  // 40 KiB that take about a millisecond: made when they are first needed.
  let tables: Int32Array | undefined;
  return (bytes, at, lengths, crcs) => {
    const { length: count } = lengths;
    if (count > 2) {
      tables ??= zeroTables();
      let end = at;
      let joined = 0;
      let longest = 0;
      for (let i = 0; i < count; i++) {
        const length = lengths[i] as number;
        longest |= length;
        joined = withZeros(tables, joined, length) ^ (crcs[i] as number);
        end += length;
      }
      if (
        longest < LENGTH_LIMIT && end <= bytes.length &&
        crc32(bytes.subarray(at, end)) === joined >>> 0
      ) return count;
    }
    let start = at;
    for (let i = 0; i < count; i++) {
      const end = start + (lengths[i] as number);
      if (end > bytes.length) return i;
      if (crc32(bytes.subarray(start, end)) !== crcs[i]) return i;
      start = end;
    }
    return count;
  };
}

/**
 * What a checksum contributes when `length` bytes follow: as if they were 0,
 * since a CRC is linear. Lengths are below {@linkcode LENGTH_LIMIT}.
 */
function withZeros(tables: Int32Array, crc: number, length: number): number {
  let value = crc;
  let digits = 0;
  for (let rest = length & (LENGTH_LIMIT - 1); rest !== 0; rest >>>= 4) {
    const digit = rest & 15;
    if (digit !== 0) value = apply(tables, digits + digit * TABLE_WORDS, value);
    digits += DIGIT_WORDS;
  }
  return value;
}

/** One look-up for each nibble of `value` in the table at `at`. */
function apply(tables: Int32Array, at: number, value: number): number {
  return (tables[at + (value & 15)] as number) ^
    (tables[at + 16 + ((value >>> 4) & 15)] as number) ^
    (tables[at + 32 + ((value >>> 8) & 15)] as number) ^
    (tables[at + 48 + ((value >>> 12) & 15)] as number) ^
    (tables[at + 64 + ((value >>> 16) & 15)] as number) ^
    (tables[at + 80 + ((value >>> 20) & 15)] as number) ^
    (tables[at + 96 + ((value >>> 24) & 15)] as number) ^
    (tables[at + 112 + (value >>> 28)] as number);
}

/**
 * For each digit, for each value of it, for each nibble of a checksum and each
 * value of that: the checksum with as many zero bytes behind it.
 */
function zeroTables(): Int32Array {
  const tables = new Int32Array(DIGITS * DIGIT_WORDS);
  for (let digits = 0; digits < tables.length; digits += DIGIT_WORDS) {
    for (let digit = 1; digit < 16; digit++) {
      for (let i = 0; i < TABLE_WORDS; i++) {
        const value = (i & 15) << ((i >>> 4) * 4);
        tables[digits + digit * TABLE_WORDS + i] = digit > 1
          ? twice(tables, digits, digit - 1, value)
          : digits > 0
          ? twice(tables, digits - DIGIT_WORDS, 15, value)
          : withZeroByte(value);
      }
    }
  }
  return tables;
}

/** `value` with the zeros of a digit's 1 and of its `other` behind it. */
function twice(
  tables: Int32Array,
  digits: number,
  other: number,
  value: number,
): number {
  const first = apply(tables, digits + TABLE_WORDS, value);
  return apply(tables, digits + other * TABLE_WORDS, first);
}

function withZeroByte(crc: number): number {
  let value = crc;
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) !== 0 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  }
  return value;
}
