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

/** What comes before the columns of an index. */
export const INDEX_HEAD_BYTES: number = 8 + FAN_OUT_BYTES;

/** Where an index's columns stand in its file. */
export interface IndexFrame {
  /** 1 or 2. */
  readonly version: 1 | 2;
  /** How many objects the pack holds. */
  readonly count: number;
  /** Where the first id is. */
  readonly idsAt: number;
  /** From one id to the next. */
  readonly idStride: number;
  /** Where the first checksum is; -1 in version 1, which has none. */
  readonly crcsAt: number;
  /** Where the first offset is. */
  readonly offsetsAt: number;
  /** From one offset to the next. */
  readonly offsetStride: number;
  /** Where the table of 64-bit offsets is; -1 in version 1. */
  readonly largeAt: number;
  /** How many those are. */
  readonly largeCount: number;
}

/**
 * The frame of an index of `size` bytes, of which `head` are the first
 * {@linkcode INDEX_HEAD_BYTES}, or all. Throws StorageError "corrupt-index"
 * where the size or the fan-out is not what packfile.c: load_idx takes.
 */
export function parseIndexFrame(
  head: Uint8Array,
  size: number,
  format: ObjectFormat,
): IndexFrame {
  const raw = format.rawLength;
  if (size < FAN_OUT_BYTES + 2 * raw || head.length < FAN_OUT_BYTES) {
    throw corruptIndex("is too small");
  }
  const version = readUint32(head, 0) === SIGNATURE ? 2 : 1;
  if (version === 2 && readUint32(head, 4) !== 2) {
    throw corruptIndex(`has version ${readUint32(head, 4)}`);
  }
  const fanOutAt = version === 2 ? 8 : 0;
  const tables = fanOutAt + FAN_OUT_BYTES;
  if (size < tables + 2 * raw || head.length < tables) {
    throw corruptIndex("is too small");
  }
  let count = 0;
  for (let i = 0; i < 256; i++) {
    const next = readUint32(head, fanOutAt + 4 * i);
    if (next < count) throw corruptIndex("is non-monotonic");
    count = next;
  }
  if (version === 1) {
    if (size !== tables + count * (raw + 4) + 2 * raw) {
      throw corruptIndex("has a wrong size");
    }
    return {
      version,
      count,
      idsAt: tables + 4,
      idStride: raw + 4,
      crcsAt: -1,
      offsetsAt: tables,
      offsetStride: raw + 4,
      largeAt: -1,
      largeCount: 0,
    };
  }
  const least = tables + count * (raw + 8) + 2 * raw;
  const largeCount = (size - least) / 8;
  if (
    largeCount < 0 || largeCount > Math.max(0, count - 1) ||
    largeCount % 1 !== 0
  ) {
    throw corruptIndex("has a wrong size");
  }
  const crcsAt = tables + count * raw;
  const offsetsAt = crcsAt + 4 * count;
  return {
    version,
    count,
    idsAt: tables,
    idStride: raw,
    crcsAt,
    offsetsAt,
    offsetStride: 4,
    largeAt: offsetsAt + 4 * count,
    largeCount,
  };
}

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
  readonly #frame: IndexFrame;

  /**
   * Opens an index; `bytes` is kept. Throws StorageError "corrupt-index"
   * where its size or its fan-out is not what packfile.c: load_idx takes.
   */
  constructor(bytes: Uint8Array, format: ObjectFormat) {
    this.bytes = bytes;
    this.format = format;
    this.#frame = parseIndexFrame(bytes, bytes.length, format);
    this.version = this.#frame.version;
    this.count = this.#frame.count;
  }

  /** Where in `bytes` the raw id at `position` stands. */
  rawAt(position: number): number {
    return this.#frame.idsAt + position * this.#frame.idStride;
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
    const { offsetsAt, offsetStride, largeAt, largeCount } = this.#frame;
    const offset = readUint32(this.bytes, offsetsAt + position * offsetStride);
    if (this.version === 1 || offset < 0x80000000) return offset;
    const row = offset - 0x80000000;
    if (row >= largeCount) {
      throw corruptIndex("has an offset outside its table");
    }
    const at = largeAt + 8 * row;
    const large = readUint32(this.bytes, at) * 2 ** 32 +
      readUint32(this.bytes, at + 4);
    if (large > Number.MAX_SAFE_INTEGER) {
      throw corruptIndex("has a wild offset");
    }
    return large;
  }

  /** Whether entries have checksums: version 1 has none. */
  get hasCrcs(): boolean {
    return this.version === 2;
  }

  /** The CRC-32 of the entry at `position` as stored; version 2 only. */
  crc(position: number): number {
    return readUint32(this.bytes, this.#frame.crcsAt + 4 * position);
  }

  /** The checksum at the end of the pack that this index is for. */
  packChecksum(): Uint8Array {
    const raw = this.format.rawLength;
    return this.bytes.subarray(-2 * raw, -raw);
  }
}

/** Bytes from the start that {@linkcode packIndexRows} looks at. */
export const PACK_INDEX_HEAD_BYTES: number = 8 + FAN_OUT_BYTES;

/**
 * Where the ids of an index stand in its file, told by its first
 * {@linkcode PACK_INDEX_HEAD_BYTES}: the first one, and how far the next.
 * Throws StorageError "corrupt-index" where `size` is none that an index of
 * `count` objects can have.
 */
export function packIndexRows(
  head: Uint8Array,
  count: number,
  { size, rawLength: raw }: {
    readonly size: number;
    readonly rawLength: number;
  },
): { readonly idsAt: number; readonly stride: number } {
  const isV2 = readUint32(head, 0) === SIGNATURE && readUint32(head, 4) === 2;
  const tables = isV2 ? 8 + FAN_OUT_BYTES : FAN_OUT_BYTES;
  if (head.length < tables || readUint32(head, tables - 4) !== count) {
    throw corruptIndex("has another number of objects");
  }
  const rows = isV2 ? count * (raw + 8) : count * (raw + 4);
  if (size < tables + rows + 2 * raw) throw corruptIndex("has a wrong size");
  return isV2
    ? { idsAt: tables, stride: raw }
    : { idsAt: tables + 4, stride: raw + 4 };
}

/** What is wrong with an index. */
export function corruptIndex(state: string): StorageError {
  return new StorageError(
    "corrupt-index",
    `Cannot open pack index: it ${state}`,
  );
}
