/**
 * What a pack's index comes to in memory: tables that name each entry by its
 * *position* in the order of the ids and by its *rank* in the order of the
 * offsets. They lie in one SharedArrayBuffer, so that the workers of a process
 * can have one copy of them.
 *
 * For each object: the id, 4 bytes each for offset (8 in packs of over 2 GiB),
 * position and rank, 4 for the checksum, and 2 to 4 for the fan-out.
 *
 * @module
 */

import type { ObjectFormat } from "../core/oid.ts";
import { KernelError, type Kernels } from "../kernels/types.ts";
import {
  corruptIndex,
  INDEX_HEAD_BYTES,
  type IndexFrame,
  parseIndexFrame,
} from "./index.ts";

/** The tables of one pack, as plain data that can be posted to a worker. */
export interface PackTables {
  /** The name of its object format. */
  readonly format: ObjectFormat["name"];
  /** How many entries it has. */
  readonly count: number;
  /** Whether entries have checksums. */
  readonly hasCrcs: boolean;
  /** Whether offsets are doubles. */
  readonly hasLarge: boolean;
  /** Whether some id has several entries. */
  readonly hasRepeats: boolean;
  /** All of them, as {@linkcode viewTables} lays them out. */
  readonly buffer: SharedArrayBuffer;
}

/** An index that is read at positions. */
export interface IndexSource {
  /** Its size. */
  readonly size: number;
  /** Reads into `into` from `position`; less than asked at the end alone. */
  readAt(into: Uint8Array, position: number): number;
}

/** Views of tables. */
export interface PackTableViews {
  /** The raw ids by position. */
  readonly raw: Uint8Array;
  /** The same as little-endian words. */
  readonly ids: Int32Array;
  /** Where the ids of each value of their first bits start. */
  readonly fanOut: Uint32Array;
  /** Where entries start, by rank. */
  readonly offsets: Uint32Array | Float64Array;
  /** Positions by rank. */
  readonly positions: Uint32Array;
  /** Ranks by position. */
  readonly ranks: Uint32Array;
  /** Checksums by position, big-endian; empty where there are none. */
  readonly crcs: Uint8Array;
  /** The checksum at the end of the pack. */
  readonly checksum: Uint8Array;
}

/** Ids on which a search goes over from halving to looking at each. */
const FEW = 8;
const MAX_FAN_OUT_BITS = 24;

/**
 * Reads an index. Throws StorageError "corrupt-index" where its frame or an
 * offset is wrong; ids that do not ascend are put in order.
 */
export function readPackTables(
  source: IndexSource,
  format: ObjectFormat,
  kernels: Pick<Kernels, "arrangeIndex">,
): PackTables {
  const head = new Uint8Array(Math.min(INDEX_HEAD_BYTES, source.size));
  readColumn(source, head, 0);
  const frame = parseIndexFrame(head, source.size, format);
  const { version, count, largeAt, largeCount } = frame;
  const shape = {
    format: format.name,
    count,
    hasCrcs: version === 2,
    hasLarge: largeCount > 0,
  };
  const buffer = new SharedArrayBuffer(sizeOf(shape));
  const views = viewTables({ ...shape, buffer });
  readColumn(source, views.checksum, source.size - 2 * format.rawLength);
  const words = bytesOf(views.positions);
  const columns = {
    ...views,
    rawLength: format.rawLength,
    ids: views.raw,
    words,
    ...(version === 2
      ? { large: readColumn(source, new Uint8Array(8 * largeCount), largeAt) }
      : {}),
  };
  readIds(source, frame, views, words);
  let verdict = arrange(columns, kernels);
  if (!verdict.isSorted) {
    // The words lay where the positions are now.
    readIds(source, frame, views, words);
    sortIds(views, words);
    verdict = arrange(columns, kernels);
  }
  return { ...shape, hasRepeats: verdict.hasRepeats, buffer };
}

/** The ids, the checksums and the words that tell the offsets. */
function readIds(
  source: IndexSource,
  frame: IndexFrame,
  views: PackTableViews,
  words: Uint8Array,
): void {
  if (frame.version === 1) {
    readRows(source, frame, views.ids, views.positions);
    return;
  }
  readColumn(source, views.raw, frame.idsAt);
  readColumn(source, views.crcs, frame.crcsAt);
  readColumn(source, words, frame.offsetsAt);
}

function readColumn(
  source: IndexSource,
  into: Uint8Array,
  at: number,
): Uint8Array {
  if (into.length > 0 && source.readAt(into, at) !== into.length) {
    throw corruptIndex("is too small");
  }
  return into;
}

/** The rows of version 1: a word that tells the offset, and the id. */
function readRows(
  source: IndexSource,
  { count, offsetsAt, offsetStride }: IndexFrame,
  ids: Int32Array,
  words: Uint32Array,
): void {
  const rows = new Int32Array(ROWS_AT_ONCE * offsetStride / 4);
  const width = offsetStride / 4 - 1;
  for (let row = 0; row < count; row += ROWS_AT_ONCE) {
    const here = Math.min(ROWS_AT_ONCE, count - row);
    const part = bytesOf(rows).subarray(0, here * offsetStride);
    readColumn(source, part, offsetsAt + row * offsetStride);
    let from = 0;
    let to = row * width;
    for (let i = row; i < row + here; i++) {
      words[i] = rows[from++] as number;
      for (let j = 0; j < width; j++) ids[to++] = rows[from++] as number;
    }
  }
}

