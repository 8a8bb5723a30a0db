/**
 * One block of a reftable: its frame, and the records of ref and index
 * blocks. A block is checked whole when it is decoded. Pure: bytes in, records
 * out.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { fromBinary, toBinary } from "../../../core/bytes.ts";
import { badTable, Cursor, readUint24 } from "./cursor.ts";
import type { ObjectFormat, Oid } from "../../../core/oid.ts";
import type { RefName } from "../../../core/ref_name.ts";

/** The types of blocks: "r", "i", "o", "g". */
export const BLOCK = { ref: 0x72, index: 0x69, object: 0x6f, log: 0x67 };

/** What the value of a ref record is. */
export const VALUE = { deletion: 0, oid: 1, peeled: 2, symref: 3 };

/** Longer names are no names at all; above 4096 git's rules refuse them. */
const MAX_NAME = 65_535;

/** So many characters may the records of one block come to. */
const MAX_TEXT = 64 * 1024 * 1024;

const DECODER = new TextDecoder();
const HEX_DIGITS: Uint8Array = fromBinary("0123456789abcdef");

/** Where a block's parts are, as positions in the file. */
export interface BlockFrame {
  /** Its type, one of {@linkcode BLOCK}. */
  readonly type: number;
  /** What its restart offsets count from. */
  readonly start: number;
  /** The first record. */
  readonly records: number;
  /** The restart offsets, which are the records' end. */
  readonly restarts: number;
  /** How many of those there are. */
  readonly restartCount: number;
  /** The end of the block, padding not counted. */
  readonly end: number;
}

/** The bytes that blocks are read from. */
export interface BlockBytes {
  /** The file from its start on, as far as it matters. */
  readonly bytes: Uint8Array;
  /** Named in errors. */
  readonly path: string;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** The length of the file's header, which the first block holds. */
  readonly headerLength: number;
}

/** The frame of the block at `start`. Throws StorageError "bad-reftable". */
export function readFrame(source: BlockBytes, start: number): BlockFrame {
  const { bytes, path, headerLength } = source;
  const head = start === 0 ? headerLength : start;
  if (head + 4 > bytes.length) {
    throw badTable(path, "a block starts beyond its section");
  }
  const type = bytes[head] as number;
  const end = start + readUint24(bytes, head + 1);
  const records = head + 4;
  if (end > bytes.length || end < records + 2) {
    throw badTable(path, "a block's length is wrong");
  }
  const restartCount = (bytes[end - 2] as number) << 8 |
    (bytes[end - 1] as number);
  const restarts = end - 2 - 3 * restartCount;
  if (restartCount === 0 || restarts <= records) {
    throw badTable(path, "a block's restart table is wrong");
  }
  return { type, start, records, restarts, restartCount, end };
}

/** The decoded records of one ref block, which are never none. */
export class RefBlock {
  readonly #text: string;
  readonly #starts: Uint32Array;
  readonly #nameEnds: Uint32Array;
  readonly #kinds: Uint8Array;
  readonly #hexLength: number;

  /** Use {@linkcode decodeRefBlock}. */
  constructor(init: {
    readonly text: string;
    readonly starts: Uint32Array;
    readonly nameEnds: Uint32Array;
    readonly kinds: Uint8Array;
    readonly hexLength: number;
  }) {
    this.#text = init.text;
    this.#starts = init.starts;
    this.#nameEnds = init.nameEnds;
    this.#kinds = init.kinds;
    this.#hexLength = init.hexLength;
  }

  /** How many records there are. */
  get count(): number {
    return this.#kinds.length;
  }

  /** About how many bytes this takes. */
  get cost(): number {
    return this.#text.length + 9 * this.count + 200;
  }

