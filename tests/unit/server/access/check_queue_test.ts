import assert from "node:assert/strict";
import { CheckQueue } from "../../../../src/server/access/check_queue.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

const WRONG = false;

/** A queue whose checks end when they are told to, in the order they began. */
function queueOf(waiting: number) {
  const begun: { readonly password: string; end(): void }[] = [];
  const queue = new CheckQueue((password) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    begun.push({ password, end: () => resolve(WRONG) });
    return promise;
  }, { running: 1, waiting });
  return { queue, begun };
}

async function endAll(
  begun: readonly { end(): void }[],
  all: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  void all.then(() => isOver = true);
  for (let i = 0; !isOver;) {
    for (; i < begun.length; i++) begun[i]?.end();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

describe("passwords that are checked", () => {
  it("come in turns from those who ask, however many one asks", async () => {
    const { queue, begun } = queueOf(8);
    const greedy = Array.from(
      { length: 20 },
      (_, i) => queue.check(`guess ${i}`, "", "evil"),
    );
    const alice = queue.check("alice's", "", "home");
    const bob = queue.check("bob's", "", "work");
    await endAll(begun, Promise.all([...greedy, alice, bob]));
    assert.deepEqual([await alice, await bob], [false, false]);
    const order = begun.map(({ password }) => password);
    assert.deepEqual(order.slice(0, 4), [
      "guess 0",
      "guess 1",
      "alice's",
      "bob's",
    ]);
    const answers = await Promise.all(greedy);
    assert.equal(answers.filter((answer) => answer === "busy").length, 13);
  });

  it("are bounded, and each is answered once, whoever asks", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const { queue, begun } = queueOf(5);
      const asked: Promise<boolean | "busy">[] = [];
      let ended = 0;
      for (let i = 0; i < 200; i++) {
        if (random.int(10) < 3 && ended < begun.length) begun[ended++]?.end();
        else asked.push(queue.check("x", "", `${random.int(4)}`));
        await Promise.resolve();
        assert.ok(begun.length - ended <= 1, `seed ${seed}`);
      }
      await endAll(begun, Promise.all(asked));
      const answers = await Promise.all(asked);
      const checked = answers.filter((answer) => answer === false).length;
      assert.equal(checked, begun.length, `seed ${seed}`);
    }
  });
});
