/**
 * Raw deflate streams for zip archives, made in steps.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951
 * @module
 */

import { Deflate, deflateSync } from "fflate";

/** Levels of compression; what git calls -1 is 6 everywhere. */
export type DeflateLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** Up to so many bytes are compressed in one call. */
const SMALL_BYTES = 32 * 1024;
/** Bytes between two steps. */
const STEP_BYTES = 64 * 1024;

/** Compresses `data`; yields the stream in parts, some of them empty. */
export function* deflated(
  data: Uint8Array,
  level: DeflateLevel,
): Generator<Uint8Array, void, void> {
  if (data.length <= SMALL_BYTES) {
    yield deflateSync(data, { level });
    return;
  }
  const made: Uint8Array[] = [];
  const stream = new Deflate({ level }, (part) => void made.push(part));
  for (let at = 0; at < data.length; at += STEP_BYTES) {
    const end = Math.min(at + STEP_BYTES, data.length);
    stream.push(data.subarray(at, end), end === data.length);
    yield* made.splice(0);
    yield EMPTY;
  }
}

const EMPTY = new Uint8Array(0);
