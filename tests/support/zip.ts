/**
 * A reader of zip archives that looks at everything: both headers of each
 * entry, extra fields and contents. For tests alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, inflateRawSync } from "node:zlib";

/** One entry with all that its records say. */
export interface ZipEntry {
  /** Its path, one character per byte. */
  readonly name: string;
  /** Who made it, as the directory says. */
  readonly madeBy: number;
  /** What it takes to unpack it. */
  readonly needs: number;
  /** Flags. */
  readonly flags: number;
  /** Time and date as DOS has them. */
  readonly dosTime: readonly [number, number];
  /** CRC-32, checked against the content. */
  readonly crc: number;
  /** Bytes, checked against the content. */
  readonly size: number;
  /** Bit 0 is set for text. */
  readonly internal: number;
  /** The mode in its upper half. */
  readonly external: number;
  /** Extra fields of the directory, without zip64 ones, in hex. */
  readonly extra: string;
  /** Extra fields of the local header, without zip64 ones, in hex. */
  readonly localExtra: string;
  /** Whether it is compressed. */
  readonly isDeflated: boolean;
  /** Its content. */
  readonly content: Buffer;
}

/** A whole archive. */
export interface ZipFile {
  /** Its entries in order. */
  readonly entries: readonly ZipEntry[];
  /** Its comment. */
  readonly comment: string;
}

/** Reads an archive. Throws an AssertionError where it contradicts itself. */
export function readZip(bytes: Uint8Array): ZipFile {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  assert.ok(end >= 0, "no end of the directory");
  let count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  const size = zip.readUInt32LE(end + 12);
  if (end >= 20 && zip.readUInt32LE(end - 20) === 0x07064b50) {
    const wide = Number(zip.readBigUInt64LE(end - 12));
    assert.equal(zip.readUInt32LE(wide), 0x06064b50);
    count = Number(zip.readBigUInt64LE(wide + 32));
    at = Number(zip.readBigUInt64LE(wide + 48));
    assert.equal(at + size, wide);
  } else {
    assert.equal(at + size, end);
  }
  const entries: ZipEntry[] = [];
  let local = 0;
  for (let i = 0; i < count; i++) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const nameLength = zip.readUInt16LE(at + 28);
    const extraLength = zip.readUInt16LE(at + 30);
    const next = at + 46 + nameLength + extraLength;
    const read = readEntry(zip.subarray(at, next), zip, local);
    entries.push(read.entry);
    local = read.next;
    at = next;
  }
  const comment = zip.subarray(end + 22).toString("latin1");
  assert.equal(comment.length, zip.readUInt16LE(end + 20));
  return { entries, comment };
}

function readEntry(
  record: Buffer,
  zip: Buffer,
  expectedAt: number,
): { readonly entry: ZipEntry; readonly next: number } {
  const nameLength = record.readUInt16LE(28);
  const flags = record.readUInt16LE(8);
  const method = record.readUInt16LE(10);
  assert.ok(method === 0 || method === 8, `method ${method}`);
  const packed = record.readUInt32LE(20);
  const size = record.readUInt32LE(24);
  const at = record.readUInt32LE(42);
  assert.equal(at, expectedAt, "entries lie side by side");
  assert.equal(zip.readUInt32LE(at), 0x04034b50);
  const localName = zip.readUInt16LE(at + 26);
  const localExtra = zip.readUInt16LE(at + 28);
  const name = record.subarray(46, 46 + nameLength);
  assert.deepEqual(zip.subarray(at + 30, at + 30 + localName), name);
  // Version, flags, method and times are said twice.
  assert.deepEqual(zip.subarray(at + 4, at + 14), record.subarray(6, 16));
  const start = at + 30 + localName + localExtra;
  const stored = zip.subarray(start, start + packed);
  const content = method === 8 ? inflateRawSync(stored) : stored;
  const crc = record.readUInt32LE(16);
  assert.equal(content.length, size);
  assert.equal(crc32(content), crc);
  let next = start + packed;
  if ((flags & 8) !== 0) {
    assert.equal(zip.readUInt32LE(next), 0x08074b50);
    assert.equal(zip.readUInt32LE(next + 4), crc);
    assert.equal(zip.readUInt32LE(next + 8), packed);
    next += 16;
  } else {
    assert.deepEqual(zip.subarray(at + 14, at + 26), record.subarray(16, 28));
  }
  return {
    next,
    entry: {
      name: name.toString("latin1"),
      madeBy: record.readUInt16LE(4),
      needs: record.readUInt16LE(6),
      flags,
      dosTime: [record.readUInt16LE(12), record.readUInt16LE(14)],
      crc,
      size,
      internal: record.readUInt16LE(36),
      external: record.readUInt32LE(38),
      extra: record.subarray(46 + nameLength).toString("hex"),
      localExtra: zip.subarray(at + 30 + localName, start).toString("hex"),
      isDeflated: method === 8,
      content,
    },
  };
}
