/**
 * The wasm SHA-1 with collision detection: fills its tables, and lends its one
 * place for a hash in progress to any number of them in turn.
 *
 * @module
 */

import {
  attacks as attacksOf,
  type Condition,
  CONDITIONS,
} from "../reference/sha1_attacks.ts";
import { collisionError } from "../reference/sha1dc.ts";
import type { Hash } from "../types.ts";
import type { WasmExports } from "./instance.ts";

// The layout of assembly/sha1dc.ts, in words.
const ATTACK_WORDS = 3;
const ATTACKS = 32;
const DIFFERENCES_AT = ATTACKS * ATTACK_WORDS;
const FOURS_AT = DIFFERENCES_AT + ATTACKS * 80;
const CONDITIONS_AT = FOURS_AT + 64 * 4;
const DIGEST_BYTES = 20;

/** Memory that is free between two calls. */
export interface Scratch {
  /** The whole memory of the module. */
  readonly memory: Uint8Array;
  /** Where the free part starts. */
  readonly at: number;
  /** How many bytes it has. */
  readonly length: number;
}

/** Makes hashes over one instance, whose memory must not grow any more. */
export function sha1dcMaker(wasm: WasmExports, scratch: Scratch): () => Hash {
  const { memory, at: input, length: room } = scratch;
  const context = wasm.sha1Context();
  const contextBytes = wasm.sha1ContextBytes();
  writeAttackTables(wasm);
  /** Whose hash lies in the module now. */
  let owner: WasmHash | undefined;

  class WasmHash implements Hash {
    #saved: Uint8Array | undefined;

    constructor() {
      owner?.leave();
      wasm.sha1Start();
    }

    /** Makes room for another hash. */
    leave(): void {
      this.#saved = memory.slice(context, context + contextBytes);
    }

    #enter(): void {
      if (owner === this) return;
      owner?.leave();
      if (this.#saved !== undefined) memory.set(this.#saved, context);
      owner = this;
    }

    update(bytes: Uint8Array): void {
      this.#enter();
      for (let at = 0; at < bytes.length; at += room) {
        const some = bytes.length <= room
          ? bytes
          : bytes.subarray(at, at + room);
        memory.set(some, input);
        wasm.sha1Update(input, some.length);
      }
    }

    digest(): Uint8Array<ArrayBuffer> {
      this.#enter();
      const isAttack = wasm.sha1Finish(input) !== 0;
      owner = undefined;
      const digest = memory.slice(input, input + DIGEST_BYTES);
      if (isAttack) throw collisionError(digest);
      return digest;
    }
  }

  return () => {
    const hash = new WasmHash();
    owner = hash;
    return hash;
  };
}

/**
 * Conditions that the module looks at four at a time: those between the same
 * bits of the words from `word` and `otherWord` on. The rows stand in
 * assembly/sha1dc.ts as well.
 */
// deno-fmt-ignore
export const FOURS: readonly Four[] = [
  [42, 4, 45, 29, 0], [52, 29, 53, 29, 0], [39, 1, 40, 6, 1],
  [38, 4, 41, 29, 0], [44, 6, 46, 6, 0], [48, 4, 51, 29, 0], [39, 6, 40, 1, 0],
  [42, 29, 43, 29, 0], [45, 6, 46, 1, 0], [35, 1, 36, 6, 1], [36, 4, 38, 4, 1],
  [52, 4, 55, 29, 0], [44, 29, 46, 29, 1], [53, 6, 54, 1, 0], [61, 2, 62, 7, 1],
  [50, 29, 51, 29, 0], [49, 6, 50, 1, 0], [51, 6, 53, 6, 0], [36, 4, 40, 29, 0],
  [40, 6, 42, 6, 0], [50, 1, 54, 1, 1], [60, 0, 61, 5, 1], [47, 6, 49, 6, 0],
  [56, 29, 57, 29, 0],
];

type Four = readonly [
  word: number,
  bit: number,
  otherWord: number,
  otherBit: number,
  relation: Condition[4],
];

/** Fills the tables that the SHA-1 of an instance needs. */
export function writeAttackTables(wasm: WasmExports): void {
  const tables = new Int32Array(wasm.memory.buffer, wasm.sha1Tables());
  const rest = new Map(
    CONDITIONS.map((condition) =>
      [condition.slice(0, 5).join(), condition] as const
    ),
  );
  FOURS.forEach(([word, bit, otherWord, otherBit, relation], row) => {
    for (let lane = 0; lane < 4; lane++) {
      const shifted = [word + lane, bit, otherWord + lane, otherBit, relation];
      const key = shifted.join();
      tables[FOURS_AT + row * 4 + lane] = rest.get(key)?.[5] ?? 0;
      rest.delete(key);
    }
  });
  let next = 0;
  attacksOf().forEach((attack, number) => {
    const first = next;
    for (const condition of rest.values()) {
      const [word, bit, otherWord, otherBit, relation, attacks] = condition;
      if ((attacks & (1 << number)) === 0) continue;
      tables[CONDITIONS_AT + next++] = word | (bit << 7) | (otherWord << 12) |
        (otherBit << 19) | (relation << 24);
    }
    const entry = number * ATTACK_WORDS;
    tables[entry] = attack.step;
    tables[entry + 1] = next - first;
    tables[entry + 2] = first;
    tables.set(attack.differences, DIFFERENCES_AT + number * 80);
  });
}
