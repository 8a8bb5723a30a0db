/**
 * Multi-pack-indexes, version 1: the objects of several packs, each once, in
 * the order of their ids. Not for chains of them, which are refused: their
 * packs have indexes of their own.
 *
 * Opening checks the frame; what stands in the tables is checked where it is
 * read.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_multi_pack_index_midx_files_have_the_following_format
 * @module
 */

import { readUint32, toBinary } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";
import {
  checkHeader,
  type Chunk,
  countIds,
  needChunk,
  readChunks,
  readUint64,
} from "./chunk_table.ts";

const SIGNATURE = 0x4d494458; // MIDX
const HEADER_BYTES = 12;
const FAN_OUT_BYTES = 1024;
const HIGH_BIT = 0x80000000;

const NAMES = 0x504e414d; // PNAM
const FAN_OUT = 0x4f494446; // OIDF
const IDS = 0x4f49444c; // OIDL
const OFFSETS = 0x4f4f4646; // OOFF
const LARGE = 0x4c4f4646; // LOFF
const REVERSE = 0x52494458; // RIDX

/** A multi-pack-index over its file's bytes. */
export class MultiPackIndex {
  /** The file: {@linkcode MultiPackIndex.rawAt} points into it. */
  readonly bytes: Uint8Array;
  /** How many objects it has. */
  readonly count: number;
  /** The names of its packs' indexes ("pack-....idx"), ascending. */
  readonly packNames: readonly string[];
  readonly #rawLength: number;
  readonly #idsAt: number;
  readonly #offsetsAt: number;
  readonly #large: Chunk | undefined;
  readonly #reverse: Chunk | undefined;

  /**
   * Opens a file; `bytes` is kept, and its checksum is not looked at. Throws
   * StorageError "corrupt-multi-pack-index", also for another version or hash
   * and for a layer of a chain.
   */
  constructor(bytes: Uint8Array, format: ObjectFormat) {
    const raw = format.rawLength;
    checkHeader(
      bytes,
      { format, signature: SIGNATURE, headerBytes: HEADER_BYTES },
      corrupt,
    );
    if (bytes[7] !== 0) throw corrupt("is a layer of a chain");
    const chunks = readChunks(bytes, {
      count: bytes[6] as number,
      tableAt: HEADER_BYTES,
      dataEnd: bytes.length - raw,
    }, corrupt);
    const need = (id: number, size: number, name: string): number =>
      needChunk(chunks.get(id), { size, name }, corrupt).at;
    const fanOutAt = need(FAN_OUT, FAN_OUT_BYTES, "fan-out");
    const count = countIds(bytes, fanOutAt, corrupt);
    this.bytes = bytes;
    this.count = count;
    this.#rawLength = raw;
    this.#idsAt = need(IDS, count * raw, "ids");
    this.#offsetsAt = need(OFFSETS, count * 8, "offsets");
    this.#large = chunks.get(LARGE);
    const reverse = chunks.get(REVERSE);
    // pack-revindex.c: can_use_midx_ridx_chunk.
    this.#reverse = reverse?.size === 4 * count ? reverse : undefined;
    this.packNames = readNames(
      bytes,
      chunks.get(NAMES),
      readUint32(bytes, 8),
    );
  }

  /** Where in `bytes` the raw id at `position` stands. */
  rawAt(position: number): number {
    return this.#idsAt + position * this.#rawLength;
  }

  /**
   * Which of the packs the object at `position` was selected from. Throws
   * StorageError "corrupt-multi-pack-index" where there is no such pack.
   */
  pack(position: number): number {
    const pack = readUint32(this.bytes, this.#offsetsAt + 8 * position);
    if (pack >= this.packNames.length) {
      throw corrupt("has an object of an unknown pack");
    }
    return pack;
  }

  /**
   * Where in that pack it starts. Throws StorageError
   * "corrupt-multi-pack-index" where its 64-bit offset is outside the table,
   * or above 2^53 - 1.
   */
  offset(position: number): number {
    const offset = readUint32(this.bytes, this.#offsetsAt + 8 * position + 4);
    if (this.#large === undefined || offset < HIGH_BIT) return offset;
    const row = (offset - HIGH_BIT) * 8;
    if (row + 8 > this.#large.size) {
      throw corrupt("has an offset outside its table");
    }
    const large = readUint64(this.bytes, this.#large.at + row);
    if (large > Number.MAX_SAFE_INTEGER) throw corrupt("has a wild offset");
    return large;
  }

  /**
   * The positions in the order of the pseudo-pack, or `undefined` where that
   * stands in a file of its own. Throws StorageError
   * "corrupt-multi-pack-index" where one is outside the index.
   */
  order(): Uint32Array<ArrayBuffer> | undefined {
    if (this.#reverse === undefined) return undefined;
    const order = new Uint32Array(this.count);
    const { at } = this.#reverse;
    for (let i = 0; i < order.length; i++) {
      const position = readUint32(this.bytes, at + 4 * i);
      if (position >= order.length) {
        throw corrupt("has a position outside itself");
      }
      order[i] = position;
    }
    return order;
  }

  /** The checksum at the file's end, which names the files beside it. */
  checksum(): Uint8Array {
    return this.bytes.subarray(-this.#rawLength);
  }
}

/** midx.c: load_multi_pack_index_one. */
function readNames(
  bytes: Uint8Array,
  chunk: Chunk | undefined,
  count: number,
): string[] {
  if (chunk === undefined) throw corrupt("is missing its pack names");
  const names: string[] = [];
  const end = chunk.at + chunk.size;
  let at = chunk.at;
  for (let i = 0; i < count; i++) {
    const nul = bytes.subarray(at, end).indexOf(0);
    if (nul < 0) throw corrupt("has too few pack names");
    const name = toBinary(bytes, at, at + nul);
    if (i > 0 && name <= (names[i - 1] as string)) {
      throw corrupt("has pack names out of order");
    }
    names.push(name);
    at += nul + 1;
  }
  return names;
}

function corrupt(state: string): StorageError {
  return new StorageError(
    "corrupt-multi-pack-index",
    `Cannot use multi-pack-index: it ${state}`,
  );
}
