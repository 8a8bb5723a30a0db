/**
 * Packs for tests of resolving, made entry by entry, sound or not, and their
 * entries as the scan of a pack leaves them.
 *
 * @module
 */

import { deflateSync } from "node:zlib";
import { createHash } from "node:crypto";
import { concatBytes, fromUtf8 } from "../../src/core/bytes.ts";
import { type ObjectFormat, SHA1 } from "../../src/core/oid.ts";
import { type Kind, kindName } from "../../src/object/kind.ts";
import {
  writeDistance,
  writeEntryHeader,
} from "../../src/pack/entry_header.ts";
import type { PackEntries } from "../../src/pack/intake/entries.ts";
import type { StoredPack } from "../../src/pack/intake/ports.ts";
import { encodePackHeader } from "../../src/pack/pack_header.ts";

/** One entry: an object, a delta of an earlier rank, or one of an id. */
export type MadeEntry =
  | { readonly kind: Kind; readonly data: Uint8Array }
  | { readonly base: number; readonly delta: Uint8Array }
  | { readonly baseId: Uint8Array; readonly delta: Uint8Array };

/** A pack, and what its scan leaves. */
export interface MadePack {
  /** Its bytes as they are stored; no trailer. */
  readonly bytes: Uint8Array;
  /** Its entries; deltas are not resolved. */
  readonly entries: PackEntries;
  /** It, as a resolver reads it. */
  readonly pack: StoredPack;
}

/** The raw id of an object, by the runtime's own hash. */
export function idOf(
  kind: Kind,
  data: Uint8Array,
  format: ObjectFormat = SHA1,
): Uint8Array {
  const hash = createHash(format.name);
  hash.update(`${kindName(kind)} ${data.length}\0`).update(data);
  return new Uint8Array(hash.digest());
}

/** A column in shared memory. */
function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}

/** Makes a pack of these entries, in this order. */
export function makePack(
  list: readonly MadeEntry[],
  format: ObjectFormat = SHA1,
): MadePack {
  const count = list.length;
  const width = format.rawLength;
  const names = list.filter((entry) => "baseId" in entry).length;
  const entries: PackEntries = {
    format,
    count,
    offsets: new Float64Array(shared((count + 1) * 8)),
    heads: new Uint8Array(shared(count)),
    types: new Uint8Array(shared(count)),
    sizes: new Float64Array(shared(count * 8)),
    crcs: new Uint32Array(shared(count * 4)),
    bases: new Int32Array(shared(count * 4)),
    baseIds: new Uint8Array(shared(names * width)),
    ids: new Uint8Array(shared(count * width)),
    kinds: new Uint8Array(shared(count)),
  };
  const parts: Uint8Array[] = [encodePackHeader(count)];
  let offset = 12;
  let row = 0;
  list.forEach((entry, rank) => {
    const head = new Uint8Array(64);
    const content = "kind" in entry ? entry.data : entry.delta;
    const type = "kind" in entry ? entry.kind : "base" in entry ? 6 : 7;
    let length = writeEntryHeader(head, 0, type, content.length);
    if ("kind" in entry) {
      entries.ids.set(idOf(entry.kind, entry.data, format), rank * width);
      entries.kinds[rank] = entry.kind;
    } else if ("base" in entry) {
      const distance = offset - (entries.offsets[entry.base] as number);
      length = writeDistance(head, length, distance);
      entries.bases[rank] = entry.base;
    } else {
      head.set(entry.baseId, length);
      length += width;
      entries.baseIds.set(entry.baseId, row * width);
      entries.bases[rank] = -1 - row++;
    }
    entries.offsets[rank] = offset;
    entries.heads[rank] = length;
    entries.types[rank] = type;
    entries.sizes[rank] = content.length;
    const stream = deflateSync(content);
    parts.push(head.subarray(0, length), stream);
    offset += length + stream.length;
  });
  entries.offsets[count] = offset;
  const bytes = concatBytes(parts);
  return { bytes, entries, pack: packInMemory(bytes) };
}

/** Bytes as a pack that is stored. */
export function packInMemory(bytes: Uint8Array): StoredPack {
  return {
    size: bytes.length,
    readAt(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

/** A delta of one copy of so many bytes from the start, and some text. */
export function madeDelta(
  baseSize: number,
  copied: number,
  text: string,
): Uint8Array {
  const added = fromUtf8(text);
  const out = [...sizeBytes(baseSize), ...sizeBytes(copied + added.length)];
  for (let at = 0; at < copied; at += 0xffff) {
    const size = Math.min(0xffff, copied - at);
    out.push(0x80 | 0x3f, at & 255, (at >> 8) & 255, (at >> 16) & 255);
    out.push((at >> 24) & 255, size & 255, size >> 8);
  }
  for (let at = 0; at < added.length; at += 127) {
    const part = added.subarray(at, at + 127);
    out.push(part.length, ...part);
  }
  return Uint8Array.from(out);
}

/** A size as the head of a delta has it. */
export function sizeBytes(size: number): number[] {
  const out: number[] = [];
  let rest = size;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push(rest % 128 | 128);
  return [...out, rest];
}
