/**
 * Zip archives as archive-zip.c writes them. The container is written here:
 * its modes, flags and zip64 records are git's own; the compressed streams are
 * fflate's.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 * @module
 */

import { concatBytes, fromBinary } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import type { Kernels } from "../kernels/types.ts";
import {
  MODE_FILE,
  MODE_GITLINK,
  MODE_SYMLINK,
  MODE_TREE,
  MODE_TYPE,
} from "../object/tree.ts";
import { deflated, type DeflateLevel } from "./deflate.ts";
import {
  type ArchiveEntry,
  type ArchiveHead,
  type ArchiveWriter,
  NO_BYTES,
} from "./entry.ts";
import { isUtf8 } from "./utf8.ts";
import { dosTime, LittleEndian } from "./zip_records.ts";

/** What a {@linkcode ZipWriter} is made for. */
export interface ZipHead extends ArchiveHead {
  /** How hard to compress; 0 stores, -1 is as usual. */
  readonly level: DeflateLevel | -1;
  /** Takes warnings, a line each. */
  readonly warn: (line: string) => void;
  /** The kernels in use. */
  readonly kernels: Pick<Kernels, "crc32" | "deflate">;
}

const FLAG_STREAM = 1 << 3;
const FLAG_UTF8 = 1 << 11;
const STORE = 0;
const DEFLATE = 8;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
/** "Made by" Unix, version 2.3: what has a mode. */
const MADE_BY_UNIX = 0x0317;
/** Up to so many bytes are compressed by a kernel, in one go. */
const KERNEL_BYTES = 1024 * 1024 - 1;
/** Bytes around the raw stream in a zlib stream: RFC 1950. */
const ZLIB_HEAD = 2;
const ZLIB_TAIL = 4;
const CRC_STEP = 1024 * 1024;
/** The part of a content that tells whether it is text: xdiff-interface.c. */
const FIRST_FEW_BYTES = 8000;

/** What is known of an entry before its bytes. */
interface EntryWish {
  readonly flags: number;
  readonly crc: number;
  readonly wantsDeflate: boolean;
}

interface Planned {
  readonly flags: number;
  readonly crc: number;
  readonly method: 0 | 8;
  readonly size: number;
  readonly compressedSize: number;
  readonly needsZip64: boolean;
}

/** Writes a zip archive. */
export class ZipWriter implements ArchiveWriter {
  readonly #head: ZipHead;
  readonly #time: number;
  readonly #date: number;
  readonly #directory: Uint8Array[] = [];
  #directoryBytes = 0;
  #entries = 0;
  #offset = 0;
  #madeBy = 0;

  /** A writer of one archive. Throws RefusedError for times of no system. */
  constructor(head: ZipHead) {
    this.#head = head;
    if (head.time >= 2 ** 63) {
      throw new RefusedError(
        "bad-time",
        `timestamp too large for this system: ${BigInt(head.time)}`,
      );
    }
    const { date, time } = dosTime(head.time);
    this.#date = date;
    this.#time = time;
  }

  *start(): Generator<Uint8Array, void, void> {}

  *add(entry: ArchiveEntry): Generator<Uint8Array, void, void> {
    const { mode, data } = entry;
    const offset = this.#offset;
    const type = mode & MODE_TYPE;
    let flags = this.#nameFlags(entry);
    let attributes = 0;
    let madeBy = 0;
    if (type === MODE_TREE || type === MODE_GITLINK) {
      attributes = 16;
    } else if (type === MODE_FILE || type === MODE_SYMLINK) {
      const isLink = type === MODE_SYMLINK;
      if (isLink || (mode & 0o111) !== 0) {
        madeBy = MADE_BY_UNIX;
        attributes = (isLink ? mode | 0o777 : mode) * 65536;
      }
    } else {
      throw new RefusedError(
        "bad-mode",
        `unsupported file mode: 0${mode.toString(8)} (SHA1: ${entry.oid})`,
      );
    }
    this.#madeBy = Math.max(this.#madeBy, madeBy);
    const crc = yield* this.#crc(data);
    const wantsDeflate = type === MODE_FILE && this.#head.level !== 0 &&
      data.length > 0;
    let planned: Planned;
    if (entry.isStreamed) {
      flags |= FLAG_STREAM;
      planned = yield* this.#stream(entry, { flags, crc, wantsDeflate });
    } else {
      planned = yield* this.#whole(entry, { flags, crc, wantsDeflate });
    }
    this.#note(entry, { ...planned, madeBy, attributes, offset });
  }

