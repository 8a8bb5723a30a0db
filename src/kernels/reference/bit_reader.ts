/**
 * Reads deflate's bits and codes from bytes: what inflating a whole stream and
 * inflating one in pieces have in common.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951
 * @module
 */

import { KernelError } from "../types.ts";
import { buildTable, FAST_BITS, type HuffmanTable } from "./huffman.ts";

// RFC 1951, 3.2.5: base values and extra bits of lengths and distances.
// deno-fmt-ignore
const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
  35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
// deno-fmt-ignore
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3,
  3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
// deno-fmt-ignore
const DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129,
  193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
  16385, 24577];
// deno-fmt-ignore
const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7,
  8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
// deno-fmt-ignore
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
  14, 1, 15];

/** Reads from `input`, from `at` to before `end`, lowest bits first. */
export class BitReader {
  /** The bytes. */
  input: Uint8Array;
  /** The next byte to take into the bit buffer. */
  at: number;
  /** Where the input ends. */
  end: number;
  /** Bits that were taken and not used, lowest first. */
  bits = 0;
  /** How many those are. */
  count = 0;
  /** The distance of the copy that {@linkcode BitReader.copy} read. */
  distance = 0;

  /** A reader at a byte's start. */
  constructor(input: Uint8Array, at: number, end: number = input.length) {
    this.input = input;
    this.at = at;
    this.end = end;
  }

  /** The next byte; for use where no bits are waiting. */
  byte(): number {
    if (this.at >= this.end) {
      throw new KernelError("truncated", "unexpected end of file");
    }
    return this.input[this.at++] as number;
  }

  /** The next `count` bits. */
  take(count: number): number {
    while (this.count < count) {
      this.bits |= this.byte() << this.count;
      this.count += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.count -= count;
    return value;
  }

  /** Gives whole bytes back and drops the bits before the next byte. */
  align(): void {
    this.at -= this.count >>> 3;
    this.bits = 0;
    this.count = 0;
  }

  /** The next symbol of a code. */
  symbol(table: HuffmanTable): number {
    // Fill as far as the input goes: a stream may end within FAST_BITS.
    while (this.count < FAST_BITS && this.at < this.end) {
      this.bits |= (this.input[this.at++] as number) << this.count;
      this.count += 8;
    }
    const entry = table.fast[this.bits & ((1 << FAST_BITS) - 1)] as number;
    const length = entry & 15;
    if (length !== 0 && length <= this.count) {
      this.bits >>>= length;
      this.count -= length;
      return entry >>> 4;
    }
    return this.#slowSymbol(table);
  }

  #slowSymbol(table: HuffmanTable): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= 15; length++) {
      code |= this.take(1);
      const count = table.counts[length] as number;
      if (code - count < first) {
        return table.symbols[index + code - first] as number;
      }
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new KernelError("corrupt", "invalid code");
  }

  /** Checks the two bytes in front of a zlib stream. */
  zlibHeader(): void {
    const method = this.byte();
    const flags = this.byte();
    if ((method & 15) !== 8 || (method >>> 4) > 7) {
      throw new KernelError("corrupt", "unknown compression method");
    }
    if ((method * 256 + flags) % 31 !== 0) {
      throw new KernelError("corrupt", "incorrect header check");
    }
    if ((flags & 32) !== 0) {
      throw new KernelError("corrupt", "preset dictionary");
    }
  }

  /** The length of a stored block, whose bytes follow. */
  storedLength(): number {
    // Whole bytes that were taken into the bit buffer go back first.
    this.align();
    const length = this.byte() | (this.byte() << 8);
    const check = this.byte() | (this.byte() << 8);
    if ((length ^ check) !== 0xffff) {
      throw new KernelError("corrupt", "invalid stored block lengths");
    }
    return length;
  }

  /** The length of the copy that `symbol` (257 and on) begins. */
  copy(symbol: number, distances: HuffmanTable): number {
    const base = LENGTH_BASE[symbol - 257];
    if (base === undefined) {
      throw new KernelError("corrupt", "invalid literal/length code");
    }
    const length = base + this.take(LENGTH_EXTRA[symbol - 257] as number);
    const code = this.symbol(distances);
    const near = DISTANCE_BASE[code];
    if (near === undefined) {
      throw new KernelError("corrupt", "invalid distance code");
    }
    this.distance = near + this.take(DISTANCE_EXTRA[code] as number);
    return length;
  }

  /** The trailer of a zlib stream: the checksum it tells. */
  zlibTrailer(): number {
    this.align();
    let sum = 0;
    for (let i = 0; i < 4; i++) sum = (sum << 8) | this.byte();
    return sum >>> 0;
  }

  /** The tables of a block that brings its own. */
  dynamicTables(): readonly [HuffmanTable, HuffmanTable] {
    const literalCount = this.take(5) + 257;
    const distanceCount = this.take(5) + 1;
    const lengthCount = this.take(4) + 4;
    if (literalCount > 286 || distanceCount > 30) {
      throw new KernelError("corrupt", "too many length or distance symbols");
    }
    const codeLengths = new Uint8Array(19);
    for (let i = 0; i < lengthCount; i++) {
      codeLengths[LENGTH_ORDER[i] as number] = this.take(3);
    }
    const table = buildTable(codeLengths, "lengths");
    const lengths = new Uint8Array(literalCount + distanceCount);
    for (let at = 0; at < lengths.length;) {
      at = this.#codeLength(table, lengths, at);
    }
    if (lengths[256] === 0) {
      throw new KernelError("corrupt", "invalid code -- missing end-of-block");
    }
    return [
      buildTable(lengths.subarray(0, literalCount)),
      buildTable(lengths.subarray(literalCount)),
    ];
  }

  #codeLength(table: HuffmanTable, lengths: Uint8Array, at: number): number {
    const symbol = this.symbol(table);
    if (symbol < 16) {
      lengths[at] = symbol;
      return at + 1;
    }
    if (symbol === 16 && at === 0) {
      throw new KernelError("corrupt", "invalid bit length repeat");
    }
    const value = symbol === 16 ? lengths[at - 1] as number : 0;
    const repeat = symbol === 16
      ? 3 + this.take(2)
      : symbol === 17
      ? 3 + this.take(3)
      : 11 + this.take(7);
    if (at + repeat > lengths.length) {
      throw new KernelError("corrupt", "invalid bit length repeat");
    }
    lengths.fill(value, at, at + repeat);
    return at + repeat;
  }
}
