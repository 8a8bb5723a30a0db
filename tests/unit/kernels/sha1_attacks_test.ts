/** What is known of attacks on SHA-1, and how wasm looks for it. @module */

import assert from "node:assert/strict";
import { readUint32, toHex } from "../../../src/core/bytes.ts";
import {
  attacks as attacksOf,
  CONDITIONS,
  possibleAttacks,
} from "../../../src/kernels/reference/sha1_attacks.ts";
import { expand } from "../../../src/kernels/reference/sha1.ts";
import { sha1dc } from "../../../src/kernels/reference/sha1dc.ts";
import { growTo, WasmFactory } from "../../../src/kernels/wasm/instance.ts";
import { sha1dcMaker } from "../../../src/kernels/wasm/sha1dc.ts";
import {
  SHAMBLES_1,
  SHATTERED_1,
  SHATTERED_2,
} from "../../support/collisions.ts";
import { seeded } from "../../support/random.ts";
import { test } from "../../support/test.ts";

const SEED = 20_260_214;
const BLOCK_BYTES = 64;
/** II(52,0) of the paper. */
const OF_SHATTERED = 27;

function wordsOf(block: Uint8Array): Int32Array {
  const words = new Int32Array(80);
  expand(words, block, 0);
  return words;
}

test("the differences of the 27th attack are those of the published files", () => {
  for (const block of [192, 256]) {
    const first = wordsOf(SHATTERED_1.subarray(block));
    const second = wordsOf(SHATTERED_2.subarray(block));
    const differences = first.map((word, i) => word ^ (second[i] as number));
    assert.deepEqual(differences, attacksOf()[OF_SHATTERED]?.differences);
  }
});

test("the differences of an attack are those of two expanded blocks", () => {
  for (const { differences } of attacksOf()) {
    const block = new Uint8Array(BLOCK_BYTES);
    const view = new DataView(block.buffer);
    for (let i = 0; i < 16; i++) view.setInt32(i * 4, differences[i] as number);
    assert.deepEqual(wordsOf(block), differences);
  }
});

test("every attack has conditions, and none that rule themselves out", () => {
  const relations = new Map<string, [equal: number, differ: number]>();
  for (
    const [word, bit, otherWord, otherBit, relation, attacks] of CONDITIONS
  ) {
    const key = [word, bit, otherWord, otherBit].join();
    const found = relations.get(key) ?? [0, 0];
    assert.equal((found[0] | found[1]) & attacks, 0, key);
    found[relation] |= attacks;
    relations.set(key, found);
  }
  for (let attack = 0; attack < attacksOf().length; attack++) {
    const own = CONDITIONS.filter(([, , , , , attacks]) =>
      (attacks & (1 << attack)) !== 0
    );
    assert.ok(own.length >= 7, `attack ${attack}: ${own.length} conditions`);
  }
});

test("the conditions leave the attack of each published block", () => {
  const blocks = [
    ...[192, 256].flatMap((
      at,
    ) => [SHATTERED_1.subarray(at), SHATTERED_2.subarray(at)]),
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => SHAMBLES_1.subarray(i * 64)),
  ];
  for (const block of blocks) {
    const mask = possibleAttacks(wordsOf(block));
    assert.notEqual(mask & (1 << OF_SHATTERED), 0, toHex(block.slice(0, 64)));
  }
});

test("looking for all attacks finds what looking for possible ones does", () => {
  const random = seeded(SEED);
  for (let round = 0; round < 40; round++) {
    const message = random.pick([SHATTERED_1, SHATTERED_2, SHAMBLES_1]).slice();
    if (round % 2 === 1) {
      message[random.int(message.length)] = random.int(256);
    }
    const verdicts = [sha1dc(), sha1dc(() => ~0)].map((hash) => {
      hash.update(message);
      try {
        return toHex(hash.digest());
      } catch (error) {
        return String(error);
      }
    });
    assert.equal(verdicts[0], verdicts[1], `seed ${SEED}, round ${round}`);
  }
});

test("wasm rules out the attacks that the reference rules out", () => {
  const wasm = new WasmFactory().make();
  const at = (wasm.heapStart() + 15) & ~15;
  growTo(wasm, at + BLOCK_BYTES);
  const memory = new Uint8Array(wasm.memory.buffer);
  const start = sha1dcMaker(wasm, { memory, at, length: BLOCK_BYTES });
  const random = seeded(SEED + 1);
  const seen = new Uint32Array(32);
  const rounds = 20_000;
  for (let round = 0; round < rounds; round++) {
    const block = random.bytes(BLOCK_BYTES);
    start().update(block);
    const mask = possibleAttacks(wordsOf(block));
    const hint = `seed ${SEED + 1}, round ${round}`;
    assert.equal(wasm.sha1Attacks(), mask, hint);
    seen.forEach((_, i) => seen[i] = (seen[i] as number) + ((mask >>> i) & 1));
  }
  // From one block in 128 to one in 16,384 passes, by the attack.
  assert.ok(seen.filter((count) => count > 0).length > 28, seen.join());
  const total = seen.reduce((sum, count) => sum + count, 0);
  assert.ok(total > rounds / 25 && total < rounds / 10, `${total} in all`);
});

test("the words of a block are the big-endian ones of its bytes", () => {
  const block = seeded(SEED + 2).bytes(BLOCK_BYTES);
  assert.equal(wordsOf(block)[3], readUint32(block, 12) | 0);
});