  *finish(): Generator<Uint8Array, void, void> {
    const { commit } = this.#head;
    const start = this.#offset;
    yield* this.#directory;
    const size = this.#directoryBytes;
    if (this.#entries > MAX_16 || start > MAX_32) {
      yield new LittleEndian(76)
        .u32(0x06064b50).u64(44).u16(this.#madeBy).u16(45).u32(0).u32(0)
        .u64(this.#entries).u64(this.#entries).u64(size).u64(start)
        .u32(0x07064b50).u32(0).u64(start + size).u32(1).bytes;
    }
    const entries = Math.min(this.#entries, MAX_16);
    yield new LittleEndian(22)
      .u32(0x06054b50).u16(0).u16(0).u16(entries).u16(entries)
      .u32(size).u32(Math.min(start, MAX_32))
      .u16(commit?.length ?? 0).bytes;
    if (commit !== undefined) yield fromBinary(commit);
  }

  /** The flags that a name asks for; warns of what no unpacker can read. */
  #nameFlags({ path, oid }: ArchiveEntry): number {
    let flags = 0;
    // deno-lint-ignore no-control-regex
    if (/[^\x00-\x7f]/.test(path)) {
      if (isUtf8(path)) flags = FLAG_UTF8;
      else this.#head.warn(`path is not valid UTF-8: ${path}`);
    }
    if (path.length > MAX_16) {
      throw new RefusedError(
        "path-too-long",
        `path too long (${path.length} chars, SHA1: ${oid}): ${path}`,
      );
    }
    return flags;
  }

  *#crc(data: Uint8Array): Generator<Uint8Array, number, void> {
    let crc = 0;
    for (let at = 0; at < data.length; at += CRC_STEP) {
      crc = this.#head.kernels.crc32(data.subarray(at, at + CRC_STEP), crc);
      yield NO_BYTES;
    }
    return crc;
  }

  /** An entry whose stream is made before its header. */
  *#whole(
    entry: ArchiveEntry,
    { flags, crc, wantsDeflate }: EntryWish,
  ): Generator<Uint8Array, Planned, void> {
    const { data } = entry;
    const parts = wantsDeflate ? yield* this.#smaller(data) : undefined;
    const compressedSize = parts === undefined
      ? data.length
      : parts.reduce((sum, part) => sum + part.length, 0);
    const planned: Planned = {
      flags,
      crc,
      method: parts === undefined ? STORE : DEFLATE,
      size: data.length,
      compressedSize,
      needsZip64: data.length > MAX_32 || compressedSize > MAX_32,
    };
    yield* this.#header(entry, planned);
    yield* parts ?? [data];
    this.#offset += compressedSize;
    return planned;
  }