  /** The name at `index`. */
  name(index: number): RefName {
    return this.#text.slice(
      this.#starts[index],
      this.#nameEnds[index],
    ) as RefName;
  }

  /** The last name. */
  get last(): RefName {
    return this.name(this.count - 1);
  }

  /** What the value at `index` is, one of {@linkcode VALUE}. */
  kind(index: number): number {
    return this.#kinds[index] as number;
  }

  /** The id at `index`, which has one. */
  oid(index: number): Oid {
    const at = this.#nameEnds[index] as number;
    return this.#text.slice(at, at + this.#hexLength) as Oid;
  }

  /** What the tag at `index` peels to, where the kind says so. */
  peeled(index: number): Oid {
    const at = (this.#nameEnds[index] as number) + this.#hexLength;
    return this.#text.slice(at, at + this.#hexLength) as Oid;
  }

  /** The name that the symref at `index` leads to, unchecked. */
  symref(index: number): string {
    return this.#text.slice(this.#nameEnds[index], this.#starts[index + 1]);
  }

  /** The index of the first record whose name is not below `name`. */
  lowerBound(name: string): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.name(middle) < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Decodes and checks a ref block. Throws StorageError "bad-reftable". */
export function decodeRefBlock(
  source: BlockBytes,
  frame: BlockFrame,
): RefBlock {
  const { bytes, path, format } = source;
  const keys = new KeyReader(source, frame);
  const raw = format.rawLength;
  const starts: number[] = [];
  const nameEnds: number[] = [];
  const kinds: number[] = [];
  const { cursor, text } = keys;
  while (keys.next()) {
    starts.push(keys.start);
    nameEnds.push(text.length);
    kinds.push(keys.extra);
    cursor.varint(); // update_index_delta
    if (keys.extra === VALUE.oid) {
      text.hex(bytes, cursor.skip(raw), raw);
    } else if (keys.extra === VALUE.peeled) {
      text.hex(bytes, cursor.skip(2 * raw), 2 * raw);
    } else if (keys.extra === VALUE.symref) {
      const length = cursor.varint();
      text.append(bytes, cursor.skip(length), length);
    } else if (keys.extra !== VALUE.deletion) {
      throw badTable(
        path,
        `a ref's value is of the unknown type ${keys.extra}`,
      );
    }
  }
  starts.push(text.length);
  return new RefBlock({
    text: text.toString(),
    starts: Uint32Array.from(starts),
    nameEnds: Uint32Array.from(nameEnds),
    kinds: Uint8Array.from(kinds),
    hexLength: format.hexLength,
  });
}

/** The decoded records of one index block: last names, and where they are. */
export interface IndexBlock {
  /** The last key of each block below. */
  readonly keys: readonly string[];
  /** Where each of those blocks starts. */
  readonly positions: readonly number[];
}

/** Decodes and checks an index block. Throws StorageError "bad-reftable". */
export function decodeIndexBlock(
  source: BlockBytes,
  frame: BlockFrame,
): IndexBlock {
  const reader = new KeyReader(source, frame);
  const keys: string[] = [];
  const positions: number[] = [];
  while (reader.next()) {
    if (reader.extra !== 0) {
      throw badTable(source.path, "an index record is of an unknown type");
    }
    keys.push(reader.text.slice(reader.start, reader.text.length));
    positions.push(reader.cursor.varint());
  }
  return { keys, positions };
}

/**
 * Of each record of a ref block, how far its update index is above the least
 * of its table. Throws StorageError "bad-reftable".
 */
export function decodeUpdateDeltas(
  source: BlockBytes,
  frame: BlockFrame,
): number[] {
  const keys = new KeyReader(source, frame);
  const { cursor } = keys;
  const deltas: number[] = [];
  while (keys.next()) {
    deltas.push(cursor.varint());
    // The kinds below symrefs have as many ids as their number says.
    if (keys.extra === VALUE.symref) cursor.skip(cursor.varint());
    else cursor.skip(source.format.rawLength * keys.extra);
  }
  return deltas;
}

/** The decoded records of one log block, newest first within a ref. */
export interface LogBlock {
  /** Names, each with a zero byte and its reversed update index behind it. */
  readonly keys: readonly string[];
  /** What follows each key, as it is encoded; `undefined` for deletions. */
  readonly values: readonly (Uint8Array | undefined)[];
}

/**
 * Decodes and checks a log block whose records have been inflated. Throws
 * StorageError "bad-reftable".
 */
export function decodeLogBlock(
  source: BlockBytes,
  frame: BlockFrame,
): LogBlock {
  const reader = new KeyReader(source, frame);
  const { cursor, text } = reader;
  const keys: string[] = [];
  const values: (Uint8Array | undefined)[] = [];
  while (reader.next()) {
    const key = text.slice(reader.start, text.length);
    if (key.length < 10 || key.charCodeAt(key.length - 9) !== 0) {
      throw badTable(source.path, "a log record's name is wrong");
    }
    keys.push(key);
    if (reader.extra === 0) {
      values.push(undefined);
      continue;
    }
    if (reader.extra !== 1) {
      throw badTable(source.path, "a log record is of an unknown type");
    }
    const from = cursor.skip(2 * source.format.rawLength);
    for (let part = 0; part < 2; part++) cursor.skip(cursor.varint());
    cursor.varint(); // the time
    cursor.skip(2); // its zone
    cursor.skip(cursor.varint());
    values.push(source.bytes.slice(from, cursor.at));
  }
  return { keys, values };
}

/** Goes through a block's keys, which must ascend and fit its restarts. */
class KeyReader {
  readonly cursor: Cursor;
  readonly text = new Text();
  readonly #source: BlockBytes;
  readonly #frame: BlockFrame;
  #restart = 0;
  #nameEnd = 0;
  /** Where the current key starts in the text. It ends where the text does. */
  start = 0;
  /** The three bits beside the key's length. */
  extra = 0;

  constructor(source: BlockBytes, frame: BlockFrame) {
    this.#source = source;
    this.#frame = frame;
    this.cursor = new Cursor({
      bytes: source.bytes,
      at: frame.records,
      end: frame.restarts,
      path: source.path,
    });
  }

  /** Moves to the next key; false where there is none. */
  next(): boolean {
    const { bytes, path } = this.#source;
    const { cursor, text } = this;
    const at = cursor.at;
    if (at === this.#frame.restarts) {
      if (this.#restart === this.#frame.restartCount) return false;
      throw badTable(path, "a restart offset points at no record");
    }
    const isRestart = this.#passRestart(at);
    const prefix = cursor.varint();
    const length = cursor.varint();
    this.extra = length & 7;
    const suffix = Math.floor(length / 8);
    const previous = this.start;
    const previousLength = this.#nameEnd - previous;
    if (prefix > previousLength || (isRestart && prefix !== 0)) {
      throw badTable(path, "a name shares more than the one before it has");
    }
    const size = prefix + suffix;
    if (size === 0 || size > MAX_NAME) {
      throw badTable(path, "a name is empty or too long");
    }
    if (text.length + size > MAX_TEXT) {
      throw badTable(path, "the names of a block are too long");
    }
    const from = cursor.skip(suffix);
    const isFirst = at === this.#frame.records;
    if (
      !isFirst &&
      !text.isBelow(previous + prefix, this.#nameEnd, bytes, from, suffix)
    ) throw badTable(path, "its names are out of order");
    this.start = text.length;
    text.repeat(previous, prefix);
    text.append(bytes, from, suffix);
    this.#nameEnd = text.length;
    return true;
  }

  #passRestart(at: number): boolean {
    const { restarts, restartCount, start } = this.#frame;
    if (this.#restart === restartCount) return false;
    const offset = readUint24(
      this.#source.bytes,
      restarts + 3 * this.#restart,
    );
    if (start + offset !== at) return false;
    this.#restart++;
    return true;
  }
}

/** Bytes that grow, and become text at once, which is cheaper than singly. */
class Text {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(16_384);
  #bits = 0;
  length = 0;

  /** Appends `bytes[from, from + length)`. */
  append(bytes: Uint8Array, from: number, length: number): void {
    this.#reserve(length);
    const into = this.#bytes;
    let at = this.length;
    for (let i = from; i < from + length; i++) {
      const byte = bytes[i] as number;
      this.#bits |= byte;
      into[at++] = byte;
    }
    this.length = at;
  }

  /** Appends so many of its own bytes from `from` on. */
  repeat(from: number, length: number): void {
    this.#reserve(length);
    this.#bytes.copyWithin(this.length, from, from + length);
    this.length += length;
  }

  /** Appends the hex text of `bytes[from, from + length)`. */
  hex(bytes: Uint8Array, from: number, length: number): void {
    this.#reserve(2 * length);
    const into = this.#bytes;
    let at = this.length;
    for (let i = from; i < from + length; i++) {
      const byte = bytes[i] as number;
      into[at++] = HEX_DIGITS[byte >> 4] as number;
      into[at++] = HEX_DIGITS[byte & 15] as number;
    }
    this.length = at;
  }

  /** Whether its own bytes `[start, end)` are below some of `bytes`. */
  isBelow(
    start: number,
    end: number,
    bytes: Uint8Array,
    from: number,
    length: number,
  ): boolean {
    const own = end - start;
    for (let i = 0; i < own && i < length; i++) {
      const left = this.#bytes[start + i] as number;
      const right = bytes[from + i] as number;
      if (left !== right) return left < right;
    }
    return own < length;
  }

  /** The binary string of `[start, end)`. */
  slice(start: number, end: number): string {
    return toBinary(this.#bytes, start, end);
  }

  /** All of it, a binary string. */
  toString(): string {
    // Of ASCII alone the decoder makes what a binary string is.
    return this.#bits < 0x80
      ? DECODER.decode(this.#bytes.subarray(0, this.length))
      : toBinary(this.#bytes, 0, this.length);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const wider = new Uint8Array(2 * (this.length + more));
    wider.set(this.#bytes.subarray(0, this.length));
    this.#bytes = wider;
  }
}
