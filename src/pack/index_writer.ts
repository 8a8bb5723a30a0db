/**
 * Writes pack indexes of version 2, in pieces from columns.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

import { concatBytes, writeUint32 } from "../core/bytes.ts";
import type { ObjectFormat } from "../core/oid.ts";
import type { Kernels } from "../kernels/types.ts";
import { orderIds } from "./index_order.ts";
import { HashedPieces } from "./hashed_pieces.ts";

/** One object of a pack, for its index. */
export interface IndexEntry {
  /** The raw id. */
  readonly raw: Uint8Array;
  /** Where its entry starts. */
  readonly offset: number;
  /** The CRC-32 of the whole entry. */
  readonly crc: number;
}

/** The objects of a pack, for its index: columns by rank. */
export interface IndexedEntries {
  /** The format of the ids. */
  readonly format: ObjectFormat;
  /** How many there are. */
  readonly count: number;
  /** The raw ids in a row. */
  readonly ids: Uint8Array;
  /** Where each entry starts. */
  readonly offsets: Float64Array;
  /** The CRC-32 of each entry. */
  readonly crcs: Uint32Array;
}

/** What an index is written with. */
export interface IndexInit {
  /** The ranks as {@linkcode orderIds} gives them. */
  readonly order: Uint32Array;
  /** The raw checksum that the pack ends with. */
  readonly checksum: Uint8Array;
  /** Hashes the file. */
  readonly kernels: Pick<Kernels, "hash">;
  /**
   * Offsets from here on go to the table of 64-bit offsets: 2^31, as git's,
   * unless told; lower in tests.
   */
  readonly largeFrom?: number;
}

const DEFAULT_LARGE_FROM = 2 ** 31;

/**
 * The index of a pack, piece by piece. Pieces are lent until the next one is
 * asked for.
 */
export function* packIndexPieces(
  entries: IndexedEntries,
  init: IndexInit,
): Generator<Uint8Array, void, void> {
  const { format, count, ids, offsets, crcs } = entries;
  const { order, largeFrom = DEFAULT_LARGE_FROM } = init;
  const { rawLength } = format;
  const file = new HashedPieces(format, init.kernels);
  const head = [0xff744f63, 2, ...fanOut(ids, count, rawLength)];
  yield* file.rows(head.length, 4, (bytes, at, row) => {
    writeUint32(bytes, at, head[row] as number);
  });
  yield* file.rows(count, rawLength, (bytes, at, row) => {
    const from = (order[row] as number) * rawLength;
    for (let i = 0; i < rawLength; i++) bytes[at + i] = ids[from + i] as number;
  });
  yield* file.rows(count, 4, (bytes, at, row) => {
    writeUint32(bytes, at, crcs[order[row] as number] as number);
  });
  const large: number[] = [];
  yield* file.rows(count, 4, (bytes, at, row) => {
    const offset = offsets[order[row] as number] as number;
    const isLarge = offset >= largeFrom;
    writeUint32(bytes, at, isLarge ? 0x80000000 + large.length : offset);
    if (isLarge) large.push(offset);
  });
  yield* file.rows(large.length, 8, (bytes, at, row) => {
    const offset = large[row] as number;
    writeUint32(bytes, at, Math.floor(offset / 2 ** 32));
    writeUint32(bytes, at + 4, offset % 2 ** 32);
  });
  yield file.end(init.checksum);
}

/** How many ids start with each byte or a lower one. */
function fanOut(
  ids: Uint8Array,
  count: number,
  rawLength: number,
): Uint32Array {
  const fanOut = new Uint32Array(256);
  for (let rank = 0; rank < count; rank++) {
    const first = ids[rank * rawLength] as number;
    fanOut[first] = (fanOut[first] as number) + 1;
  }
  for (let i = 1; i < 256; i++) {
    fanOut[i] = (fanOut[i] as number) + (fanOut[i - 1] as number);
  }
  return fanOut;
}

/** The index of a pack of few objects, as a whole. */
export function encodePackIndex(
  entries: readonly IndexEntry[],
  packChecksum: Uint8Array,
  format: ObjectFormat,
  kernels: Pick<Kernels, "hash">,
  largeFrom: number = DEFAULT_LARGE_FROM,
): Uint8Array<ArrayBuffer> {
  const ids = concatBytes(entries.map((entry) => entry.raw));
  const count = entries.length;
  const columns: IndexedEntries = {
    ...{ format, count, ids },
    offsets: Float64Array.from(entries, (entry) => entry.offset),
    crcs: Uint32Array.from(entries, (entry) => entry.crc),
  };
  const order = orderIds(ids, count, format.rawLength);
  const init = { order, checksum: packChecksum, kernels, largeFrom };
  const pieces: Uint8Array[] = [];
  for (const piece of packIndexPieces(columns, init)) {
    pieces.push(piece.slice());
  }
  return concatBytes(pieces);
}
