/**
 * Numbers as reftables spell them, read one after another with every bound
 * checked.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { StorageError } from "../../../core/errors.ts";

/** A file that is not what a reftable must be: StorageError "bad-reftable". */
export function badTable(path: string, words: string): StorageError {
  return new StorageError(
    "bad-reftable",
    `corrupt reftable file ${path}: ${words}`,
  );
}

/** The 24-bit number at `at`. */
export function readUint24(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) << 16 | (bytes[at + 1] as number) << 8 |
    (bytes[at + 2] as number);
}

/** Reads varints from `bytes[at, end)`. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #path: string;
  /** Where the next one starts. */
  at: number;

  /** `path` is named in errors. */
  constructor(init: {
    readonly bytes: Uint8Array;
    readonly at: number;
    readonly end: number;
    readonly path: string;
  }) {
    this.#bytes = init.bytes;
    this.#end = init.end;
    this.#path = init.path;
    this.at = init.at;
  }

  /**
   * The next varint (git's: each further byte stands for one more than its
   * bits). Throws "bad-reftable" at the end and above 2^53.
   */
  varint(): number {
    let byte = this.#byte();
    let value = byte & 0x7f;
    while ((byte & 0x80) !== 0) {
      byte = this.#byte();
      value = (value + 1) * 128 + (byte & 0x7f);
      if (!Number.isSafeInteger(value)) {
        throw badTable(this.#path, "a number is too large");
      }
    }
    return value;
  }

  /** Passes over `length` bytes that must be there; gives where they start. */
  skip(length: number): number {
    const start = this.at;
    if (length > this.#end - start) {
      throw badTable(this.#path, "a record reaches over its block's end");
    }
    this.at = start + length;
    return start;
  }

  #byte(): number {
    if (this.at >= this.#end) {
      throw badTable(this.#path, "a record reaches over its block's end");
    }
    return this.#bytes[this.at++] as number;
  }
}
