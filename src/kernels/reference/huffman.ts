/**
 * Huffman decoding tables for {@linkcode inflate}: canonical codes, read bit
 * by bit from a 32-bit window.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951#section-3.2.2
 * @module
 */

import { KernelError } from "../types.ts";

/** Codes of up to this many bits are found by one look-up. */
export const FAST_BITS = 9;
const MAX_BITS = 15;

/** One set of codes, ready to decode. */
export interface HuffmanTable {
  /** By the next FAST_BITS bits: symbol << 4 | length, 0 for longer codes. */
  readonly fast: Uint16Array;
  /** How many codes there are of each length. */
  readonly counts: Uint16Array;
  /** The symbols, by length and then by value. */
  readonly symbols: Uint16Array;
}

/**
 * Builds the table of `lengths`, one code length (0 to 15) per symbol. Throws
 * KernelError "corrupt" for over-subscribed sets, and for incomplete ones
 * unless they are a single code of one bit, as zlib has it; the set that codes
 * the code "lengths" has no such exception.
 */
export function buildTable(
  lengths: Uint8Array,
  use: "codes" | "lengths" = "codes",
): HuffmanTable {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
  const used = lengths.length - (counts[0] as number);
  counts[0] = 0;
  let left = 1;
  const offsets = new Uint16Array(MAX_BITS + 2);
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    left = left * 2 - (counts[bits] as number);
    if (left < 0) throw new KernelError("corrupt", "over-subscribed code");
    offsets[bits + 1] = (offsets[bits] as number) + (counts[bits] as number);
  }
  const single = use === "codes" && used === 1 && counts[1] === 1;
  if (left > 0 && used > 0 && !single) {
    throw new KernelError("corrupt", "incomplete code");
  }
  const symbols = new Uint16Array(used);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const bits = lengths[symbol] as number;
    if (bits === 0) continue;
    const at = offsets[bits] as number;
    symbols[at] = symbol;
    offsets[bits] = at + 1;
  }
  return { fast: fastTable(counts, symbols), counts, symbols };
}

function fastTable(counts: Uint16Array, symbols: Uint16Array): Uint16Array {
  const fast = new Uint16Array(1 << FAST_BITS);
  let code = 0;
  let index = 0;
  for (let bits = 1; bits <= FAST_BITS; bits++) {
    for (let n = counts[bits] as number; n > 0; n--, code++, index++) {
      const entry = ((symbols[index] as number) << 4) | bits;
      const step = 1 << bits;
      for (let at = reverse(code, bits); at < fast.length; at += step) {
        fast[at] = entry;
      }
    }
    code <<= 1;
  }
  return fast;
}

function reverse(code: number, bits: number): number {
  let reversed = 0;
  for (let i = 0; i < bits; i++) {
    reversed = (reversed << 1) | ((code >>> i) & 1);
  }
  return reversed;
}

/** The codes of blocks with fixed Huffman codes: RFC 1951, 3.2.6. */
export function fixedTables(): readonly [HuffmanTable, HuffmanTable] {
  const lengths = new Uint8Array(288);
  lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
  return [buildTable(lengths), buildTable(new Uint8Array(32).fill(5))];
}
