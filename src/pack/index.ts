/**
 * Pack indexes, versions 1 and 2: which objects a pack holds and where.
 * Positions are places in the index's own order, which is that of the ids.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_version_2_pack_idx_files_support_packs_larger_than_4_gib_and
 * @module
 */

import { readUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, oidFromRaw } from "../core/oid.ts";

const SIGNATURE = 0xff744f63;
const FAN_OUT_BYTES = 1024;

/** An index over its file's bytes, checked for its frame when it is opened. */
export class PackIndex {
  /** 1 or 2. */
  readonly version: 1 | 2;
  /** How many objects the pack holds. */
  readonly count: number;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** The file: {@linkcode PackIndex.rawAt} points into it. */
  readonly bytes: Uint8Array;
  readonly #idsAt: number;
  readonly #idStride: number;
  readonly #crcsAt: number;
  readonly #offsetsAt: number;
  readonly #largeAt: number;
  readonly #largeCount: number;

  /**
   * Opens an index; `bytes` is kept. Throws StorageError "corrupt-index"
   * where its size or its fan-out is not what packfile.c: load_idx takes.
   */
  constructor(bytes: Uint8Array, format: ObjectFormat) {
    this.bytes = bytes;
    this.format = format;
    const raw = format.rawLength;
    if (bytes.length < FAN_OUT_BYTES + 2 * raw) throw corrupt("is too small");
    this.version = readUint32(bytes, 0) === SIGNATURE ? 2 : 1;
    if (this.version === 2 && readUint32(bytes, 4) !== 2) {
      throw corrupt(`has version ${readUint32(bytes, 4)}`);
    }
    const fanOutAt = this.version === 2 ? 8 : 0;
    if (bytes.length < fanOutAt + FAN_OUT_BYTES + 2 * raw) {
      throw corrupt("is too small");
    }
    let count = 0;
    for (let i = 0; i < 256; i++) {
      const next = readUint32(bytes, fanOutAt + 4 * i);
      if (next < count) throw corrupt("is non-monotonic");
      count = next;
    }
    this.count = count;
    const tables = fanOutAt + FAN_OUT_BYTES;
    if (this.version === 1) {
      if (bytes.length !== tables + count * (raw + 4) + 2 * raw) {
        throw corrupt("has a wrong size");
      }
      this.#offsetsAt = tables;
      this.#idsAt = tables + 4;
      this.#idStride = raw + 4;
      this.#crcsAt = this.#largeAt = -1;
      this.#largeCount = 0;
      return;
    }
    const least = tables + count * (raw + 8) + 2 * raw;
    const large = (bytes.length - least) / 8;
    if (large < 0 || large > Math.max(0, count - 1) || large % 1 !== 0) {
      throw corrupt("has a wrong size");
    }
    this.#idsAt = tables;
    this.#idStride = raw;
    this.#crcsAt = tables + count * raw;
    this.#offsetsAt = this.#crcsAt + 4 * count;
    this.#largeAt = this.#offsetsAt + 4 * count;
    this.#largeCount = large;
  }

  /** Where in `bytes` the raw id at `position` stands. */
  rawAt(position: number): number {
    return this.#idsAt + position * this.#idStride;
  }

  /** The id at `position`. */
  oid(position: number): Oid {
    return oidFromRaw(this.bytes, this.rawAt(position), this.format);
  }

  /**
   * Where in the pack the entry at `position` starts. Throws StorageError
   * "corrupt-index" where its 64-bit offset is outside the table, or above
   * 2^53 - 1.
   */
  offset(position: number): number {
    if (this.version === 1) {
      return readUint32(
        this.bytes,
        this.#offsetsAt + position * this.#idStride,
      );
    }
    const offset = readUint32(this.bytes, this.#offsetsAt + 4 * position);
    if (offset < 0x80000000) return offset;
    const row = offset - 0x80000000;
    if (row >= this.#largeCount) {
      throw corrupt("has an offset outside its table");
    }
    const at = this.#largeAt + 8 * row;
    const large = readUint32(this.bytes, at) * 2 ** 32 +
      readUint32(this.bytes, at + 4);
    if (large > Number.MAX_SAFE_INTEGER) throw corrupt("has a wild offset");
    return large;
  }

  /** Whether entries have checksums: version 1 has none. */
  get hasCrcs(): boolean {
    return this.version === 2;
  }

  /** The CRC-32 of the entry at `position` as stored; version 2 only. */
  crc(position: number): number {
    return readUint32(this.bytes, this.#crcsAt + 4 * position);
  }

  /** The checksum at the end of the pack that this index is for. */
  packChecksum(): Uint8Array {
    const raw = this.format.rawLength;
    return this.bytes.subarray(-2 * raw, -raw);
  }
}

function corrupt(state: string): StorageError {
  return new StorageError(
    "corrupt-index",
    `Cannot open pack index: it ${state}`,
  );
}
