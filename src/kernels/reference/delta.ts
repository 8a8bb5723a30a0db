/**
 * Applying git's deltas.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_deltified_representation
 * @module
 */

import { KernelError } from "../types.ts";

/** The two sizes at the head of a delta, and where its instructions start. */
export interface DeltaHeader {
  /** Bytes the base must have. */
  readonly baseSize: number;
  /** Bytes the result will have. */
  readonly resultSize: number;
  /** Offset of the first instruction. */
  readonly start: number;
}

/** The least bytes that make something: delta.h: DELTA_SIZE_MIN. */
export const DELTA_BYTES_MIN = 4;

/**
 * Reads the head of a delta. Throws KernelError "corrupt" where it is
 * truncated or says more than 2^53 bytes.
 */
export function readDeltaHeader(delta: Uint8Array): DeltaHeader {
  if (delta.length < DELTA_BYTES_MIN) {
    throw new KernelError("corrupt", "delta is too short");
  }
  const [baseSize, middle] = readSize(delta, 0);
  const [resultSize, start] = readSize(delta, middle);
  return { baseSize, resultSize, start };
}

function readSize(delta: Uint8Array, start: number): [number, number] {
  let size = 0;
  let scale = 1;
  for (let at = start; at < delta.length && at < start + 8; at++) {
    const byte = delta[at] as number;
    size += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) {
      if (size > Number.MAX_SAFE_INTEGER) break;
      return [size, at + 1];
    }
  }
  throw new KernelError("corrupt", "delta header is malformed");
}

/** Applies a delta: see `Kernels.applyDelta`. */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  limit: number,
): Uint8Array<ArrayBuffer> {
  const header = readDeltaHeader(delta);
  if (header.baseSize !== base.length) {
    throw new KernelError("corrupt", "delta is for a base of another size");
  }
  if (header.resultSize > limit) {
    throw new KernelError(
      "too-long",
      `delta makes ${header.resultSize} bytes, over the limit of ${limit}`,
    );
  }
  const result = new Uint8Array(header.resultSize);
  let at = header.start;
  let written = 0;
  while (at < delta.length) {
    const code = delta[at++] as number;
    if (code === 0) throw new KernelError("corrupt", "delta opcode 0");
    if (code < 128) {
      const end = at + code;
      if (end > delta.length || written + code > result.length) {
        throw new KernelError("corrupt", "delta inserts out of range");
      }
      if (code <= 16) {
        while (at < end) result[written++] = delta[at++] as number;
      } else {
        result.set(delta.subarray(at, end), written);
        written += code;
        at = end;
      }
      continue;
    }
    // A copy: four optional offset bytes, three optional size bytes.
    let offset = 0;
    let size = 0;
    if ((code & 1) !== 0) offset = delta[at++] ?? NaN;
    if ((code & 2) !== 0) offset += (delta[at++] ?? NaN) * 0x100;
    if ((code & 4) !== 0) offset += (delta[at++] ?? NaN) * 0x10000;
    if ((code & 8) !== 0) offset += (delta[at++] ?? NaN) * 0x1000000;
    if ((code & 16) !== 0) size = delta[at++] ?? NaN;
    if ((code & 32) !== 0) size += (delta[at++] ?? NaN) * 0x100;
    if ((code & 64) !== 0) size += (delta[at++] ?? NaN) * 0x10000;
    if (size === 0) size = 0x10000;
    // NaN (a truncated instruction) fails the comparison as well.
    if (!(offset + size <= base.length && written + size <= result.length)) {
      throw new KernelError("corrupt", "delta copies out of range");
    }
    if (size <= 24) {
      for (let i = 0; i < size; i++) {
        result[written + i] = base[offset + i] as number;
      }
    } else {
      result.set(base.subarray(offset, offset + size), written);
    }
    written += size;
  }
  if (written !== result.length) {
    throw new KernelError("corrupt", "delta makes too few bytes");
  }
  return result;
}
