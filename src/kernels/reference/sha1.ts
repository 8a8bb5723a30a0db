/**
 * SHA-1 in plain TypeScript.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3174
 * @module
 */

import { readUint32 } from "../../core/bytes.ts";
import { BlockHash } from "./block_hash.ts";

// RFC 3174, 6.1.
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

/** Starts a SHA-1. */
export function sha1(): BlockHash {
  const words = new Int32Array(80);
  return new BlockHash(
    INITIAL,
    (state, bytes, at) => compress(state, bytes, at, words),
  );
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function compress(
  state: Uint32Array,
  bytes: Uint8Array,
  at: number,
  words: Int32Array,
): void {
  for (let i = 0; i < 16; i++) words[i] = readUint32(bytes, at + i * 4);
  for (let i = 16; i < 80; i++) {
    words[i] = rotate(
      (words[i - 3] as number) ^ (words[i - 8] as number) ^
        (words[i - 14] as number) ^ (words[i - 16] as number),
      1,
    );
  }
  let [a, b, c, d, e] = state as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (let i = 0; i < 80; i++) {
    const [mix, constant] = round(i, b, c, d);
    const next = (rotate(a, 5) + mix + e + constant + (words[i] as number)) | 0;
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  const mixed = [a, b, c, d, e];
  for (let i = 0; i < 5; i++) {
    state[i] = (state[i] as number) + (mixed[i] as number);
  }
}

// RFC 3174, 5: the functions f(t) and the constants K(t).
function round(i: number, b: number, c: number, d: number): [number, number] {
  if (i < 20) return [(b & c) | (~b & d), 0x5a827999];
  if (i < 40) return [b ^ c ^ d, 0x6ed9eba1];
  if (i < 60) return [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
  return [b ^ c ^ d, 0xca62c1d6];
}
