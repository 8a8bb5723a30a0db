/**
 * SHA-1 in plain TypeScript.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3174
 * @module
 */

import { readUint32 } from "../../core/bytes.ts";
import { BlockHash } from "./block_hash.ts";

/** The chaining value at first: RFC 3174, 6.1. */
// deno-fmt-ignore
export const INITIAL: readonly number[] = [0x67452301, 0xefcdab89, 0x98badcfe,
  0x10325476, 0xc3d2e1f0];

/** The five words A to E between two steps. */
export type State = readonly [number, number, number, number, number];

/** Starts a SHA-1. */
export function sha1(): BlockHash {
  const words = new Int32Array(80);
  return new BlockHash(INITIAL, (chain, bytes, at) => {
    expand(words, bytes, at);
    let state = [...chain] as unknown as State;
    for (let i = 0; i < 80; i++) state = stepOn(state, i, words[i] as number);
    for (let i = 0; i < 5; i++) {
      chain[i] = (chain[i] as number) + (state[i] as number);
    }
  });
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Makes the 80 words of the block at `at`. */
export function expand(words: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++) words[i] = readUint32(bytes, at + i * 4);
  for (let i = 16; i < 80; i++) {
    words[i] = rotate(
      (words[i - 3] as number) ^ (words[i - 8] as number) ^
        (words[i - 14] as number) ^ (words[i - 16] as number),
      1,
    );
  }
}

/** The state after step `i` with its word. */
export function stepOn([a, b, c, d, e]: State, i: number, word: number): State {
  return [
    (rotate(a, 5) + mix(i, b, c, d) + e + constant(i) + word) | 0,
    a,
    rotate(b, 30),
    c,
    d,
  ];
}

/** The state before step `i`, which {@linkcode stepOn} made into this one. */
export function stepBack(after: State, i: number, word: number): State {
  const [next, a, rotated, c, d] = after;
  const b = rotate(rotated, 2);
  const e = next - rotate(a, 5) - mix(i, b, c, d) - constant(i) - word;
  return [a, b, c, d, e | 0];
}

// RFC 3174, 5: the functions f(t).
function mix(i: number, b: number, c: number, d: number): number {
  if (i < 20) return (b & c) | (~b & d);
  if (i < 40 || i >= 60) return b ^ c ^ d;
  return (b & c) | (b & d) | (c & d);
}

// RFC 3174, 5: the constants K(t).
function constant(i: number): number {
  if (i < 20) return 0x5a827999;
  if (i < 40) return 0x6ed9eba1;
  if (i < 60) return 0x8f1bbcdc;
  return 0xca62c1d6;
}
