/**
 * What commit-graphs and multi-pack-indexes start with: a header, and the table
 * of chunks, which parts a file has and where they lie. Of what is in them, the
 * fan-out alone.
 *
 * @see https://git-scm.com/docs/gitformat-chunk
 * @module
 */

import { readUint32 } from "../core/bytes.ts";
import type { StorageError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";

/** Bytes of a row of the table, and of the one that ends it. */
export const CHUNK_ROW_BYTES = 12;

/** Where a chunk lies in its file. */
export interface Chunk {
  /** Its first byte. */
  readonly at: number;
  /** How many there are. */
  readonly size: number;
}

/** What the header of a file says of its table. */
export interface ChunkFrame {
  /** How many chunks there are. */
  readonly count: number;
  /** Where the table starts. */
  readonly tableAt: number;
  /** Where the last chunk may end: before the file's checksum. */
  readonly dataEnd: number;
}

/** Makes the error of a file's format: "it " and `state`. */
export type Corrupt = (state: string) => StorageError;

/**
 * The chunks by their ids. Throws what `corrupt` makes where the table is not
 * one that chunk-format.c: read_table_of_contents takes.
 */
export function readChunks(
  bytes: Uint8Array,
  { count, tableAt, dataEnd }: ChunkFrame,
  corrupt: Corrupt,
): ReadonlyMap<number, Chunk> {
  const tableEnd = tableAt + (count + 1) * CHUNK_ROW_BYTES;
  if (tableEnd > dataEnd) throw corrupt("is too small for its chunks");
  const chunks = new Map<number, Chunk>();
  let row = tableAt;
  let at = readUint64(bytes, row + 4);
  for (; row < tableEnd - CHUNK_ROW_BYTES; row += CHUNK_ROW_BYTES) {
    const id = readUint32(bytes, row);
    const next = readUint64(bytes, row + CHUNK_ROW_BYTES + 4);
    if (id === 0) throw corrupt("ends its chunks early");
    if (at < tableEnd || next < at || next > dataEnd) {
      throw corrupt("has improper chunk offsets");
    }
    if (chunks.has(id)) throw corrupt("has a chunk twice");
    chunks.set(id, { at, size: next - at });
    at = next;
  }
  if (readUint32(bytes, row) !== 0) throw corrupt("has no end of its chunks");
  return chunks;
}

/**
 * Checks what every such file starts with: its signature, version 1, and the
 * hash of `format`; and that it may hold a table and a checksum.
 */
export function checkHeader(
  bytes: Uint8Array,
  { format, signature, headerBytes }: {
    readonly format: ObjectFormat;
    readonly signature: number;
    readonly headerBytes: number;
  },
  corrupt: Corrupt,
): void {
  if (bytes.length < headerBytes + CHUNK_ROW_BYTES + format.rawLength) {
    throw corrupt("is too small");
  }
  if (readUint32(bytes, 0) !== signature) {
    throw corrupt("does not match its signature");
  }
  if (bytes[4] !== 1) throw corrupt(`has version ${bytes[4]}`);
  if (bytes[5] !== format.version) {
    throw corrupt(`has hash version ${bytes[5]}`);
  }
}

/** How many ids the fan-out at `fanOutAt` counts. */
export function countIds(
  bytes: Uint8Array,
  fanOutAt: number,
  corrupt: Corrupt,
): number {
  let count = 0;
  for (let i = 0; i < 256; i++) {
    const next = readUint32(bytes, fanOutAt + 4 * i);
    if (next < count) throw corrupt("has a fan-out out of order");
    count = next;
  }
  return count;
}

/** `chunk`, which must be there and have exactly `size` bytes. */
export function needChunk(
  chunk: Chunk | undefined,
  { size, name }: { readonly size: number; readonly name: string },
  corrupt: Corrupt,
): Chunk {
  if (chunk === undefined) throw corrupt(`is missing its ${name}`);
  if (chunk.size !== size) throw corrupt(`has a wrong size of its ${name}`);
  return chunk;
}

/** A 64-bit number that is only compared: above 2^53 it is rounded. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
}
