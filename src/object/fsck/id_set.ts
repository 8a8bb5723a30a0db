/**
 * A set of ids that most questions are not about.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";

const PREFIXES = 65_536;

/** Raw ids; what begins unlike all of them is told at once. */
export class IdSet {
  readonly #ids = new Set<string>();
  readonly #prefixes = new Uint8Array(PREFIXES);

  /** How many it holds. */
  get size(): number {
    return this.#ids.size;
  }

  /** Adds the raw id that stands at `at`. */
  addRaw(bytes: Uint8Array, at: number, rawLength: number): void {
    this.add(toBinary(bytes, at, at + rawLength));
  }

  /** Adds a raw id as a binary string. */
  add(id: string): void {
    this.#prefixes[id.charCodeAt(0) * 256 + id.charCodeAt(1)] = 1;
    this.#ids.add(id);
  }

  /** Whether it holds a raw id. */
  has(raw: Uint8Array): boolean {
    const prefix = (raw[0] as number) * 256 + (raw[1] as number);
    return this.#prefixes[prefix] === 1 && this.#ids.has(toBinary(raw));
  }

  /** Whether it holds a raw id as a binary string. */
  hasText(id: string): boolean {
    return this.#ids.has(id);
  }

  /** The ids in ascending order, binary strings. */
  sorted(): string[] {
    return [...this.#ids].sort();
  }
}
