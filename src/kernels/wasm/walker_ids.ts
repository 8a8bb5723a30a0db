/**
 * Lays out the ids that the wasm module looks up.
 *
 * @module
 */

import type { PackWalkerInit } from "../types.ts";
import type { WasmExports } from "./instance.ts";

// The size of assembly/ids.ts.
const SORTED_WORDS = 5;

interface SortedPlaces {
  readonly ids: number;
  readonly fanOut: number;
  readonly numbers: number;
}

/** Copies ids to where they are looked up. */
export class WalkerIds {
  readonly #init: PackWalkerInit;
  readonly #sorted: number;
  readonly #tables: readonly SortedPlaces[];
  readonly #ids: number;
  readonly #numbers: number;
  readonly #table: number;

  /** Takes room by `place`, which returns an address for a length. */
  constructor(init: PackWalkerInit, place: (length: number) => number) {
    this.#init = init;
    this.#sorted = place(init.sorted.length * SORTED_WORDS * 4);
    this.#tables = init.sorted.map(({ ids, fanOut, numbers }) => ({
      ids: place(ids.byteLength),
      fanOut: place(fanOut.byteLength),
      numbers: place(numbers.byteLength),
    }));
    this.#ids = place(init.ids.byteLength);
    this.#numbers = place(init.numbers.byteLength);
    this.#table = place(init.table.byteLength);
  }

  /** Copies them, once the memory has its size. */
  write(wasm: WasmExports): void {
    const init = this.#init;
    const words = new Int32Array(wasm.memory.buffer);
    init.sorted.forEach(({ ids, fanOut, start, numbers }, i) => {
      const at = this.#tables[i] as SortedPlaces;
      words.set(ids, at.ids / 4);
      words.set(wordsOf(fanOut), at.fanOut / 4);
      words.set(wordsOf(numbers), at.numbers / 4);
      const shift = 32 - Math.log2(fanOut.length - 1);
      words.set(
        [at.ids, at.fanOut, shift, at.numbers, start],
        this.#sorted / 4 + i * SORTED_WORDS,
      );
    });
    words.set(init.ids, this.#ids / 4);
    words.set(init.numbers, this.#numbers / 4);
    words.set(init.table, this.#table / 4);
    wasm.configureIds(
      ...[init.rawLength, this.#sorted, init.sorted.length] as const,
      ...[this.#ids, this.#numbers, this.#table] as const,
      ...[init.table.length, init.shift, init.seed] as const,
    );
  }
}

/** The same words: a copy between arrays of one type is a plain one. */
function wordsOf(array: Int32Array | Uint32Array): Int32Array {
  return new Int32Array(array.buffer, array.byteOffset, array.length);
}
