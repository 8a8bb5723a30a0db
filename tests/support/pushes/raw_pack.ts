/**
 * Packs made byte by byte, with every lie that one can tell.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { sizeBytes } from "../pack_entries.ts";

export { sizeBytes };

/** Types of entries. */
export const TYPES = { commit: 1, tree: 2, blob: 3, tag: 4, ofs: 6, ref: 7 };

/** One entry; what is left out is as it should be. */
export interface RawEntry {
  /** The type: one of {@linkcode TYPES}, or another. */
  readonly type: number;
  /** What is compressed. */
  readonly data: Uint8Array;
  /** The size that the head declares. */
  readonly size?: number | bigint;
  /** The base of a delta: its distance, its id, or any bytes. */
  readonly base?: number | Uint8Array;
  /** What stands in place of the zlib stream. */
  readonly stream?: Uint8Array;
}

/** What the whole says. */
export interface RawPackOptions {
  readonly signature?: string;
  readonly version?: number;
  readonly count?: number;
  readonly trailer?: Uint8Array;
  /** Bytes behind the trailer. */
  readonly tail?: Uint8Array;
}

/** A pack of entries. */
export function rawPack(
  entries: readonly RawEntry[],
  options: RawPackOptions = {},
): Buffer {
  const head = Buffer.alloc(12);
  head.write(options.signature ?? "PACK", "latin1");
  head.writeUInt32BE(options.version ?? 2, 4);
  head.writeUInt32BE(options.count ?? entries.length, 8);
  const body = Buffer.concat([head, ...entries.map(entryBytes)]);
  const trailer = createHash("sha1").update(body).digest();
  return Buffer.concat([
    body,
    options.trailer ?? trailer,
    options.tail ?? new Uint8Array(0),
  ]);
}

/** A pack of entries that are bytes already, `count` of them. */
export function packOf(entries: readonly Uint8Array[], count: number): Buffer {
  const head = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  head.writeUInt32BE(count, 8);
  const hash = createHash("sha1").update(head);
  for (const each of entries) hash.update(each);
  return Buffer.concat([head, ...entries, hash.digest()]);
}

/** One entry's bytes. */
export function entryBytes(entry: RawEntry): Buffer {
  let size = BigInt(entry.size ?? entry.data.length);
  const head: number[] = [];
  let byte = (entry.type << 4) | Number(size & 15n);
  for (size >>= 4n; size > 0n; size >>= 7n) {
    head.push(byte | 0x80);
    byte = Number(size & 127n);
  }
  head.push(byte);
  return Buffer.concat([
    Buffer.from(head),
    typeof entry.base === "number"
      ? distanceBytes(entry.base)
      : entry.base ?? new Uint8Array(0),
    entry.stream ?? deflateSync(entry.data),
  ]);
}

/** How `ofs-delta` writes how far back its base is. */
export function distanceBytes(distance: number): Buffer {
  const bytes = [distance & 127];
  for (let rest = Math.floor(distance / 128); rest > 0;) {
    rest--;
    bytes.unshift(0x80 | (rest & 127));
    rest = Math.floor(rest / 128);
  }
  return Buffer.from(bytes);
}

/** A delta of these instructions. */
export function rawDelta(
  from: number,
  to: number,
  ...instructions: readonly number[]
): Buffer {
  return Buffer.from([...sizeBytes(from), ...sizeBytes(to), ...instructions]);
}

/** The raw id of an object. */
export function rawId(type: string, data: Uint8Array): Buffer {
  return createHash("sha1").update(`${type} ${data.length}\0`).update(data)
    .digest();
}
