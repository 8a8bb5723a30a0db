/**
 * A zlib stream without compression: the definition of what a deflater must
 * give back when its output is inflated, and nothing cleverer.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
 * @module
 */

import { writeUint32 } from "../../core/bytes.ts";
import { adler32 } from "./adler32.ts";

const STORED_MAX = 0xffff;

/** One zlib stream of `data`, in stored blocks. */
export function deflate(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.max(1, Math.ceil(data.length / STORED_MAX));
  const stream = new Uint8Array(2 + blocks * 5 + data.length + 4);
  stream[0] = 0x78;
  stream[1] = 0x01;
  let at = 2;
  for (let block = 0; block < blocks; block++) {
    const start = block * STORED_MAX;
    const piece = data.subarray(start, start + STORED_MAX);
    stream[at] = block === blocks - 1 ? 1 : 0;
    stream[at + 1] = piece.length;
    stream[at + 2] = piece.length >>> 8;
    stream[at + 3] = ~piece.length;
    stream[at + 4] = ~piece.length >>> 8;
    stream.set(piece, at + 5);
    at += 5 + piece.length;
  }
  writeUint32(stream, at, adler32(data));
  return stream;
}
