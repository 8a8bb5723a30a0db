/**
 * Makes files of rows that end with two checksums, a pack's and their own, as
 * indexes and reverse indexes do, in pieces.
 *
 * @module
 */

import type { ObjectFormat } from "../core/oid.ts";
import type { Hash, Kernels } from "../kernels/types.ts";

const PIECE_BYTES = 256 * 1024;

/** A file in the making; each of its pieces is lent until the next. */
export class HashedPieces {
  readonly #piece = new Uint8Array(PIECE_BYTES);
  readonly #hash: Hash;

  /** A file of this format, from its start. */
  constructor(format: ObjectFormat, kernels: Pick<Kernels, "hash">) {
    this.#hash = kernels.hash(format);
  }

  /** Adds `count` rows of `width` bytes, each of which `write` writes. */
  *rows(
    count: number,
    width: number,
    write: (bytes: Uint8Array, at: number, row: number) => void,
  ): Generator<Uint8Array, void, void> {
    const most = Math.floor(PIECE_BYTES / width);
    for (let from = 0; from < count; from += most) {
      const to = Math.min(count, from + most);
      for (let row = from; row < to; row++) {
        write(this.#piece, (row - from) * width, row);
      }
      const bytes = this.#piece.subarray(0, (to - from) * width);
      this.#hash.update(bytes);
      yield bytes;
    }
  }

  /** Ends the file with the checksum of its pack and its own. */
  end(packChecksum: Uint8Array): Uint8Array {
    this.#hash.update(packChecksum);
    const { length } = packChecksum;
    this.#piece.set(packChecksum);
    this.#piece.set(this.#hash.digest(), length);
    return this.#piece.subarray(0, 2 * length);
  }
}
