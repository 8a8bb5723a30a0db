/**
 * Trees and deltas of trees made by hand, for packs made by hand.
 *
 * @module
 */

import { concatBytes } from "../../../../src/core/bytes.ts";
import { type Oid, oidToRaw, SHA1 } from "../../../../src/core/oid.ts";
import { BLOB, TREE } from "../../../../src/object/kind.ts";
import { idOf, type MadeEntry, makePack } from "./made_packs.ts";
import type { Packed } from "./packed_fixture.ts";

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) {
    bytes.push((value & 127) | 128);
  }
  return [...bytes, value];
}

/** A part of a base to copy, or bytes to insert. */
export type Part = readonly [from: number, length: number] | Uint8Array;

/** The delta that makes `parts` of a base. */
export function deltaOf(base: Uint8Array, parts: readonly Part[]): Uint8Array {
  const out: number[] = [];
  let size = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      size += part.length;
      for (let at = 0; at < part.length; at += 127) {
        const piece = part.subarray(at, at + 127);
        out.push(piece.length, ...piece);
      }
      continue;
    }
    let [from, left] = part;
    size += left;
    for (; left > 0;) {
      const length = Math.min(left, 0xffffff);
      out.push(0xff, from & 255, (from >>> 8) & 255, (from >>> 16) & 255);
      out.push(from >>> 24, length & 255, (length >>> 8) & 255, length >>> 16);
      from += length;
      left -= length;
    }
  }
  return Uint8Array.from([...varint(base.length), ...varint(size), ...out]);
}

/** What that delta makes. */
export function patched(base: Uint8Array, parts: readonly Part[]): Uint8Array {
  return concatBytes(
    parts.map((part) =>
      part instanceof Uint8Array
        ? part
        : base.subarray(part[0], part[0] + part[1])
    ),
  );
}

/** One entry of a tree. */
export function entry(mode: string, name: string, oid: Oid): Uint8Array {
  const text = new TextEncoder().encode(`${mode} ${name}\0`);
  return concatBytes([text, oidToRaw(oid)]);
}

const encoder = new TextEncoder();

/** So many blobs. */
export function blobs(count: number): MadeEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const data = encoder.encode(`blob ${i}\n`);
    return { oid: idOf(BLOB, data), type: BLOB, data };
  });
}

/** Packs of these entries. */
export function packed(...packs: readonly (readonly MadeEntry[])[]): Packed {
  return { format: SHA1, packs: packs.map((entries) => makePack(entries)) };
}

/** A tree of these bytes, stored whole. */
export function whole(data: Uint8Array): MadeEntry {
  return { oid: idOf(TREE, data), type: TREE, data };
}

/** The ids of those that are no blobs. */
export function oidsOf(entries: readonly MadeEntry[]): Oid[] {
  return entries.filter(({ type }) => type !== BLOB).map(({ oid }) => oid);
}
