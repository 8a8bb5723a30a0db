/**
 * Inflate in pieces, in plain TypeScript: a step ends at a symbol, and what it
 * has begun without enough input it begins again.
 *
 * @module
 */

import { type InflateStep, type InflateStream, KernelError } from "../types.ts";
import { addAdler32 } from "./adler32.ts";
import { BitReader } from "./bit_reader.ts";
import { fixedTables, type HuffmanTable } from "./huffman.ts";

/** As far as copies reach back. */
const WINDOW_BYTES = 32 * 1024;
/** As much as one step gives. */
const STEP_BYTES = 64 * 1024;

/** Makes an inflater: see `Kernels.inflateStream`. */
export function inflateStream(): InflateStream {
  return new PlainStream();
}

type Phase = "header" | "block" | "stored" | "codes" | "trailer" | "ended";

const NOTHING = new Uint8Array(0);

class PlainStream implements InflateStream {
  readonly #output = new Uint8Array(WINDOW_BYTES + STEP_BYTES);
  readonly #reader = new BitReader(NOTHING, 0);
  #phase: Phase = "header";
  #isLast = false;
  #tables: readonly [HuffmanTable, HuffmanTable] | undefined;
  /** Where the next byte of output goes. */
  #written = 0;
  /** Where the output of a step must end. */
  #full = 0;
  /** Bytes of a stored block, or of a copy, that are still to come. */
  #left = 0;
  #distance = 0;
  #sum = 1;

  restart(): void {
    const reader = this.#reader;
    reader.bits = 0;
    reader.count = 0;
    this.#phase = "header";
    this.#written = 0;
    this.#left = 0;
    this.#distance = 0;
    this.#sum = 1;
  }

  step(
    input: Uint8Array,
    at: number,
    end: number,
    room: number,
  ): InflateStep {
    const reader = this.#reader;
    reader.input = input;
    reader.at = at;
    reader.end = end;
    const output = this.#output;
    if (this.#written > WINDOW_BYTES) {
      output.copyWithin(0, this.#written - WINDOW_BYTES, this.#written);
      this.#written = WINDOW_BYTES;
    }
    const from = this.#written;
    this.#full = from + Math.min(room, output.length - from);
    const state = this.#run();
    // Whole bytes go back: they come again.
    reader.at -= reader.count >>> 3;
    reader.count &= 7;
    reader.bits &= (1 << reader.count) - 1;
    reader.input = NOTHING;
    const made = output.subarray(from, this.#written);
    this.#sum = addAdler32(this.#sum, made);
    let consumed = reader.at - at;
    if (state === "trailer") {
      if (end - reader.at < 4) {
        return { consumed, output: made, state: "input" };
      }
      reader.input = input;
      if (reader.zlibTrailer() !== this.#sum) {
        throw new KernelError("corrupt", "incorrect data check");
      }
      consumed = reader.at - at;
      this.#phase = "ended";
      return { consumed, output: made, state: "end" };
    }
    return { consumed, output: made, state };
  }

  /** Goes on until something is missing, or only the trailer is. */
  #run(): "input" | "output" | "trailer" {
    const reader = this.#reader;
    while (this.#phase !== "trailer" && this.#phase !== "ended") {
      if (this.#left > 0 && this.#phase === "codes") {
        if (!this.#copyOn()) return "output";
      }
      const { at, bits, count } = reader;
      try {
        if (!this.#advance()) {
          return this.#written === this.#full ? "output" : "input";
        }
      } catch (error) {
        if ((error as KernelError).code !== "truncated") throw error;
        reader.at = at;
        reader.bits = bits;
        reader.count = count;
        return "input";
      }
    }
    return "trailer";
  }

  /** One piece of what the stream is made of; false: there is no room. */
  #advance(): boolean {
    const reader = this.#reader;
    switch (this.#phase) {
      case "header":
        reader.zlibHeader();
        this.#phase = "block";
        return true;
      case "block":
        this.#startBlock();
        return true;
      case "stored": {
        const some = Math.min(
          this.#left,
          this.#full - this.#written,
          reader.end - reader.at,
        );
        this.#output.set(
          reader.input.subarray(reader.at, reader.at + some),
          this.#written,
        );
        this.#written += some;
        reader.at += some;
        this.#left -= some;
        if (this.#left > 0) return false;
        this.#endBlock();
        return true;
      }
      default:
        return this.#code();
    }
  }

  #startBlock(): void {
    const reader = this.#reader;
    const isLast = reader.take(1) === 1;
    const kind = reader.take(2);
    if (kind === 3) throw new KernelError("corrupt", "invalid block type");
    if (kind === 0) {
      this.#left = reader.storedLength();
      this.#phase = "stored";
    } else {
      this.#tables = kind === 1 ? fixedTables() : reader.dynamicTables();
      this.#phase = "codes";
    }
    this.#isLast = isLast;
  }

  #endBlock(): void {
    this.#phase = this.#isLast ? "trailer" : "block";
  }

  /** One symbol of a block, with the copy that it begins. */
  #code(): boolean {
    if (this.#written === this.#full) return false;
    const reader = this.#reader;
    const [literals, distances] = this.#tables as readonly [
      HuffmanTable,
      HuffmanTable,
    ];
    const symbol = reader.symbol(literals);
    if (symbol === 256) {
      this.#endBlock();
    } else if (symbol < 256) {
      this.#output[this.#written++] = symbol;
    } else {
      const length = reader.copy(symbol, distances);
      if (reader.distance > this.#written) {
        throw new KernelError("corrupt", "invalid distance too far back");
      }
      this.#left = length;
      this.#distance = reader.distance;
    }
    return true;
  }

  /** Copies what is left of a copy; false where there is no room for all. */
  #copyOn(): boolean {
    const output = this.#output;
    for (; this.#left > 0; this.#left--) {
      if (this.#written === this.#full) return false;
      output[this.#written] = output[this.#written - this.#distance] as number;
      this.#written++;
    }
    return true;
  }
}
