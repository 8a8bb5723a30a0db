/**
 * Inflate in plain TypeScript: the definition that every other inflater here
 * is tested against. It takes hostile input, reports how many bytes it
 * consumed, and never writes more than it was told to.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1950
 * @see https://www.rfc-editor.org/rfc/rfc1951
 * @module
 */

import { type Inflated, KernelError } from "../types.ts";
import { adler32 } from "./adler32.ts";
import {
  buildTable,
  FAST_BITS,
  fixedTables,
  type HuffmanTable,
} from "./huffman.ts";

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

/** Inflates one zlib stream: see `Kernels.inflate`. */
export function inflate(
  input: Uint8Array,
  at: number,
  size: number,
): Inflated {
  const state = new Inflater(input, at, new Uint8Array(size));
  state.run("whole");
  if (state.written < size) {
    throw new KernelError("too-short", `inflated to ${state.written} bytes`);
  }
  return { data: state.output, consumed: state.finish() - at };
}

/** Inflates the first bytes of a stream: see `Kernels.inflatePrefix`. */
export function inflatePrefix(
  input: Uint8Array,
  at: number,
  size: number,
): Uint8Array {
  const state = new Inflater(input, at, new Uint8Array(size));
  state.run("prefix");
  return state.output.subarray(0, state.written);
}

class Inflater {
  readonly output: Uint8Array<ArrayBuffer>;
  written = 0;
  #input: Uint8Array;
  #at: number;
  #bits = 0;
  #count = 0;

  constructor(
    input: Uint8Array,
    at: number,
    output: Uint8Array<ArrayBuffer>,
  ) {
    this.#input = input;
    this.#at = at;
    this.output = output;
    this.#zlibHeader();
  }

  /** Runs block by block; "prefix" stops quietly when the output is full. */
  run(mode: "whole" | "prefix"): void {
    for (let last = false; !last;) {
      last = this.#take(1) === 1;
      const kind = this.#take(2);
      const full = kind === 0
        ? this.#stored(mode)
        : this.#compressed(kind, mode);
      if (full) return;
    }
  }

  /** Checks the trailer; returns where the input ends. */
  finish(): number {
    this.#at -= this.#count >>> 3;
    this.#bits = 0;
    this.#count = 0;
    let sum = 0;
    for (let i = 0; i < 4; i++) sum = (sum << 8) | this.#byte();
    if ((sum >>> 0) !== adler32(this.output)) {
      throw new KernelError("corrupt", "incorrect data check");
    }
    return this.#at;
  }

  #zlibHeader(): void {
    const method = this.#byte();
    const flags = this.#byte();
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

  #byte(): number {
    if (this.#at >= this.#input.length) {
      throw new KernelError("truncated", "unexpected end of file");
    }
    return this.#input[this.#at++] as number;
  }

  #take(count: number): number {
    while (this.#count < count) {
      this.#bits |= this.#byte() << this.#count;
      this.#count += 8;
    }
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#count -= count;
    return value;
  }

  #symbol(table: HuffmanTable): number {
    // Fill as far as the input goes: a stream may end within FAST_BITS.
    while (this.#count < FAST_BITS && this.#at < this.#input.length) {
      this.#bits |= (this.#input[this.#at++] as number) << this.#count;
      this.#count += 8;
    }
    const entry = table.fast[this.#bits & ((1 << FAST_BITS) - 1)] as number;
    const length = entry & 15;
    if (length !== 0 && length <= this.#count) {
      this.#bits >>>= length;
      this.#count -= length;
      return entry >>> 4;
    }
    return this.#slowSymbol(table);
  }

  #slowSymbol(table: HuffmanTable): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= 15; length++) {
      code |= this.#take(1);
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

  #stored(mode: "whole" | "prefix"): boolean {
    // Whole bytes that were taken into the bit buffer go back first.
    this.#at -= this.#count >>> 3;
    this.#bits = 0;
    this.#count = 0;
    const length = this.#byte() | (this.#byte() << 8);
    const check = this.#byte() | (this.#byte() << 8);
    if ((length ^ check) !== 0xffff) {
      throw new KernelError("corrupt", "invalid stored block lengths");
    }
    for (let i = 0; i < length; i++) {
      if (this.#full(mode)) return true;
      this.output[this.written++] = this.#byte();
    }
    return false;
  }

  #compressed(kind: number, mode: "whole" | "prefix"): boolean {
    if (kind === 3) throw new KernelError("corrupt", "invalid block type");
    const [literals, distances] = kind === 1
      ? fixedTables()
      : this.#dynamicTables();
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return false;
      if (symbol < 256) {
        if (this.#full(mode)) return true;
        this.output[this.written++] = symbol;
      } else if (this.#copy(symbol - 257, distances, mode)) {
        return true;
      }
    }
  }

  #copy(
    symbol: number,
    distances: HuffmanTable,
    mode: "whole" | "prefix",
  ): boolean {
    const base = LENGTH_BASE[symbol];
    if (base === undefined) {
      throw new KernelError("corrupt", "invalid literal/length code");
    }
    const length = base + this.#take(LENGTH_EXTRA[symbol] as number);
    const code = this.#symbol(distances);
    const near = DISTANCE_BASE[code];
    if (near === undefined) {
      throw new KernelError("corrupt", "invalid distance code");
    }
    const distance = near + this.#take(DISTANCE_EXTRA[code] as number);
    if (distance > this.written) {
      throw new KernelError("corrupt", "invalid distance too far back");
    }
    for (let i = 0; i < length; i++) {
      if (this.#full(mode)) return true;
      this.output[this.written] = this.output[
        this.written - distance
      ] as number;
      this.written++;
    }
    return false;
  }

  #full(mode: "whole" | "prefix"): boolean {
    if (this.written < this.output.length) return false;
    if (mode === "prefix") return true;
    throw new KernelError(
      "too-long",
      `inflates to more than ${this.output.length} bytes`,
    );
  }

  #dynamicTables(): readonly [HuffmanTable, HuffmanTable] {
    const literalCount = this.#take(5) + 257;
    const distanceCount = this.#take(5) + 1;
    const lengthCount = this.#take(4) + 4;
    if (literalCount > 286 || distanceCount > 30) {
      throw new KernelError("corrupt", "too many length or distance symbols");
    }
    const codeLengths = new Uint8Array(19);
    for (let i = 0; i < lengthCount; i++) {
      codeLengths[LENGTH_ORDER[i] as number] = this.#take(3);
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
    const symbol = this.#symbol(table);
    if (symbol < 16) {
      lengths[at] = symbol;
      return at + 1;
    }
    if (symbol === 16 && at === 0) {
      throw new KernelError("corrupt", "invalid bit length repeat");
    }
    const value = symbol === 16 ? lengths[at - 1] as number : 0;
    const repeat = symbol === 16
      ? 3 + this.#take(2)
      : symbol === 17
      ? 3 + this.#take(3)
      : 11 + this.#take(7);
    if (at + repeat > lengths.length) {
      throw new KernelError("corrupt", "invalid bit length repeat");
    }
    lengths.fill(value, at, at + repeat);
    return at + repeat;
  }
}
