/**
 * A pack that comes in, held in an array that grows with it.
 *
 * @module
 */

import type { PackSink } from "../../pack/intake/ports.ts";

const FIRST_BYTES = 64 * 1024;

/** Bytes that are added, read and written over. */
export class MemorySink implements PackSink {
  #bytes = new Uint8Array(FIRST_BYTES);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** All of them; a view, until more are added. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size);
  }

  append(bytes: Uint8Array): void {
    const end = this.#size + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size = end;
  }

  overwrite(bytes: Uint8Array, position: number): void {
    this.bytes.set(bytes, position);
  }

  readAt(into: Uint8Array, position: number): number {
    const part = this.bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }
}
