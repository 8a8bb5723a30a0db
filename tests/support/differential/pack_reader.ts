/**
 * Which objects a pack holds: a small reader of its own, so that packs of two
 * servers can be compared without a process for each. It trusts its input:
 * whether a pack is sound is asked of the real git.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import type { StoredObjects } from "./objects.ts";

/** What is in a pack. */
export interface PackContents {
  /** The ids of its objects, in the order they stand there. */
  readonly oids: readonly string[];
  /** Ids of bases of deltas that are not in the pack. */
  readonly outerBases: readonly string[];
  /** How many entries name their base by its offset. */
  readonly offsetDeltas: number;
}

interface Whole {
  readonly kind: string;
  readonly data: Uint8Array;
}

interface Entry {
  readonly offset: number;
  /** The kind; `undefined` of a delta. */
  readonly kind: string | undefined;
  /** Where its base is, or the base's id. */
  readonly base: number | string | undefined;
  readonly data: Uint8Array;
}

const KINDS = [undefined, "commit", "tree", "blob", "tag"] as const;
const OFS_DELTA = 6;
const REF_DELTA = 7;

/** Reads a pack; deltas may be against objects of `known`. */
export function readPack(
  pack: Uint8Array,
  hexLength: number,
  known: StoredObjects,
): PackContents {
  const entries = readEntries(pack, hexLength / 2);
  const algorithm = hexLength === 40 ? "sha1" : "sha256";
  const byOffset = new Map<number, Whole>();
  const byOid = new Map<string, Whole>();
  const oids = new Map<number, string>();
  let left: Entry[] = entries;
  const resolve = (baseOf: (entry: Entry) => Whole | undefined): boolean => {
    const later: Entry[] = [];
    for (const entry of left) {
      const whole = entry.kind !== undefined
        ? { kind: entry.kind, data: entry.data }
        : patched(baseOf(entry), entry.data);
      if (whole === undefined) {
        later.push(entry);
        continue;
      }
      const oid = createHash(algorithm)
        .update(`${whole.kind} ${whole.data.length}\0`)
        .update(whole.data).digest("hex");
      byOffset.set(entry.offset, whole);
      byOid.set(oid, whole);
      oids.set(entry.offset, oid);
    }
    const progress = later.length < left.length;
    left = later;
    return progress;
  };
  const outerBases: string[] = [];
  const inner = ({ base }: Entry): Whole | undefined =>
    typeof base === "number" ? byOffset.get(base) : byOid.get(base as string);
  const outer = (entry: Entry): Whole | undefined => {
    const found = inner(entry);
    if (found !== undefined || typeof entry.base !== "string") return found;
    const base = known.get(entry.base);
    if (base !== undefined) outerBases.push(entry.base);
    return base;
  };
  // What can be resolved inside is, before bases are looked for outside.
  while (left.length > 0 && resolve(inner));
  while (left.length > 0 && resolve(outer));
  if (left.length > 0) {
    throw new Error(`Cannot resolve ${left.length} deltas of a pack`);
  }
  return {
    oids: entries.map(({ offset }) => oids.get(offset) as string),
    outerBases,
    offsetDeltas: entries.filter(({ base }) => typeof base === "number").length,
  };
}

function readEntries(pack: Uint8Array, rawLength: number): Entry[] {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.length);
  const count = bytes.readUInt32BE(8);
  const entries: Entry[] = [];
  let at = 12;
  for (let i = 0; i < count; i++) {
    const offset = at;
    let byte = bytes[at++] as number;
    const type = (byte >>> 4) & 7;
    while (byte >= 0x80) byte = bytes[at++] as number;
    let base: number | string | undefined;
    if (type === OFS_DELTA) {
      byte = bytes[at++] as number;
      let distance = byte & 0x7f;
      while (byte >= 0x80) {
        byte = bytes[at++] as number;
        distance = (distance + 1) * 128 + (byte & 0x7f);
      }
      base = offset - distance;
    } else if (type === REF_DELTA) {
      base = bytes.toString("hex", at, at + rawLength);
      at += rawLength;
    }
    const { buffer, engine } = zlib.inflateSync(bytes.subarray(at), {
      info: true,
    }) as unknown as Inflated;
    at += engine.bytesWritten;
    const kind = KINDS[type];
    entries.push({ offset, kind, base, data: buffer });
  }
  return entries;
}

interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

function patched(
  base: Whole | undefined,
  delta: Uint8Array,
): Whole | undefined {
  if (base === undefined) return undefined;
  let at = 0;
  const size = (): number => {
    let value = 0;
    for (let unit = 1;; unit *= 128) {
      const byte = delta[at++] as number;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };
  size();
  const data = new Uint8Array(size());
  for (let to = 0; at < delta.length;) {
    const op = delta[at++] as number;
    if (op < 0x80) {
      data.set(delta.subarray(at, at + op), to);
      at += op;
      to += op;
      continue;
    }
    const number = (bits: number, bytes: number): number => {
      let value = 0;
      for (let i = 0; i < bytes; i++) {
        if (((op >>> bits) >>> i & 1) === 1) {
          value += (delta[at++] as number) * 256 ** i;
        }
      }
      return value;
    };
    const from = number(0, 4);
    const length = number(4, 3) || 0x10000;
    data.set(base.data.subarray(from, from + length), to);
    to += length;
  }
  return { kind: base.kind, data };
}
