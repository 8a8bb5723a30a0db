/**
 * Writes pack indexes of version 2.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

import { compareBytes, writeUint32 } from "../core/bytes.ts";
import type { ObjectFormat } from "../core/oid.ts";
import type { Kernels } from "../kernels/types.ts";

/** One object of a pack, for its index. */
export interface IndexEntry {
  /** The raw id. */
  readonly raw: Uint8Array;
  /** Where its entry starts. */
  readonly offset: number;
  /** The CRC-32 of the whole entry. */
  readonly crc: number;
}

/**
 * The index of a pack. Offsets from `largeFrom` on (2^31, as git's; lower in
 * tests) go to the table of 64-bit offsets.
 */
export function encodePackIndex(
  entries: readonly IndexEntry[],
  packChecksum: Uint8Array,
  format: ObjectFormat,
  kernels: Pick<Kernels, "hash">,
  largeFrom: number = 2 ** 31,
): Uint8Array<ArrayBuffer> {
  const sorted = [...entries].sort((a, b) => compareBytes(a.raw, b.raw));
  const large = sorted.filter((entry) => entry.offset >= largeFrom);
  const count = sorted.length;
  const raw = format.rawLength;
  const idsAt = 8 + 1024;
  const crcsAt = idsAt + count * raw;
  const offsetsAt = crcsAt + 4 * count;
  const largeAt = offsetsAt + 4 * count;
  const trailerAt = largeAt + 8 * large.length;
  const bytes = new Uint8Array(trailerAt + 2 * raw);
  writeUint32(bytes, 0, 0xff744f63);
  writeUint32(bytes, 4, 2);
  const fanOut = new Uint32Array(256);
  let largeRow = 0;
  for (const [i, { raw: id, offset, crc }] of sorted.entries()) {
    const first = id[0] as number;
    fanOut[first] = (fanOut[first] as number) + 1;
    bytes.set(id, idsAt + i * raw);
    writeUint32(bytes, crcsAt + 4 * i, crc);
    if (offset < largeFrom) {
      writeUint32(bytes, offsetsAt + 4 * i, offset);
      continue;
    }
    writeUint32(bytes, offsetsAt + 4 * i, 0x80000000 + largeRow);
    writeUint32(bytes, largeAt + 8 * largeRow, Math.floor(offset / 2 ** 32));
    writeUint32(bytes, largeAt + 8 * largeRow + 4, offset % 2 ** 32);
    largeRow++;
  }
  let total = 0;
  for (let i = 0; i < 256; i++) {
    total += fanOut[i] as number;
    writeUint32(bytes, 8 + 4 * i, total);
  }
  bytes.set(packChecksum, trailerAt);
  const hash = kernels.hash(format);
  hash.update(bytes.subarray(0, trailerAt + raw));
  bytes.set(hash.digest(), trailerAt + raw);
  return bytes;
}
