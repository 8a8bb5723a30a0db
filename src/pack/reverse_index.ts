/**
 * Reverse indexes (.rev): the order of a pack's entries by their offsets, or
 * of a multi-pack-index's objects by where they lie in its pseudo-pack.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_pack_rev_files_have_the_format
 * @module
 */

import { readUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";

const SIGNATURE = 0x52494458; // RIDX
const HEADER_BYTES = 12;

/** A reverse index over its file's bytes. */
export class ReverseIndex {
  /** The file. */
  readonly bytes: Uint8Array;
  /** How many objects it orders. */
  readonly count: number;
  readonly #rawLength: number;

  /**
   * Opens a file for an index of `count` objects; `bytes` is kept, and its
   * checksum is not looked at. Throws StorageError "corrupt-reverse-index",
   * also for another version or hash (pack-revindex.c:
   * load_revindex_from_disk).
   */
  constructor(bytes: Uint8Array, format: ObjectFormat, count: number) {
    const raw = format.rawLength;
    if (bytes.length < HEADER_BYTES + 2 * raw) throw corrupt("is too small");
    if (readUint32(bytes, 0) !== SIGNATURE) {
      throw corrupt("has an unknown signature");
    }
    const version = readUint32(bytes, 4);
    if (version !== 1) throw corrupt(`has version ${version}`);
    const hash = readUint32(bytes, 8);
    if (hash !== format.version) throw corrupt(`has hash version ${hash}`);
    if (bytes.length !== HEADER_BYTES + 4 * count + 2 * raw) {
      throw corrupt("has a wrong size");
    }
    this.bytes = bytes;
    this.count = count;
    this.#rawLength = raw;
  }

  /**
   * The positions in the index, in the order of the offsets. Throws
   * StorageError "corrupt-reverse-index" where one is outside the index. That
   * each stands there once is seen from the offsets, which must ascend.
   */
  order(): Uint32Array<ArrayBuffer> {
    const order = new Uint32Array(this.count);
    for (let i = 0; i < order.length; i++) {
      const position = readUint32(this.bytes, HEADER_BYTES + 4 * i);
      if (position >= order.length) {
        throw corrupt("has a position outside its index");
      }
      order[i] = position;
    }
    return order;
  }

  /** The checksum of the pack, or of the multi-pack-index, that it is for. */
  packChecksum(): Uint8Array {
    return this.bytes.subarray(-2 * this.#rawLength, -this.#rawLength);
  }

  /** The checksum at the file's end. */
  checksum(): Uint8Array {
    return this.bytes.subarray(-this.#rawLength);
  }
}

function corrupt(state: string): StorageError {
  return new StorageError(
    "corrupt-reverse-index",
    `Cannot use reverse index: it ${state}`,
  );
}
