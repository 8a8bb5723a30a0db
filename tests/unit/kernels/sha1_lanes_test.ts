import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { toHex } from "../../../src/core/bytes.ts";
import { growTo, WasmFactory } from "../../../src/kernels/wasm/instance.ts";
import { writeAttackTables } from "../../../src/kernels/wasm/sha1dc.ts";
import {
  SHAMBLES_1,
  SHATTERED_1,
  SHATTERED_2,
} from "../../support/collisions.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const wasm = new WasmFactory().make();
const JOBS = (wasm.heapStart() + 63) & ~63;
const DIGESTS = JOBS + 4096;
const DATA = DIGESTS + 4096;
growTo(wasm, DATA + 4 * 1024 * 1024);
writeAttackTables(wasm);
const memory = new Uint8Array(wasm.memory.buffer);
const words = new Uint32Array(wasm.memory.buffer);

/** The digests of messages hashed in lanes, and which are attacked. */
function hashMany(messages: readonly Uint8Array[]): [string, boolean][] {
  let at = DATA;
  messages.forEach((message, i) => {
    memory.set(message, at);
    words.set([at, message.length, DIGESTS + i * 20, 7], JOBS / 4 + i * 4);
    at += message.length + 3;
  });
  wasm.sha1Many(JOBS, messages.length);
  return messages.map((_, i) => [
    toHex(memory, DIGESTS + i * 20, DIGESTS + i * 20 + 20),
    words[JOBS / 4 + i * 4 + 3] === 1,
  ]);
}

function sha1(message: Uint8Array): string {
  return createHash("sha1").update(message).digest("hex");
}

describe("SHA-1 in lanes", () => {
  it("hashes any number of messages of any lengths", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const most = random.pick([70, 200, 5000]);
      const messages = Array.from(
        { length: random.int(15) },
        () => random.bytes(random.int(most)),
      );
      assert.deepEqual(
        hashMany(messages),
        messages.map((message) => [sha1(message), false]),
        `seed ${seed}`,
      );
    }
  });

  it("hashes messages around the ends of blocks", () => {
    for (let length = 0; length < 140; length++) {
      const message = seeded(length).bytes(length);
      assert.deepEqual(hashMany([message]), [[sha1(message), false]]);
    }
  });

  it("notices collisions in every lane, and among others", () => {
    const halves = [SHATTERED_1, SHATTERED_2, SHAMBLES_1];
    const plain = seeded(4).bytes(2000);
    for (const half of halves) {
      assert.deepEqual(hashMany([half]), [[sha1(half), true]]);
      for (let lane = 0; lane < 4; lane++) {
        const messages: Uint8Array[] = [plain, plain, plain, plain, plain];
        messages[lane] = half;
        assert.deepEqual(
          hashMany(messages),
          messages.map((message) => [sha1(message), message === half]),
        );
      }
    }
    assert.deepEqual(
      hashMany([...halves, plain, ...halves]).map(([, attacked]) => attacked),
      [true, true, true, false, true, true, true],
    );
  });
});
