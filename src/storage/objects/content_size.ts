/**
 * How long the content of a pack's entry is, without the content: an entry
 * says it in its header, a delta in the first bytes of its data.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_deltified_representation
 * @module
 */

import { KernelError, type Kernels } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { EntryHeader } from "../../pack/entry_header.ts";
import type { OpenedPack } from "./opened_pack.ts";

/** packfile.c: get_size_from_delta. Two lengths of up to 64 bits. */
const DELTA_HEAD_BYTES = 20;

/**
 * The length of the content of the entry of `rank`, a delta's result if it is
 * one. Throws a KernelError "corrupt" where the entry does not say it.
 */
export function contentSize(
  pack: OpenedPack,
  rank: number,
  kernels: Pick<Kernels, "inflatePrefix">,
  rawLength: number,
): number {
  const { bytes, at, end } = pack.head(rank);
  const header = new EntryHeader();
  let dataAt = header.read(bytes, at, end);
  if (dataAt < 0) throw corrupt();
  if (header.type === OFS_DELTA) {
    dataAt = header.readDistance(bytes, dataAt, end);
  } else if (header.type === REF_DELTA) {
    dataAt += rawLength;
  } else {
    return header.size;
  }
  if (dataAt < 0 || dataAt >= end) throw corrupt();
  const data = kernels.inflatePrefix(
    bytes.subarray(0, end),
    dataAt,
    Math.min(DELTA_HEAD_BYTES, header.size),
  );
  return readLength(data, readLength(data, 0).next).value;
}

/** One of a delta's lengths: seven bits to a byte, the lowest first. */
function readLength(
  data: Uint8Array,
  at: number,
): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let unit = 1; unit <= 2 ** 49; unit *= 128) {
    const byte = data[at++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) {
      if (value > Number.MAX_SAFE_INTEGER) break;
      return { value, next: at };
    }
  }
  throw corrupt();
}

function corrupt(): KernelError {
  return new KernelError("corrupt", "bad header of an object or a delta");
}
