/**
 * Answers that sessions share: made once, within a budget, and never for
 * another snapshot.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import {
  AnswerCache,
  type AnswerSource,
  sendAnswer,
} from "../../../src/service/answers.ts";
import type { Conversation } from "../../../src/service/conversation.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import type { Repository, Snapshot } from "../../../src/storage/types.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

function snapshot(): Snapshot {
  return { refs: {}, objects: {} } as unknown as Snapshot;
}

function repository(): Repository {
  return {} as Repository;
}

/** A source of the pieces, which counts how often it is begun. */
function sourceOf(...pieces: readonly string[]) {
  const made = { begun: 0, pieces: 0, isLasting: true };
  const source: AnswerSource = function* (desk) {
    made.begun++;
    desk.isLasting = made.isLasting;
    for (const piece of pieces) {
      assert.ok(desk.objects !== undefined);
      yield undefined;
      made.pieces++;
      yield fromBinary(piece);
    }
  };
  return { made, source };
}

/** A client that takes an answer, and can be held up before each piece. */
class Taker {
  taken = "";
  onWrite: () => Promise<void> | void = () => {};
  readonly conversation: Conversation;

  constructor(answers: AnswerCache | undefined, of: Repository) {
    this.conversation = {
      context: { answers, terms: GIT_TERMS },
      stored: of,
      writer: {
        sendRaw: async (bytes: Uint8Array) => {
          await this.onWrite();
          this.taken += toBinary(bytes);
        },
      },
      pacer: { due: false },
    } as unknown as Conversation;
  }

  take(at: Snapshot, key: string, source: AnswerSource): Promise<void> {
    return sendAnswer(this.conversation, at, key, source);
  }
}

describe("sendAnswer", () => {
  it("makes an answer once for all that ask the same", async () => {
    const cache = new AnswerCache(1e6);
    const [of, now] = [repository(), snapshot()];
    const { made, source } = sourceOf("one", "two");
    for (let i = 0; i < 3; i++) {
      const taker = new Taker(cache, of);
      await taker.take(now, "q", source);
      assert.equal(taker.taken, "onetwo");
    }
    assert.deepEqual(made, { begun: 1, pieces: 2, isLasting: true });
    await new Taker(cache, of).take(now, "other", source);
    assert.equal(made.begun, 2);
  });

  it("lets a second client take what a slow one has not", async () => {
    const cache = new AnswerCache(1e6);
    const [of, now] = [repository(), snapshot()];
    const { made, source } = sourceOf("a", "b", "c");
    const held = Promise.withResolvers<void>();
    const slow = new Taker(cache, of);
    slow.onWrite = () => held.promise;
    const first = slow.take(now, "q", source);
    const quick = new Taker(cache, of);
    await quick.take(now, "q", source);
    assert.equal(quick.taken, "abc");
    held.resolve();
    await first;
    assert.equal(slow.taken, "abc");
    assert.equal(made.begun, 1);
  });

  it("makes it anew once refs or objects are others", async () => {
    const cache = new AnswerCache(1e6);
    const of = repository();
    const first = snapshot();
    const { made, source } = sourceOf("a");
    await new Taker(cache, of).take(first, "q", source);
    for (const part of ["refs", "objects"]) {
      const next = { ...first, [part]: {} } as Snapshot;
      await new Taker(cache, of).take(next, "q", source);
    }
    await new Taker(cache, repository()).take(first, "q", source);
    assert.equal(made.begun, 4);
  });

  it("goes on alone where its answer was pushed out", async () => {
    const cache = new AnswerCache(1e6);
    const [of, now] = [repository(), snapshot()];
    const { made, source } = sourceOf("a", "b", "c");
    const taker = new Taker(cache, of);
    let writes = 0;
    taker.onWrite = async () => {
      // Before the second piece the refs change, and somebody asks.
      if (++writes !== 2) return;
      await new Taker(cache, of).take(snapshot(), "q", sourceOf("x").source);
    };
    await taker.take(now, "q", source);
    assert.equal(taker.taken, "abc");
    assert.equal(made.begun, 2);
  });

  it("keeps no answer that holds for a moment alone", async () => {
    const cache = new AnswerCache(1e6);
    const [of, now] = [repository(), snapshot()];
    const { made, source } = sourceOf("a", "b");
    made.isLasting = false;
    for (let i = 0; i < 2; i++) {
      const taker = new Taker(cache, of);
      await taker.take(now, "q", source);
      assert.equal(taker.taken, "ab");
    }
    assert.equal(made.pieces, 4);
    assert.ok(cache.bytes < 2000);
  });

  it("keeps no answer over its budget, but sends it", async () => {
    const cache = new AnswerCache(5000);
    const [of, now] = [repository(), snapshot()];
    const { source } = sourceOf("a".repeat(3000), "b".repeat(3000), "c");
    for (let i = 0; i < 2; i++) {
      const taker = new Taker(cache, of);
      await taker.take(now, "q", source);
      assert.equal(taker.taken.length, 6001);
      assert.ok(cache.bytes < 2000, `${cache.bytes} bytes`);
    }
  });

  it("tells each client of an error, and tries again", async () => {
    const cache = new AnswerCache(1e6);
    const [of, now] = [repository(), snapshot()];
    let fails = true;
    const source: AnswerSource = function* () {
      yield fromBinary("a");
      if (fails) throw new RangeError("broken");
    };
    await assert.rejects(new Taker(cache, of).take(now, "q", source));
    fails = false;
    const taker = new Taker(cache, of);
    await taker.take(now, "q", source);
    assert.equal(taker.taken, "a");
  });

  it("shares nothing without a cache, or with one of no bytes", async () => {
    for (const cache of [undefined, new AnswerCache(0)]) {
      const [of, now] = [repository(), snapshot()];
      const { made, source } = sourceOf("a");
      await new Taker(cache, of).take(now, "q", source);
      await new Taker(cache, of).take(now, "q", source);
      assert.equal(made.begun, 2);
    }
  });

  it("stays within its budget, whoever asks for what", async () => {
    const seed = 77;
    const random = seeded(seed);
    const budget = 60_000;
    const cache = new AnswerCache(budget);
    const all = Array.from(
      { length: 5 },
      () => ({ of: repository(), now: snapshot() }),
    );
    for (let round = 0; round < 400; round++) {
      const label = `seed ${seed}, round ${round}`;
      const chosen = random.pick(all);
      if (random.int(10) === 0) chosen.now = snapshot();
      const size = random.int(9000);
      const pieces = ["a", "b", "c"].map((each) => each.repeat(size));
      const takers = Array.from({ length: 3 }, () => {
        const taker = new Taker(cache, chosen.of);
        taker.onWrite = async () => {
          for (let n = random.int(4); n > 0; n--) await Promise.resolve();
          assert.ok(cache.bytes <= budget, `${label}: ${cache.bytes}`);
        };
        return taker;
      });
      const { source } = sourceOf(...pieces);
      const key = `${size}`;
      await Promise.all(takers.map((one) => one.take(chosen.now, key, source)));
      for (const { taken } of takers) {
        assert.equal(taken, pieces.join(""), label);
      }
    }
  });
});
