/**
 * What SHA-1 and SHA-256 share: 64-byte blocks, padding, a 64-bit length.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6234#section-4.1
 * @module
 */

import { writeUint32 } from "../../core/bytes.ts";
import type { Hash } from "../types.ts";

const BLOCK_BYTES = 64;

/** Mixes the block at `at` of `bytes` into `state`. */
export type Compress = (
  state: Uint32Array,
  bytes: Uint8Array,
  at: number,
) => void;

/** A hash of 64-byte blocks over a state of 32-bit words. */
export class BlockHash implements Hash {
  #state: Uint32Array;
  #compress: Compress;
  #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #length = 0;

  constructor(initial: readonly number[], compress: Compress) {
    this.#state = Uint32Array.from(initial);
    this.#compress = compress;
  }

  /** Hashes more bytes. */
  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(BLOCK_BYTES - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < BLOCK_BYTES) return;
      this.#compress(this.#state, this.#block, 0);
      this.#filled = 0;
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
      this.#compress(this.#state, bytes, at);
    }
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
  }

  /** Pads, and returns the digest. */
  digest(): Uint8Array<ArrayBuffer> {
    const bits = this.#length * 8;
    const padding = new Uint8Array(
      this.#filled < 56 ? 64 - this.#filled : 128 - this.#filled,
    );
    padding[0] = 0x80;
    writeUint32(padding, padding.length - 8, Math.floor(bits / 2 ** 32));
    writeUint32(padding, padding.length - 4, bits % 2 ** 32);
    this.update(padding);
    const digest = new Uint8Array(this.#state.length * 4);
    for (let i = 0; i < this.#state.length; i++) {
      writeUint32(digest, i * 4, this.#state[i] as number);
    }
    return digest;
  }
}
