/**
 * The log records of one reftable, read from its file block by block: looked
 * up through their index, or gone through in order.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { readUint32 } from "../../../core/bytes.ts";
import type { FileSystem, OpenFile } from "../../../core/host.ts";
import { KernelError, type Kernels } from "../../../kernels/types.ts";
import {
  BLOCK,
  type BlockBytes,
  decodeIndexBlock,
  decodeLogBlock,
  type IndexBlock,
  type LogBlock,
  readFrame,
} from "./block.ts";
import { badTable, readUint24 } from "./cursor.ts";
import type { TableShape } from "./footer.ts";

/** git writes three levels for millions of records. */
const MAX_INDEX_LEVELS = 16;

/** So many blocks are kept decoded. */
const MAX_KEPT = 64;

/** zlib makes what cannot be compressed longer by less than this share. */
const MAX_GROWTH = 1 / 1000;
const MAX_FRAME = 64;

/** A log record, its value as it is encoded. */
export interface RawLog {
  /** The ref's name, a zero byte and the reversed update index. */
  readonly key: string;
  /** `undefined` for a deletion. */
  readonly value: Uint8Array | undefined;
}

/** What a {@linkcode LogSection} is made from. */
export interface LogSectionInit {
  /** The table. */
  readonly path: string;
  /** Where its parts are. */
  readonly shape: TableShape;
  /** Where to read. */
  readonly fileSystem: Pick<FileSystem, "open">;
  /** For blocks, which are deflated. */
  readonly kernels: Pick<Kernels, "inflate">;
}

interface PlacedLogs {
  readonly block: LogBlock;
  readonly next: number;
}

interface PlacedIndex {
  readonly index: IndexBlock;
  readonly next: number;
}

/** The logs of one table. To be disposed, since it holds the file open. */
export class LogSection implements Disposable {
  readonly #init: LogSectionInit;
  readonly #kept = new Map<number, PlacedLogs>();
  readonly #indexes = new Map<number, PlacedIndex>();
  #file: OpenFile | undefined;

  /** Opens nothing yet. */
  constructor(init: LogSectionInit) {
    this.#init = init;
  }

  /** Every record whose key is not below `key`, in order. */
  *from(key: string): Generator<RawLog, void, void> {
    const { shape, path } = this.#init;
    if (!shape.hasLogs) return;
    let last = "";
    for (
      let placed = this.#seek(key);
      placed !== undefined;
      placed = this.#blockAt(placed.next)
    ) {
      const { keys, values } = placed.block;
      for (let i = lowerBound(keys, key); i < keys.length; i++) {
        const each = keys[i] as string;
        if (each <= last) throw badTable(path, "its logs are out of order");
        last = each;
        yield { key: each, value: values[i] };
      }
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#kept.clear();
    this.#indexes.clear();
    this.#file?.close();
    this.#file = undefined;
  }

  #seek(key: string): PlacedLogs | undefined {
    const { shape, path } = this.#init;
    if (shape.logIndexAt === 0) return this.#seekLinear(shape.logsAt, key);
    let at = shape.logIndexAt;
    for (let level = 0; level < MAX_INDEX_LEVELS; level++) {
      const below = this.#entryOf(at, key);
      if (below === undefined) return undefined;
      if (below >= at) throw badTable(path, "its log index points forwards");
      const type = this.#read(below, 4)[below === 0 ? shape.headerLength : 0];
      if (type !== BLOCK.index) return this.#seekLinear(below, key);
      at = below;
    }
    throw badTable(path, "its log index is too deep");
  }

  #seekLinear(start: number, key: string): PlacedLogs | undefined {
    let placed = this.#blockAt(start);
    while (placed !== undefined && (placed.block.keys.at(-1) ?? "") < key) {
      placed = this.#blockAt(placed.next);
    }
    return placed;
  }

  /** What the index blocks from `at` on lead to for `key`. */
  #entryOf(at: number, key: string): number | undefined {
    for (
      let placed = this.#indexAt(at);
      placed !== undefined;
      placed = this.#indexAt(placed.next)
    ) {
      const { keys, positions } = placed.index;
      const entry = lowerBound(keys, key);
      if (entry < keys.length) return positions[entry];
    }
    return undefined;
  }

  #indexAt(at: number): PlacedIndex | undefined {
    const known = this.#indexes.get(at);
    if (known !== undefined) return known;
    const { shape } = this.#init;
    if (at + 4 > shape.blocksEnd) return undefined;
    const head = this.#read(at, 4);
    if (head[0] !== BLOCK.index) return undefined;
    const length = readUint24(head, 1);
    const source = this.#source(this.#read(at, length), 0);
    const index = decodeIndexBlock(source, readFrame(source, 0));
    // The next one starts behind the padding, if there is any.
    const end = at + length;
    const isPadded = length < shape.blockSize &&
      (end >= shape.blocksEnd || this.#read(end, 1)[0] === 0);
    const placed = { index, next: isPadded ? at + shape.blockSize : end };
    this.#indexes.set(at, placed);
    return placed;
  }

  #blockAt(at: number): PlacedLogs | undefined {
    const known = this.#kept.get(at);
    if (known !== undefined) return known;
    const { shape, path } = this.#init;
    const head = at === 0 ? shape.headerLength : 0;
    if (at + head + 4 > shape.blocksEnd) return undefined;
    const frame = this.#read(at, head + 4);
    if (frame[head] !== BLOCK.log) return undefined;
    const length = readUint24(frame, head + 1);
    const size = length - head - 4;
    if (size <= 0) throw badTable(path, "a block's length is wrong");
    const bound = size + Math.ceil(size * MAX_GROWTH) + MAX_FRAME;
    const start = at + head + 4;
    const packed = this.#read(start, Math.min(bound, shape.blocksEnd - start));
    const bytes = new Uint8Array(length);
    bytes.set(frame);
    const { data, consumed } = this.#inflate(packed, size);
    bytes.set(data, head + 4);
    const source = this.#source(bytes, head);
    const block = decodeLogBlock(source, readFrame(source, 0));
    const placed = { block, next: start + consumed };
    if (this.#kept.size >= MAX_KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(at, placed);
    return placed;
  }

  #inflate(
    packed: Uint8Array,
    size: number,
  ): { data: Uint8Array; consumed: number } {
    try {
      return this.#init.kernels.inflate(packed, 0, size);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw badTable(this.#init.path, "a log block cannot be inflated");
    }
  }

  #source(bytes: Uint8Array, headerLength: number): BlockBytes {
    const { path, shape } = this.#init;
    return { bytes, path, format: shape.format, headerLength };
  }

  #read(at: number, length: number): Uint8Array {
    const { path, fileSystem } = this.#init;
    this.#file ??= fileSystem.open(path);
    if (this.#file === undefined) throw badTable(path, "it is missing");
    const bytes = new Uint8Array(length);
    if (this.#file.readAt(bytes, at) !== length) {
      throw badTable(path, "it ends early");
    }
    return bytes;
  }
}

/** The ref's name in a log record's key. */
export function logNameOf(key: string): string {
  return key.slice(0, -9);
}

/** The update index in a log record's key. */
export function logIndexOf(key: string): number {
  const bytes = Uint8Array.from(
    { length: 8 },
    (_, i) => key.charCodeAt(key.length - 8 + i),
  );
  return (0xffffffff - readUint32(bytes, 0)) * 2 ** 32 +
    (0xffffffff - readUint32(bytes, 4));
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
