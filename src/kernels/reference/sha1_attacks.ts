/**
 * What the known attacks on SHA-1 look like: the 32 disturbance vectors that
 * are worth an attacker's work, the differences that each makes between the
 * words of two colliding blocks, and conditions on one block's words that hold
 * in every block of such an attack.
 *
 * Facts from Stevens and Shumow, "Speeding up detection of SHA-1 collision
 * attacks using unavoidable attack conditions" (2017), numbered as git's
 * sha1dc numbers them. The differences are not listed but computed.
 *
 * @see https://eprint.iacr.org/2017/173
 * @module
 */

import { once } from "../../core/once.ts";

/** Type I or II, and the place K and the bit B that tell one of a type. */
type Vector = readonly [type: "I" | "II", place: number, bit: number];

// deno-fmt-ignore
const VECTORS: readonly Vector[] = [
  ["I", 43, 0], ["I", 44, 0], ["I", 45, 0], ["I", 46, 0], ["I", 46, 2],
  ["I", 47, 0], ["I", 47, 2], ["I", 48, 0], ["I", 48, 2], ["I", 49, 0],
  ["I", 49, 2], ["I", 50, 0], ["I", 50, 2], ["I", 51, 0], ["I", 51, 2],
  ["I", 52, 0], ["II", 45, 0], ["II", 46, 0], ["II", 46, 2], ["II", 47, 0],
  ["II", 48, 0], ["II", 49, 0], ["II", 49, 2], ["II", 50, 0], ["II", 50, 2],
  ["II", 51, 0], ["II", 51, 2], ["II", 52, 0], ["II", 53, 0], ["II", 54, 0],
  ["II", 55, 0], ["II", 56, 0],
];

/** One way to attack a block. */
export interface Attack {
  /** The words of the block's twin, each xored with its own. */
  readonly differences: Int32Array;
  /** A step, 58 or 65, before which both blocks have the same state. */
  readonly step: number;
}

/** The attacks by the numbers that masks of bits speak of: 0 to 31. */
export const attacks: () => readonly Attack[] = once(() =>
  VECTORS.map((vector) => ({
    differences: differencesOf(vector),
    step: vector[1] < 50 ? 58 : 65,
  }))
);

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/**
 * A vector has 16 words that define it, from its place on: all 0 but the last,
 * and in type II two more. The recurrence of SHA-1's words gives the others in
 * both directions. Each of its bits starts a local collision, which touches
 * six words.
 */
function differencesOf([type, place, bit]: Vector): Int32Array {
  const lead = 5;
  const words = new Int32Array(lead + 80);
  const at = lead + place;
  words[at + 15] = 1 << bit;
  if (type === "II") {
    words[at + 1] = rotate(1, (bit + 31) & 31);
    words[at + 3] = words[at + 1] as number;
  }
  const word = (index: number): number => words[index] as number;
  for (let i = at + 16; i < words.length; i++) {
    words[i] = rotate(
      word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16),
      1,
    );
  }
  for (let i = at - 1; i >= 0; i--) {
    words[i] = rotate(word(i + 16), 31) ^ word(i + 13) ^ word(i + 8) ^
      word(i + 2);
  }
  return Int32Array.from({ length: 80 }, (_, step) => {
    const i = step + lead;
    return word(i) ^ rotate(word(i - 1), 5) ^ word(i - 2) ^
      rotate(word(i - 3) ^ word(i - 4) ^ word(i - 5), 30);
  });
}

const EQUAL = 0;
const DIFFER = 1;

/**
 * Two bits of a block's expanded words that are equal, or differ, in every
 * block of the attacks in `attacks`, a mask of bits.
 */
export type Condition = readonly [
  word: number,
  bit: number,
  otherWord: number,
  otherBit: number,
  relation: typeof EQUAL | typeof DIFFER,
  attacks: number,
];

