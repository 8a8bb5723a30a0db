/**
 * A small pack that comes to much: each delta doubles its base.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  entryBytes,
  type RawEntry,
  rawPack,
  sizeBytes,
  TYPES,
} from "./raw_pack.ts";

/** A chain of deltas whose last object has at least `bytes` bytes of zeros. */
export function doublingChain(bytes: number): Buffer {
  let length = 32;
  const entries: RawEntry[] = [{
    type: TYPES.blob,
    data: Buffer.alloc(length),
  }];
  while (length < bytes) {
    const data = Buffer.from([
      ...sizeBytes(length),
      ...sizeBytes(2 * length),
      ...copyAll(length),
      ...copyAll(length),
    ]);
    const base = entryBytes(entries.at(-1) as RawEntry).length;
    entries.push({ type: TYPES.ofs, data, base });
    length *= 2;
  }
  return rawPack(entries);
}

/** Instructions that copy so many bytes from the start on. */
function copyAll(length: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < length;) {
    const size = Math.min(0xffffff, length - at);
    out.push(0xff);
    for (let i = 0; i < 4; i++) out.push(Math.floor(at / 2 ** (8 * i)) & 255);
    for (let i = 0; i < 3; i++) out.push((size >>> (8 * i)) & 255);
    at += size;
  }
  return out;
}
