/**
 * Writes one reftable, section by section, as git does: refs and their index,
 * the ids that refs have (only where the refs have an index), logs and theirs,
 * the footer. Records come in order; bytes go to a sink.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { hexDigit, writeUint32 } from "../../../core/bytes.ts";
import { StorageError } from "../../../core/errors.ts";
import { type ObjectFormat, type Oid, SHA1 } from "../../../core/oid.ts";
import type { Kernels } from "../../../kernels/types.ts";
import { BLOCK, VALUE } from "./block.ts";
import {
  BlockWriter,
  varintLength,
  writeUint24,
  writeVarint,
} from "./block_writer.ts";
import { HASH_IDS, MAGIC } from "./footer.ts";
import { ObjectIndex } from "./object_index.ts";

/** Sections of so many blocks have an index (writer.c). */
const INDEXED_BLOCKS = 4;

// Ids are many, and known to be hex.
const HEX_VALUES = Uint8Array.from(
  { length: 128 },
  (_, code) => Math.max(0, hexDigit(code)),
);

/** How tables are written: what git's configuration says of that. */
export interface TableLayout {
  /** `reftable.blockSize`. */
  readonly blockSize: number;
  /** `reftable.restartInterval`. */
  readonly restartInterval: number;
  /** `reftable.indexObjects`. */
  readonly indexObjects: boolean;
}

/** What a {@linkcode TableWriter} is made from. */
export interface TableWriterInit extends TableLayout {
  /** The format of ids. */
  readonly format: ObjectFormat;
  /** For log blocks and the footer. */
  readonly kernels: Pick<Kernels, "crc32" | "deflate">;
  /** The least update index of a ref. */
  readonly minUpdateIndex: number;
  /** The largest update index. */
  readonly maxUpdateIndex: number;
  /** Takes the bytes, which are not to be kept. */
  readonly sink: (bytes: Uint8Array) => void;
}

/** A ref as it is stored: an id, a symref, or neither for a deletion. */
export interface RefEntry {
  /** Its full name. */
  readonly name: string;
  /** When it was set. */
  readonly updateIndex: number;
  /** Its id. */
  readonly oid?: Oid;
  /** What the tag at `oid` peels to. */
  readonly peeled?: Oid;
  /** The ref that it leads to. */
  readonly symref?: string;
}

interface IndexEntry {
  readonly key: string;
  readonly at: number;
}

/** One table on its way to a sink. */
export class TableWriter {
  readonly #init: TableWriterInit;
  readonly #block: BlockWriter;
  readonly #headerLength: number;
  readonly #objects: ObjectIndex | undefined;
  /** The type of the open section; 0 for none. */
  #section = 0;
  #index: IndexEntry[] = [];
  #next = 0;
  #padding = 0;
  readonly #starts = new Map<number, number>();
  readonly #indexes = new Map<number, number>();
  #prefixLength = 0;

  /** Writes nothing yet. */
  constructor(init: TableWriterInit) {
    this.#init = init;
    this.#headerLength = init.format === SHA1 ? 24 : 28;
    this.#block = new BlockWriter(init);
    if (init.indexObjects) this.#objects = new ObjectIndex();
  }

  /** Whether no record has come. */
  get isEmpty(): boolean {
    return this.#section === 0;
  }