function arrange(
  columns: Parameters<Kernels["arrangeIndex"]>[0],
  kernels: Pick<Kernels, "arrangeIndex">,
): ReturnType<Kernels["arrangeIndex"]> {
  try {
    return kernels.arrangeIndex(columns);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw corruptIndex(error.message);
  }
}

/**
 * Puts ids that do not ascend, and what belongs to them, in order. git finds
 * some of them, depending on where it looks.
 */
function sortIds(views: PackTableViews, words: Uint8Array): void {
  const { raw, crcs, ids, positions } = views;
  const count = positions.length;
  const width = count === 0 ? 0 : ids.length / count;
  const data = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const order = Array.from({ length: count }, (_, position) => position);
  order.sort((a, b) => {
    const shift = (b - a) * width * 4;
    const start = a * width * 4;
    for (let at = start; at < start + width * 4; at += 4) {
      const difference = data.getUint32(at) - data.getUint32(at + shift);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  const permute = (bytes: Uint8Array, size: number): void => {
    if (bytes.length === 0) return;
    const old = bytes.slice();
    for (let i = 0; i < count; i++) {
      const from = (order[i] as number) * size;
      bytes.set(old.subarray(from, from + size), i * size);
    }
  };
  permute(raw, width * 4);
  permute(crcs, 4);
  permute(words, 4);
}

type Shape = Omit<PackTables, "buffer" | "hasRepeats">;

const ROWS_AT_ONCE = 4096;

/** Bits of ids that lead into the table: so that one or two ids share them. */
function fanOutBits(count: number): number {
  const bits = 31 - Math.clz32(Math.max(1, count - 1));
  return Math.min(bits, MAX_FAN_OUT_BITS);
}

function rawLengthOf(shape: Shape): number {
  return shape.format === "sha1" ? 20 : 32;
}

function sizeOf(shape: Shape): number {
  const raw = rawLengthOf(shape);
  const each = raw + (shape.hasLarge ? 16 : 12) + (shape.hasCrcs ? 4 : 0);
  return shape.count * each + 4 * (2 ** fanOutBits(shape.count) + 1) + raw;
}

/** Whether tables from elsewhere have the size that they say. */
export function areWholeTables(tables: PackTables): boolean {
  return tables.buffer.byteLength === sizeOf(tables);
}

/** Views of whole tables. */
export function viewTables(
  tables: Omit<PackTables, "hasRepeats">,
): PackTableViews {
  const { buffer, count, hasCrcs, hasLarge } = tables;
  const raw = rawLengthOf(tables);
  const places = 2 ** fanOutBits(count) + 1;
  const idsAt = count * (hasLarge ? 8 : 4);
  const positionsAt = idsAt + count * raw;
  const ranksAt = positionsAt + 4 * count;
  const fanOutAt = ranksAt + 4 * count;
  const crcsAt = fanOutAt + 4 * places;
  const crcBytes = hasCrcs ? 4 * count : 0;
  return {
    offsets: hasLarge
      ? new Float64Array(buffer, 0, count)
      : new Uint32Array(buffer, 0, count),
    raw: new Uint8Array(buffer, idsAt, count * raw),
    ids: new Int32Array(buffer, idsAt, count * raw / 4),
    positions: new Uint32Array(buffer, positionsAt, count),
    ranks: new Uint32Array(buffer, ranksAt, count),
    fanOut: new Uint32Array(buffer, fanOutAt, places),
    crcs: new Uint8Array(buffer, crcsAt, crcBytes),
    checksum: new Uint8Array(buffer, crcsAt + crcBytes, raw),
  };
}

function bytesOf(array: Int32Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Finds ids in the tables of one pack. */
export class IdSearch {
  readonly #ids: Int32Array;
  readonly #raw: Uint8Array;
  readonly #fanOut: Uint32Array;
  readonly #width: number;
  readonly #shift: number;

  /** Keeps views of the tables. */
  constructor(views: PackTableViews, rawLength: number) {
    this.#ids = views.ids;
    this.#raw = views.raw;
    this.#fanOut = views.fanOut;
    this.#width = rawLength / 4;
    this.#shift = 32 - Math.log2(views.fanOut.length - 1);
  }

  /** The first position of the id whose raw bytes stand at `at`, or -1. */
  find(bytes: Uint8Array, at: number): number {
    const ids = this.#ids;
    const width = this.#width;
    const w0 = word(bytes, at);
    // A shift by 32 is one by 0.
    const bucket = this.#shift === 32 ? 0 : big(w0) >>> this.#shift;
    let low = this.#fanOut[bucket] as number;
    const high = this.#fanOut[bucket + 1] as number;
    if (high - low > FEW) low = this.#narrow(bytes, at, low, high);
    const w1 = word(bytes, at + 4);
    const end = Math.min(high, low + FEW);
    for (; low < end; low++) {
      let row = low * width;
      if (ids[row] !== w0 || ids[row + 1] !== w1) continue;
      const rowEnd = row + width;
      let from = at + 8;
      for (row += 2; row < rowEnd; row++, from += 4) {
        if (ids[row] !== word(bytes, from)) break;
      }
      if (row === rowEnd) return low;
    }
    return -1;
  }

  /** The first position in `low` to `high` whose id is not below. */
  #narrow(bytes: Uint8Array, at: number, low: number, high: number): number {
    const length = this.#width * 4;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const from = middle * length;
      let i = 0;
      while (i < length && this.#raw[from + i] === bytes[at + i]) i++;
      if (
        i < length &&
        (this.#raw[from + i] as number) < (bytes[at + i] as number)
      ) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
}

/** A little-endian word's bytes as a big-endian one. */
function big(w: number): number {
  return (w << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);
}
