/**
 * Zlib streams of large contents, made in steps.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1950
 * @module
 */

import { Zlib } from "fflate";

/** Bytes of content between two steps. */
const STEP_BYTES = 64 * 1024;
/** Parts have so many bytes at most. */
const PART_BYTES = 64 * 1024;

/** The stream in parts; `undefined` where others could have a turn. */
export function* zlibPieces(
  content: Uint8Array,
): Generator<Uint8Array | undefined, void, void> {
  const made: Uint8Array[] = [];
  const stream = new Zlib({ level: 6 }, (part) => void made.push(part));
  for (let at = 0; at < content.length; at += STEP_BYTES) {
    const end = Math.min(at + STEP_BYTES, content.length);
    stream.push(content.subarray(at, end), end === content.length);
    for (const part of made.splice(0)) {
      for (let from = 0; from < part.length; from += PART_BYTES) {
        yield part.subarray(from, from + PART_BYTES);
      }
    }
    yield undefined;
  }
}
