/**
 * SHA-1 that notices when a block was made to collide: counter-cryptanalysis
 * as Marc Stevens found it, and as git hashes objects.
 *
 * For each known attack that a block's words do not rule out, the block's twin
 * is made and run backwards and forwards from a step at which both would have
 * had the same state. If the twin ends with the same chaining value, the block
 * is one half of a collision, whatever message the other half stands in.
 *
 * @see https://marc-stevens.nl/research/papers/C13-S.pdf
 * @module
 */

import { toHex } from "../../core/bytes.ts";
import { type Hash, KernelError } from "../types.ts";
import { BlockHash } from "./block_hash.ts";
import { expand, INITIAL, type State, stepBack, stepOn } from "./sha1.ts";
import { type Attack, attacks, possibleAttacks } from "./sha1_attacks.ts";

/** The error that says what git dies of. */
export function collisionError(digest: Uint8Array): KernelError {
  return new KernelError(
    "collision",
    `SHA-1 appears to be part of a collision attack: ${toHex(digest)}`,
  );
}

/**
 * Starts a SHA-1 whose `digest` throws KernelError "collision" where the
 * message is half of one. `choose` gives the attacks to look for in a block,
 * by its words, as a mask of bits.
 */
export function sha1dc(
  choose: (words: Int32Array) => number = possibleAttacks,
): Hash {
  const words = new Int32Array(80);
  let isAttack = false;
  const hash = new BlockHash(INITIAL, (chain, bytes, at) => {
    expand(words, bytes, at);
    const before: State[] = [];
    let state = [...chain] as unknown as State;
    for (let i = 0; i < 80; i++) {
      before.push(state);
      state = stepOn(state, i, words[i] as number);
    }
    for (let i = 0; i < 5; i++) {
      chain[i] = (chain[i] as number) + (state[i] as number);
    }
    const mask = choose(words);
    if (mask === 0) return;
    attacks().forEach((attack, number) => {
      if ((mask & (1 << number)) === 0) return;
      const twin = twinOf(attack, words, before[attack.step] as State);
      isAttack ||= twin.every((word, i) => word === chain[i]);
    });
  });
  return {
    update: (bytes) => hash.update(bytes),
    digest(): Uint8Array<ArrayBuffer> {
      const digest = hash.digest();
      if (isAttack) throw collisionError(digest);
      return digest;
    },
  };
}

/** The chaining value after the twin of a block, as unsigned words. */
function twinOf(
  { differences, step }: Attack,
  words: Int32Array,
  middle: State,
): number[] {
  const twin = words.map((word, i) => word ^ (differences[i] as number));
  let start = middle;
  for (let i = step - 1; i >= 0; i--) {
    start = stepBack(start, i, twin[i] as number);
  }
  let end = middle;
  for (let i = step; i < 80; i++) end = stepOn(end, i, twin[i] as number);
  return start.map((word, i) => (word + (end[i] as number)) >>> 0);
}
