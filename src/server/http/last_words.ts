/**
 * Whether a client that reads an answer to its end learns that it failed.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";

/** Bytes of a packet's length. */
const LENGTH_BYTES = 4;
/** The band of errors. */
const ERROR_BAND = "\x03";

/**
 * Whether `written`, which begins with a packet, ends with a reason: an `ERR`
 * packet, or something on band 3, and at most a flush behind it.
 */
export function saysWhy(written: Uint8Array): boolean {
  let isReason = false;
  for (let at = 0; at < written.length;) {
    const head = toBinary(written.subarray(at, at + LENGTH_BYTES));
    if (!/^[0-9a-f]{4}$/i.test(head)) return false;
    const length = parseInt(head, 16);
    if (length < LENGTH_BYTES) {
      at += LENGTH_BYTES;
      continue;
    }
    const start = at + LENGTH_BYTES;
    at += length;
    if (at > written.length) return false;
    const text = toBinary(written.subarray(start, Math.min(at, start + 4)));
    isReason = text === "ERR " || text.startsWith(ERROR_BAND);
  }
  return isReason;
}
