import assert from "node:assert/strict";
import { concatBytes } from "../../../src/core/bytes.ts";
import { readAhead, takenAhead } from "../../../src/runtime/deno_read_ahead.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

/** A body of these pieces, each a view of a larger buffer; counts the taken. */
function bodyOf(
  pieces: readonly Uint8Array[],
  failure?: Error,
): { body: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[taken++];
      if (piece !== undefined) controller.enqueue(piece);
      else if (failure !== undefined) controller.error(failure);
      else controller.close();
    },
  }, { highWaterMark: 0 });
  return { body, taken: () => taken };
}

describe("a body that is taken ahead", () => {
  it("has the same bytes, however they come and are read", async () => {
    const random = seeded(0xaead);
    for (let round = 0; round < 20; round++) {
      const sizes = Array.from(
        { length: random.int(300) },
        () => 1 + random.int(round % 2 === 0 ? 9000 : 400_000 / 100),
      );
      const pieces = sizes.map((size) =>
        random.bytes(size + 10).subarray(5, size + 5)
      );
      const got: Uint8Array[] = [];
      for await (const piece of takenAhead(bodyOf(pieces).body)) {
        got.push(piece);
        if (random.int(3) === 0) await new Promise((r) => setTimeout(r));
      }
      assert.deepEqual(concatBytes(got), concatBytes(pieces));
    }
  });

  it("does not wait for its reader, and comes in larger pieces", async () => {
    const pieces = Array.from({ length: 1000 }, () => new Uint8Array(8200));
    const { body, taken } = bodyOf(pieces);
    const reader = takenAhead(body).getReader();
    while (taken() < 1001) await new Promise((resolve) => setTimeout(resolve));
    const { value } = await reader.read();
    assert.ok(value !== undefined && value.length >= 256 * 1024);
    assert.ok(value.length < 300 * 1024);
  });

  it("fails behind what came, and is given up where nobody reads", async () => {
    const { body } = bodyOf([new Uint8Array(3)], new Error("reset"));
    const reader = takenAhead(body).getReader();
    assert.equal((await reader.read()).value?.length, 3);
    await assert.rejects(reader.read(), /reset/);
    const cancelled = Promise.withResolvers<unknown>();
    const endless = new ReadableStream<Uint8Array>({
      cancel: (reason) => cancelled.resolve(reason),
    });
    await takenAhead(endless).cancel("gone");
    assert.equal(await cancelled.promise, "gone");
  });

  it("is left alone where it is small, or there is none", () => {
    const url = "http://localhost/";
    const get = new Request(url);
    assert.equal(readAhead(get), get);
    const headers = { "content-length": "4" };
    const small = new Request(url, { method: "POST", headers, body: "0000" });
    assert.equal(readAhead(small), small);
  });
});