  /** The compressed stream, if it is smaller than what it is of. */
  *#smaller(
    data: Uint8Array,
  ): Generator<Uint8Array, Uint8Array[] | undefined, void> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const part of this.#deflated(data)) {
      if (part.length > 0) parts.push(part);
      length += part.length;
      if (length >= data.length) return undefined;
      yield NO_BYTES;
    }
    return parts;
  }

  *#deflated(data: Uint8Array): Generator<Uint8Array, void, void> {
    const { level, kernels } = this.#head;
    if (level === -1 && data.length <= KERNEL_BYTES) {
      yield kernels.deflate(data).subarray(ZLIB_HEAD, -ZLIB_TAIL);
    } else {
      yield* deflated(data, level === -1 ? 6 : level);
    }
  }

  /** An entry whose sizes follow its stream. */
  *#stream(
    entry: ArchiveEntry,
    { flags, crc, wantsDeflate }: EntryWish,
  ): Generator<Uint8Array, Planned, void> {
    const { data } = entry;
    const size = data.length;
    const head: Planned = {
      flags,
      crc: 0,
      method: wantsDeflate ? DEFLATE : STORE,
      size,
      compressedSize: wantsDeflate ? 0 : size,
      needsZip64: size > 0x7fffffff,
    };
    yield* this.#header(entry, head);
    let compressedSize = size;
    if (wantsDeflate) {
      compressedSize = 0;
      for (const part of this.#deflated(data)) {
        compressedSize += part.length;
        yield part;
      }
    } else {
      yield data;
    }
    const isLarge = size >= MAX_32 || compressedSize >= MAX_32;
    const after = new LittleEndian(isLarge ? 24 : 16).u32(0x08074b50).u32(crc);
    if (isLarge) after.u64(compressedSize).u64(size);
    else after.u32(compressedSize).u32(size);
    yield after.bytes;
    this.#offset += compressedSize + after.bytes.length;
    return { ...head, crc, compressedSize };
  }

  *#header(
    { path }: ArchiveEntry,
    planned: Planned,
  ): Generator<Uint8Array, void, void> {
    const { needsZip64, size, compressedSize } = planned;
    const extra = 9 + (needsZip64 ? 20 : 0);
    const header = new LittleEndian(30 + path.length + extra)
      .u32(0x04034b50).u16(needsZip64 ? 45 : 10).u16(planned.flags)
      .u16(planned.method).u16(this.#time).u16(this.#date).u32(planned.crc)
      .u32(needsZip64 ? MAX_32 : compressedSize)
      .u32(needsZip64 ? MAX_32 : size)
      .u16(path.length).u16(extra).text(path);
    this.#putTime(header);
    if (needsZip64) {
      header.u16(0x0001).u16(16).u64(size).u64(compressedSize);
    }
    yield header.bytes;
    this.#offset += header.bytes.length;
  }

  #putTime(record: LittleEndian): void {
    record.u16(0x5455).u16(5).u8(1).u32(this.#head.time % 2 ** 32);
  }

  /** Notes an entry for the directory at the end. */
  #note(
    entry: ArchiveEntry,
    planned: Planned & {
      readonly madeBy: number;
      readonly attributes: number;
      readonly offset: number;
    },
  ): void {
    const { path, mode } = entry;
    const { size, compressedSize, offset } = planned;
    const large = size > MAX_32 || compressedSize > MAX_32 || offset > MAX_32
      ? [size, compressedSize, offset].filter((value) => value >= MAX_32)
      : [];
    const extra = 9 + (large.length > 0 ? 4 + 8 * large.length : 0);
    const type = mode & MODE_TYPE;
    const hasContent = type === MODE_FILE || type === MODE_SYMLINK;
    const record = new LittleEndian(46 + path.length + extra)
      .u32(0x02014b50).u16(planned.madeBy).u16(planned.needsZip64 ? 45 : 10)
      .u16(planned.flags).u16(planned.method)
      .u16(this.#time).u16(this.#date).u32(planned.crc)
      .u32(Math.min(compressedSize, MAX_32)).u32(Math.min(size, MAX_32))
      .u16(path.length).u16(extra).u16(0).u16(0)
      .u16(hasContent && !isBinary(entry) ? 1 : 0)
      .u32(planned.attributes).u32(Math.min(offset, MAX_32)).text(path);
    this.#putTime(record);
    if (large.length > 0) {
      record.u16(0x0001).u16(8 * large.length);
      for (const value of large) record.u64(value);
    }
    this.#keep(record.bytes);
    this.#entries++;
  }

  /** Directories of many entries are kept in few arrays. */
  #keep(record: Uint8Array): void {
    this.#directoryBytes += record.length;
    this.#directory.push(record);
    if (this.#directory.length < 4096) return;
    this.#directory.splice(0, Infinity, concatBytes(this.#directory));
  }
}

/** archive-zip.c: entry_is_binary. */
function isBinary({ data, isBinary: told }: ArchiveEntry): boolean {
  return told ?? data.subarray(0, FIRST_FEW_BYTES).includes(0);
}
