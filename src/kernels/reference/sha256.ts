/**
 * SHA-256 in plain TypeScript.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6234
 * @module
 */

import { readUint32 } from "../../core/bytes.ts";
import { once } from "../../core/once.ts";
import { BlockHash } from "./block_hash.ts";

// RFC 6234, 6.1: fractional parts of the square roots of the first primes.
// deno-fmt-ignore
const INITIAL = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
  0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

// RFC 6234, 5.1: fractional parts of the cube roots of the first 64 primes.
const roundsOf: () => Int32Array = once(roundConstants);

function roundConstants(): Int32Array {
  const constants = new Int32Array(64);
  let count = 0;
  for (let candidate = 2; count < 64; candidate++) {
    let prime = true;
    for (let factor = 2; factor * factor <= candidate; factor++) {
      if (candidate % factor === 0) prime = false;
    }
    if (prime) constants[count++] = cubeRootFraction(candidate);
  }
  return constants;
}

/** The first 32 fractional bits of a cube root, by exact integers. */
function cubeRootFraction(value: number): number {
  const target = BigInt(value) << 96n;
  let low = 0n;
  let high = 1n << 36n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle * middle * middle <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn) | 0;
}

/** Starts a SHA-256. */
export function sha256(): BlockHash {
  const words = new Int32Array(64);
  return new BlockHash(
    INITIAL,
    (state, bytes, at) => compress(state, bytes, at, words),
  );
}

function rotate(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function expand(words: Int32Array, i: number): number {
  const early = words[i - 15] as number;
  const late = words[i - 2] as number;
  const small0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
  const small1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
  return ((words[i - 16] as number) + small0 + (words[i - 7] as number) +
    small1) | 0;
}

function compress(
  state: Uint32Array,
  bytes: Uint8Array,
  at: number,
  words: Int32Array,
): void {
  for (let i = 0; i < 16; i++) words[i] = readUint32(bytes, at + i * 4);
  for (let i = 16; i < 64; i++) words[i] = expand(words, i);
  const mixed = Int32Array.from(state);
  const rounds = roundsOf();
  for (let i = 0; i < 64; i++) {
    const [a, b, c, , e, f, g, h] = mixed as unknown as number[] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const first = (h + big1 + choice + (rounds[i] as number) +
      (words[i] as number)) | 0;
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    mixed.copyWithin(1, 0, 7);
    mixed[4] = (mixed[4] as number) + first;
    mixed[0] = first + big0 + majority;
  }
  for (let i = 0; i < 8; i++) {
    state[i] = (state[i] as number) + (mixed[i] as number);
  }
}
