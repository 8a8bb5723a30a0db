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
import { BitReader } from "./bit_reader.ts";
import { fixedTables, type HuffmanTable } from "./huffman.ts";

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
  readonly #reader: BitReader;

  constructor(
    input: Uint8Array,
    at: number,
    output: Uint8Array<ArrayBuffer>,
  ) {
    this.#reader = new BitReader(input, at);
    this.output = output;
    this.#reader.zlibHeader();
  }

  /** Runs block by block; "prefix" stops quietly when the output is full. */
  run(mode: "whole" | "prefix"): void {
    const reader = this.#reader;
    for (let last = false; !last;) {
      last = reader.take(1) === 1;
      const kind = reader.take(2);
      const full = kind === 0
        ? this.#stored(mode)
        : this.#compressed(kind, mode);
      if (full) return;
    }
  }

  /** Checks the trailer; returns where the input ends. */
  finish(): number {
    if (this.#reader.zlibTrailer() !== adler32(this.output)) {
      throw new KernelError("corrupt", "incorrect data check");
    }
    return this.#reader.at;
  }

  #stored(mode: "whole" | "prefix"): boolean {
    const reader = this.#reader;
    const length = reader.storedLength();
    for (let i = 0; i < length; i++) {
      if (this.#full(mode)) return true;
      this.output[this.written++] = reader.byte();
    }
    return false;
  }

  #compressed(kind: number, mode: "whole" | "prefix"): boolean {
    if (kind === 3) throw new KernelError("corrupt", "invalid block type");
    const reader = this.#reader;
    const [literals, distances] = kind === 1
      ? fixedTables()
      : reader.dynamicTables();
    for (;;) {
      const symbol = reader.symbol(literals);
      if (symbol === 256) return false;
      if (symbol < 256) {
        if (this.#full(mode)) return true;
        this.output[this.written++] = symbol;
      } else if (this.#copy(symbol, distances, mode)) {
        return true;
      }
    }
  }

  #copy(
    symbol: number,
    distances: HuffmanTable,
    mode: "whole" | "prefix",
  ): boolean {
    const length = this.#reader.copy(symbol, distances);
    const distance = this.#reader.distance;
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
}