  /**
   * Adds a ref, whose name is above those before. Throws StorageError
   * "entry-too-large".
   */
  addRef(ref: RefEntry): void {
    const { minUpdateIndex } = this.#init;
    if (this.#section === 0) this.#open(BLOCK.ref);
    this.#add(BLOCK.ref, {
      key: ref.name,
      extra: kindOf(ref),
      value: refValue(ref, ref.updateIndex - minUpdateIndex),
    });
    for (const oid of [ref.oid, ref.peeled]) {
      if (oid !== undefined) this.#objects?.add(oid, this.#next);
    }
  }

  /**
   * Adds a log record, after all refs; `value` as {@linkcode logValue} makes
   * it, `undefined` for a deletion. Throws StorageError "entry-too-large".
   */
  addLog(key: string, value: Uint8Array | undefined): void {
    if (this.#section === BLOCK.ref) this.#finishRefs();
    if (this.#section !== BLOCK.log) {
      this.#next -= this.#padding;
      this.#padding = 0;
      this.#open(BLOCK.log);
    }
    this.#add(BLOCK.log, {
      key,
      extra: value === undefined ? 0 : 1,
      value: value ?? new Uint8Array(0),
    });
  }

  /** Ends the table. */
  finish(): void {
    if (this.#section === BLOCK.ref) this.#finishRefs();
    else if (this.#section === BLOCK.log) this.#finishSection(BLOCK.log);
    const header = this.#header();
    if (this.#next === 0) this.#init.sink(header);
    const length = header.length + 44;
    const footer = new Uint8Array(length);
    footer.set(header);
    const objects = this.#starts.get(BLOCK.object) ?? 0;
    const places = [
      this.#indexes.get(BLOCK.ref) ?? 0,
      objects * 32 + this.#prefixLength,
      this.#indexes.get(BLOCK.object) ?? 0,
      this.#starts.get(BLOCK.log) ?? 0,
      this.#indexes.get(BLOCK.log) ?? 0,
    ];
    for (const [i, place] of places.entries()) {
      writeUint64(footer, header.length + 8 * i, place);
    }
    const sum = this.#init.kernels.crc32(footer.subarray(0, length - 4));
    writeUint32(footer, length - 4, sum);
    this.#init.sink(footer);
  }

  #finishRefs(): void {
    const isIndexed = this.#finishSection(BLOCK.ref);
    if (this.#objects === undefined || !isIndexed) return;
    const { records, prefixLength } = this.#objects.records();
    this.#prefixLength = prefixLength;
    this.#open(BLOCK.object);
    for (const { key, offsets } of records) {
      const record = { key, ...objectValue(offsets) };
      if (this.#block.add(record)) continue;
      this.#flush(BLOCK.object);
      this.#open(BLOCK.object);
      // A fresh block takes any record that lists no blocks: "look at all".
      if (!this.#block.add(record)) {
        this.#block.add({ key, ...objectValue([]) });
      }
    }
    this.#finishSection(BLOCK.object);
  }

  #open(type: number): void {
    this.#section = type;
    this.#block.begin(type, this.#next === 0 ? this.#headerLength : 0);
  }

  #add(
    type: number,
    record: { key: string; extra: number; value: Uint8Array },
  ): void {
    if (this.#block.add(record)) return;
    if (this.#block.entries > 0) {
      this.#flush(type);
      this.#block.begin(type, 0);
      if (this.#block.add(record)) return;
    }
    throw new StorageError("entry-too-large", "entry too large");
  }

  /** Ends a section with its index; tells whether it has one. */
  #finishSection(type: number): boolean {
    this.#flush(type);
    const isIndexed = this.#index.length >= INDEXED_BLOCKS;
    while (this.#index.length >= INDEXED_BLOCKS) {
      const below = this.#index;
      this.#index = [];
      this.#indexes.set(type, this.#next);
      this.#block.begin(BLOCK.index, 0);
      for (const { key, at } of below) {
        this.#add(BLOCK.index, { key, extra: 0, value: varint(at) });
      }
      this.#flush(BLOCK.index);
    }
    this.#index = [];
    return isIndexed;
  }

  #flush(type: number): void {
    const block = this.#block;
    if (block.entries === 0) return;
    const last = block.last;
    const bytes = block.finish();
    const { sink, blockSize } = this.#init;
    if (this.#padding > 0) sink(new Uint8Array(this.#padding));
    if (this.#next === 0) bytes.set(this.#header());
    if (!this.#starts.has(type)) this.#starts.set(type, this.#next);
    sink(bytes);
    this.#index.push({ key: last, at: this.#next });
    // Log blocks are never padded, and no padding comes before them.
    this.#padding = type === BLOCK.log ? 0 : blockSize - bytes.length;
    this.#next += bytes.length + this.#padding;
  }

  #header(): Uint8Array {
    const { format, blockSize, minUpdateIndex, maxUpdateIndex } = this.#init;
    const header = new Uint8Array(this.#headerLength);
    writeUint32(header, 0, MAGIC);
    header[4] = header.length === 24 ? 1 : 2;
    writeUint24(header, 5, blockSize);
    writeUint64(header, 8, minUpdateIndex);
    writeUint64(header, 16, maxUpdateIndex);
    if (header.length === 24) return header;
    for (const [id, each] of HASH_IDS) {
      if (each === format) writeUint32(header, 24, id);
    }
    return header;
  }
}

/** The key of a log record: newer ones come first. */
export function logKey(name: string, updateIndex: number): string {
  const bytes = new Uint8Array(8);
  writeUint32(bytes, 0, 0xffffffff - Math.floor(updateIndex / 2 ** 32));
  writeUint32(bytes, 4, 0xffffffff - updateIndex % 2 ** 32);
  return `${name}\0${String.fromCharCode(...bytes)}`;
}

/** What a log record says. */
export interface LogEntry {
  /** What the ref was; the zero id for nothing. */
  readonly old: Oid;
  /** What it is. */
  readonly new: Oid;
  /** Who did it: name, address, seconds, and the zone as "+0130" is: 130. */
  readonly name: string;
  readonly mail: string;
  readonly seconds: number;
  readonly zone: number;
  /** One line with its end. */
  readonly message: string;
}

/** A log record behind its key. */
export function logValue(entry: LogEntry): Uint8Array {
  const { name, mail, seconds, zone, message } = entry;
  const half = entry.new.length / 2;
  const length = 2 * half + stringLength(name) + stringLength(mail) +
    varintLength(seconds) + 2 + stringLength(message);
  const bytes = new Uint8Array(length);
  writeHex(bytes, 0, entry.old);
  writeHex(bytes, half, entry.new);
  let at = writeString(bytes, 2 * half, name);
  at = writeString(bytes, at, mail);
  at = writeVarint(bytes, at, seconds);
  bytes[at++] = zone >> 8 & 255;
  bytes[at++] = zone & 255;
  writeString(bytes, at, message);
  return bytes;
}

function kindOf(ref: RefEntry): number {
  if (ref.symref !== undefined) return VALUE.symref;
  if (ref.oid === undefined) return VALUE.deletion;
  return ref.peeled === undefined ? VALUE.oid : VALUE.peeled;
}

function refValue(ref: RefEntry, delta: number): Uint8Array {
  const { oid, peeled, symref } = ref;
  if (symref !== undefined) {
    const bytes = new Uint8Array(varintLength(delta) + stringLength(symref));
    writeString(bytes, writeVarint(bytes, 0, delta), symref);
    return bytes;
  }
  const hexLength = (oid?.length ?? 0) + (peeled?.length ?? 0);
  const bytes = new Uint8Array(varintLength(delta) + hexLength / 2);
  let at = writeVarint(bytes, 0, delta);
  for (const id of [oid, peeled]) {
    if (id === undefined) continue;
    writeHex(bytes, at, id);
    at += id.length / 2;
  }
  return bytes;
}

function objectValue(
  offsets: readonly number[],
): { extra: number; value: Uint8Array } {
  const count = offsets.length;
  const isShort = count > 0 && count < 8;
  const steps = offsets.map((at, i) => at - (i > 0 ? offsets[i - 1] ?? 0 : 0));
  const numbers = isShort ? steps : [count, ...steps];
  let length = 0;
  for (const number of numbers) length += varintLength(number);
  const value = new Uint8Array(length);
  let at = 0;
  for (const number of numbers) at = writeVarint(value, at, number);
  return { extra: isShort ? count : 0, value };
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function stringLength(text: string): number {
  return varintLength(text.length) + text.length;
}

function writeHex(into: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) {
    into[at + i / 2] = HEX_VALUES[hex.charCodeAt(i)] as number << 4 |
      (HEX_VALUES[hex.charCodeAt(i + 1)] as number);
  }
}

function writeString(into: Uint8Array, at: number, text: string): number {
  const start = writeVarint(into, at, text.length);
  for (let i = 0; i < text.length; i++) into[start + i] = text.charCodeAt(i);
  return start + text.length;
}

function writeUint64(into: Uint8Array, at: number, value: number): void {
  writeUint32(into, at, Math.floor(value / 2 ** 32));
  writeUint32(into, at + 4, value % 2 ** 32);
}
