/**
 * Arranging the columns of a pack index, in plain TypeScript.
 *
 * @module
 */

import { compareBytes, readUint32 } from "../../core/bytes.ts";
import { type IndexColumns, type IndexVerdict, KernelError } from "../types.ts";
import { orderByOffset } from "./offset_order.ts";

/** As Kernels.arrangeIndex says. */
export function arrangeIndex(columns: IndexColumns): IndexVerdict {
  const { words, large, offsets, positions, ranks } = columns;
  const count = positions.length;
  const unordered = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    unordered[i] = offsetAt(readUint32(words, 4 * i), large);
  }
  const order = orderByOffset(unordered);
  for (let rank = 0; rank < count; rank++) {
    const position = order[rank] as number;
    offsets[rank] = unordered[position] as number;
    positions[rank] = position;
    ranks[position] = rank;
  }
  return fanOutIds(columns);
}

/** The offset that a word of an index stands for. */
function offsetAt(word: number, large: Uint8Array | undefined): number {
  if (large === undefined || word < 0x80000000) return word;
  const at = (word - 0x80000000) * 8;
  if (at >= large.length) throw outsideTable();
  const high = readUint32(large, at);
  // Number.MAX_SAFE_INTEGER is 2^53 - 1.
  if (high >= 2 ** 21) throw wildOffset();
  return high * 2 ** 32 + readUint32(large, at + 4);
}

function fanOutIds(columns: IndexColumns): IndexVerdict {
  const { rawLength, ids, fanOut } = columns;
  const buckets = fanOut.length - 1;
  const size = 2 ** 32 / buckets;
  let isSorted = true;
  let hasRepeats = false;
  let bucket = 0;
  let previous = -1;
  const count = columns.positions.length;
  for (let i = 0; i < count; i++) {
    const at = i * rawLength;
    const first = readUint32(ids, at);
    const own = Math.floor(first / size);
    while (bucket <= own) fanOut[bucket++] = i;
    // The first bytes tell of most ids that they ascend.
    const isAscent = first > previous;
    previous = first;
    if (isAscent) continue;
    const order = compareBytes(
      ids.subarray(at - rawLength, at),
      ids.subarray(at, at + rawLength),
    );
    if (order > 0) isSorted = false;
    if (order === 0) hasRepeats = true;
  }
  while (bucket <= buckets) fanOut[bucket++] = count;
  return { isSorted, hasRepeats };
}

/** An offset names a row that the table of 64-bit offsets lacks. */
export function outsideTable(): KernelError {
  return new KernelError("corrupt", "has an offset outside its table");
}

/** An offset cannot be a number here. */
export function wildOffset(): KernelError {
  return new KernelError("corrupt", "has a wild offset");
}
