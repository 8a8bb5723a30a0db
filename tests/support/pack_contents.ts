/**
 * What a pack holds, read with zlib alone and none of the product's code: the
 * judge of packs that were sent. For small packs.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";

const KINDS = ["", "commit", "tree", "blob", "tag"];
const OFS_DELTA = 6;
const REF_DELTA = 7;

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

interface Content {
  readonly kind: string;
  readonly data: Buffer;
}

/** An entry that is a delta, of what may come behind it in the pack. */
interface Waiting {
  readonly start: number;
  readonly base: number | string;
  readonly delta: Buffer;
}

/**
 * The SHA-1 ids of everything in a pack, sorted. Throws where it is not a
 * whole and right pack.
 */
export function packedIds(pack: Uint8Array): string[] {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength);
  if (bytes.toString("latin1", 0, 4) !== "PACK" || bytes.length < 32) {
    throw new Error("is no pack");
  }
  const end = bytes.length - 20;
  const sum = createHash("sha1").update(bytes.subarray(0, end)).digest();
  if (!sum.equals(bytes.subarray(end))) throw new Error("has a wrong trailer");
  const byOffset = new Map<number, Content>();
  const byId = new Map<string, Content>();
  const waiting: Waiting[] = [];
  const add = (start: number, content: Content): void => {
    byOffset.set(start, content);
    const { kind, data } = content;
    const id = createHash("sha1").update(`${kind} ${data.length}\0`)
      .update(data).digest("hex");
    byId.set(id, content);
  };
  let at = 12;
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    const start = at;
    let byte = bytes[at++] as number;
    const type = (byte >> 4) & 7;
    while (byte >= 128) byte = bytes[at++] as number;
    let base: number | string = "";
    if (type === OFS_DELTA) {
      byte = bytes[at++] as number;
      let distance = byte & 127;
      while (byte >= 128) {
        byte = bytes[at++] as number;
        distance = (distance + 1) * 128 + (byte & 127);
      }
      base = start - distance;
    } else if (type === REF_DELTA) {
      base = bytes.toString("hex", at, at + 20);
      at += 20;
    }
    const { buffer, engine } = inflateSync(
      bytes.subarray(at, end),
      { info: true },
    ) as unknown as Inflated;
    at += engine.bytesWritten;
    const kind = KINDS[type];
    if (base !== "") waiting.push({ start, base, delta: buffer });
    else if (kind !== undefined && kind !== "") {
      add(start, { kind, data: buffer });
    } else throw new Error(`has a bad entry at ${start}`);
  }
  for (let before = -1; waiting.length !== before;) {
    before = waiting.length;
    for (const each of waiting.splice(0)) {
      const { start, base, delta } = each;
      const found = typeof base === "string"
        ? byId.get(base)
        : byOffset.get(base);
      if (found === undefined) waiting.push(each);
      else add(start, { kind: found.kind, data: applied(found.data, delta) });
    }
  }
  const [lost] = waiting;
  if (lost !== undefined) throw new Error(`has a bad entry at ${lost.start}`);
  if (at !== end) throw new Error("has bytes after its last entry");
  if (byId.size !== byOffset.size) throw new Error("has an object twice");
  return [...byId.keys()].sort();
}

/** The types of a pack's entries in their order; no delta is applied. */
export function packedTypes(pack: Uint8Array): string[] {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength);
  const end = bytes.length - 20;
  const types: string[] = [];
  let at = 12;
  for (let left = bytes.readUInt32BE(8); left > 0; left--) {
    let byte = bytes[at++] as number;
    const type = (byte >> 4) & 7;
    while (byte >= 128) byte = bytes[at++] as number;
    if (type === OFS_DELTA) { while ((bytes[at++] as number) >= 128); }
    if (type === REF_DELTA) at += 20;
    const { engine } = inflateSync(
      bytes.subarray(at, end),
      { info: true },
    ) as unknown as Inflated;
    at += engine.bytesWritten;
    types.push(
      type === OFS_DELTA
        ? "ofs-delta"
        : type === REF_DELTA
        ? "ref-delta"
        : KINDS[type] ?? "",
    );
  }
  return types;
}

function applied(base: Buffer, delta: Buffer): Buffer {
  let at = 0;
  const size = (): number => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = delta[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  if (size() !== base.length) throw new Error("has a delta for another base");
  const length = size();
  const parts: Buffer[] = [];
  while (at < delta.length) {
    const op = delta[at++] as number;
    if (op < 128) {
      parts.push(delta.subarray(at, at += op));
      continue;
    }
    let offset = 0;
    let count = 0;
    for (let i = 0; i < 4; i++) {
      if (op & (1 << i)) offset += (delta[at++] as number) * 256 ** i;
    }
    for (let i = 0; i < 3; i++) {
      if (op & (16 << i)) count += (delta[at++] as number) * 256 ** i;
    }
    parts.push(base.subarray(offset, offset + (count || 0x10000)));
  }
  const result = Buffer.concat(parts);
  if (result.length !== length) throw new Error("has a delta of wrong size");
  return result;
}