/** All conditions; each rules out the most attacks that those before left. */
export const CONDITIONS: readonly Condition[] = [
  [45, 4, 48, 29, EQUAL, 0x20202224],
  [44, 4, 47, 29, EQUAL, 0x1010088a],
  [45, 29, 46, 29, EQUAL, 0x0a0a8200],
  [41, 4, 44, 29, EQUAL, 0x00812025],
  [40, 29, 41, 29, EQUAL, 0x800a00a2],
  [45, 6, 47, 6, EQUAL, 0x00004440],
  [44, 6, 46, 6, EQUAL, 0x00001110],
  [53, 29, 54, 29, EQUAL, 0x60220800],
  [41, 1, 42, 6, DIFFER, 0x04040100],
  [42, 4, 45, 29, EQUAL, 0x0202808a],
  [54, 29, 55, 29, EQUAL, 0xc0882000],
  [52, 29, 53, 29, EQUAL, 0x30110200],
  [40, 1, 41, 6, DIFFER, 0x01004040],
  [39, 1, 40, 6, DIFFER, 0x00401010],
  [43, 4, 46, 29, EQUAL, 0x08080225],
  [43, 29, 44, 29, EQUAL, 0x00a12820],
  [55, 29, 56, 29, EQUAL, 0x82108000],
  [36, 1, 37, 6, DIFFER, 0x00041040],
  [37, 4, 40, 29, EQUAL, 0x50020021],
  [40, 4, 43, 29, EQUAL, 0x8020080a],
  [47, 6, 49, 6, EQUAL, 0x00004400],
  [46, 6, 47, 1, EQUAL, 0x01000010],
  [42, 6, 43, 1, EQUAL, 0x04040000],
  [44, 1, 45, 6, DIFFER, 0x00404000],
  [48, 4, 51, 29, EQUAL, 0x08028880],
  [39, 4, 42, 29, EQUAL, 0x40100205],
  [49, 4, 52, 29, EQUAL, 0x10092200],
  [47, 6, 48, 1, EQUAL, 0x04000040],
  [46, 6, 48, 6, EQUAL, 0x00001100],
  [35, 1, 36, 6, DIFFER, 0x00000410],
  [50, 29, 51, 29, EQUAL, 0x8a020020],
  [38, 4, 41, 29, EQUAL, 0xa0080082],
  [41, 6, 42, 1, EQUAL, 0x01004000],
  [40, 6, 41, 1, EQUAL, 0x00401000],
  [42, 29, 43, 29, EQUAL, 0x00300a08],
  [52, 4, 55, 29, EQUAL, 0x80908000],
  [39, 4, 41, 4, DIFFER, 0x40000005],
  [61, 2, 62, 7, DIFFER, 0x00040010],
  [43, 6, 45, 6, EQUAL, 0x00000440],
  [51, 29, 52, 29, EQUAL, 0x18080080],
  [42, 6, 44, 6, EQUAL, 0x00000110],
  [36, 4, 40, 29, EQUAL, 0x00110208],
  [50, 4, 53, 29, EQUAL, 0x20128800],
  [53, 6, 54, 1, EQUAL, 0x00400000],
  [54, 6, 55, 1, EQUAL, 0x01000000],
  [55, 6, 56, 1, EQUAL, 0x04000000],
  [51, 4, 54, 29, EQUAL, 0x40282000],
  [58, 29, 59, 29, EQUAL, 0x22000000],
  [57, 29, 58, 29, EQUAL, 0x10800000],
  [50, 6, 51, 1, EQUAL, 0x00041000],
  [37, 1, 38, 6, DIFFER, 0x00004100],
  [45, 29, 47, 29, DIFFER, 0x0000008a],
  [44, 29, 46, 29, DIFFER, 0x00000025],
  [56, 29, 59, 29, DIFFER, 0x0a000000],
  [49, 6, 50, 1, EQUAL, 0x00000400],
  [51, 6, 53, 6, EQUAL, 0x00400000],
  [52, 6, 54, 6, EQUAL, 0x01000000],
  [53, 6, 55, 6, EQUAL, 0x04000000],
  [50, 29, 52, 29, DIFFER, 0x00012200],
  [37, 4, 39, 4, DIFFER, 0x50000001],
  [54, 4, 57, 29, EQUAL, 0x08800000],
  [48, 6, 50, 6, EQUAL, 0x00041000],
  [40, 4, 42, 4, DIFFER, 0x8000000a],
  [53, 29, 56, 29, DIFFER, 0x00308000],
  [41, 29, 42, 29, EQUAL, 0x00180284],
  [62, 2, 63, 7, DIFFER, 0x00000040],
  [63, 2, 64, 7, DIFFER, 0x00000100],
  [42, 1, 50, 1, DIFFER, 0x00000400],
  [50, 1, 54, 1, DIFFER, 0x00400000],
  [51, 1, 55, 1, DIFFER, 0x01000000],
  [52, 1, 56, 1, DIFFER, 0x04000000],
  [38, 4, 40, 4, DIFFER, 0xa0000002],
  [63, 1, 64, 6, DIFFER, 0x00010004],
  [55, 4, 58, 29, EQUAL, 0x12000000],
  [38, 4, 42, 29, EQUAL, 0x00802000],
  [49, 29, 51, 29, DIFFER, 0x00008880],
  [56, 4, 59, 29, EQUAL, 0x28000000],
  [53, 4, 56, 29, EQUAL, 0x02200000],
  [40, 6, 42, 6, EQUAL, 0x00000010],
  [47, 1, 51, 1, DIFFER, 0x00040000],
  [41, 6, 43, 6, EQUAL, 0x00000040],
  [48, 6, 49, 1, EQUAL, 0x00000100],
  [39, 6, 40, 1, EQUAL, 0x00000400],
  [51, 6, 52, 1, EQUAL, 0x00004000],
  [45, 6, 46, 1, EQUAL, 0x00400000],
  [45, 1, 47, 1, DIFFER, 0x01000000],
  [46, 1, 48, 1, DIFFER, 0x04000000],
  [47, 29, 49, 29, DIFFER, 0x00000888],
  [60, 0, 61, 5, DIFFER, 0x00010004],
  [48, 29, 50, 29, DIFFER, 0x00002220],
  [51, 29, 54, 29, DIFFER, 0x000a0800],
  [56, 29, 57, 29, EQUAL, 0x08200000],
  [39, 4, 43, 29, EQUAL, 0x02008000],
  [43, 1, 51, 1, DIFFER, 0x00001000],
  [61, 1, 62, 6, DIFFER, 0x00000001],
  [38, 1, 40, 1, DIFFER, 0x00000400],
  [49, 6, 51, 6, EQUAL, 0x00004000],
  [37, 5, 41, 30, EQUAL, 0x00400000],
  [55, 29, 58, 29, DIFFER, 0x00800000],
  [38, 5, 42, 30, EQUAL, 0x01000000],
  [39, 5, 43, 30, EQUAL, 0x04000000],
  [59, 4, 63, 29, EQUAL, 0x40000000],
  [61, 0, 62, 5, DIFFER, 0x00020008],
  [36, 4, 38, 4, DIFFER, 0x28000000],
  [46, 29, 48, 29, DIFFER, 0x00000224],
  [48, 29, 55, 29, DIFFER, 0x0000a000],
  [59, 5, 63, 30, EQUAL, 0x00000001],
  [62, 1, 63, 6, DIFFER, 0x00000002],
  [37, 1, 37, 6, EQUAL, 0x00004000],
  [36, 0, 41, 30, DIFFER, 0x00400000],
  [38, 3, 42, 28, EQUAL, 0x00800000],
  [37, 0, 42, 30, DIFFER, 0x01000000],
  [38, 0, 43, 30, DIFFER, 0x04000000],
  [58, 29, 61, 29, DIFFER, 0x10000000],
  [57, 4, 59, 29, EQUAL, 0x40000000],
  [35, 4, 39, 29, EQUAL, 0x00080084],
  [37, 4, 41, 29, EQUAL, 0x00200800],
  [58, 0, 63, 30, DIFFER, 0x00000001],
  [60, 5, 64, 30, EQUAL, 0x00000002],
  [35, 5, 39, 30, EQUAL, 0x00004000],
  [37, 30, 42, 28, DIFFER, 0x00800000],
  [39, 3, 43, 28, EQUAL, 0x02000000],
  [57, 4, 61, 29, EQUAL, 0x10000000],
  [58, 4, 62, 29, EQUAL, 0x20000000],
  [43, 3, 47, 28, EQUAL, 0x40000000],
  [60, 4, 64, 29, EQUAL, 0x80000000],
  [63, 0, 64, 5, DIFFER, 0x00100080],
  [62, 0, 63, 5, DIFFER, 0x00080020],
  [35, 3, 39, 28, EQUAL, 0x00082000],
  [38, 4, 39, 4, DIFFER, 0x00008000],
  [59, 0, 64, 30, DIFFER, 0x00000002],
  [37, 3, 41, 28, EQUAL, 0x00200000],
  [38, 30, 43, 28, DIFFER, 0x02000000],
  [59, 29, 60, 29, EQUAL, 0x08000000],
  [41, 3, 45, 28, EQUAL, 0x10000000],
  [42, 3, 46, 28, EQUAL, 0x20000000],
  [43, 4, 47, 29, EQUAL, 0x40000000],
  [44, 3, 48, 28, EQUAL, 0x80000000],
  [36, 4, 37, 4, DIFFER, 0x00000800],
  [37, 4, 38, 4, DIFFER, 0x00002000],
  [36, 3, 40, 28, EQUAL, 0x00100000],
  [36, 30, 41, 28, DIFFER, 0x00200000],
  [40, 3, 44, 28, EQUAL, 0x08000000],
  [41, 4, 45, 29, EQUAL, 0x10000000],
  [42, 4, 46, 29, EQUAL, 0x20000000],
  [44, 4, 48, 29, EQUAL, 0x80000000],
  [35, 30, 40, 28, DIFFER, 0x00100000],
  [40, 4, 44, 29, EQUAL, 0x08000000],
  [39, 30, 44, 28, DIFFER, 0x08000000],
];

/** The attacks, as a mask of bits, that a block's 80 words do not rule out. */
export function possibleAttacks(words: Int32Array): number {
  let mask = ~0;
  for (
    const [word, bit, otherWord, otherBit, relation, attacks] of CONDITIONS
  ) {
    const first = (words[word] as number) >>> bit;
    const second = (words[otherWord] as number) >>> otherBit;
    if (((first ^ second) & 1) !== relation) mask &= ~attacks;
  }
  return mask;
}
