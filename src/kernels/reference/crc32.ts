/**
 * CRC-32 as pack indexes keep it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952#section-8
 * @module
 */

import { once } from "../../core/once.ts";

const tableOf = once(() =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1) !== 0 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    return value;
  })
);

/** CRC-32 (ISO-HDLC) of `bytes`, going on from `seed`. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  const table = tableOf();
  let crc = ~seed;
  for (let i = 0; i < bytes.length; i++) {
    crc = (table[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** Compares entry by entry: see `Kernels.countGoodCrcs`. */
export function countGoodCrcs(
  bytes: Uint8Array,
  at: number,
  lengths: Uint32Array,
  crcs: Uint32Array,
): number {
  let start = at;
  for (let i = 0; i < lengths.length; i++) {
    const end = start + (lengths[i] as number);
    if (end > bytes.length) return i;
    if (crc32(bytes.subarray(start, end)) !== crcs[i]) return i;
    start = end;
  }
  return lengths.length;
}
