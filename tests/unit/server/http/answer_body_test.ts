import assert from "node:assert/strict";
import { AnswerBody } from "../../../../src/server/http/answer_body.ts";
import { describe, it } from "../../../support/test.ts";

const PIECE = new Uint8Array(32 * 1024).fill(65);

function answerBody(): { answer: AnswerBody; left: unknown[] } {
  const left: unknown[] = [];
  return { answer: new AnswerBody((reason) => left.push(reason)), left };
}

describe("the body of an answer", () => {
  it("is one piece with a length where it is small", async () => {
    const { answer } = answerBody();
    await answer.write(PIECE);
    assert.ok(answer.isHeld);
    answer.end();
    const response = await answer.response({ status: 201 });
    assert.equal(response.status, 201);
    assert.equal((await response.arrayBuffer()).byteLength, PIECE.length);
  });

  it("keeps what it was given, whatever becomes of the buffer", async () => {
    const { answer } = answerBody();
    const buffer = new Uint8Array([1, 2]);
    await answer.write(buffer);
    buffer.fill(9);
    answer.end();
    const response = await answer.response({});
    assert.deepEqual([...new Uint8Array(await response.arrayBuffer())], [1, 2]);
  });

  it("can become another answer as long as it is held", async () => {
    const { answer } = answerBody();
    await answer.write(PIECE);
    answer.fail(new Error("no"));
    await assert.rejects(answer.response({}), /^Error: no$/);
  });

  it("can become another answer however long only its head is there", async () => {
    const { setTimeout } = globalThis;
    // Whatever is waited for has passed at once.
    globalThis.setTimeout = ((pass: () => void) => pass()) as never;
    try {
      const answer = new AnswerBody(() => {}, PIECE);
      answer.fail(new Error("no"));
      await assert.rejects(answer.response({}), /^Error: no$/);
      const other = new AnswerBody(() => {}, PIECE);
      await other.write(PIECE);
      assert.ok(!other.isHeld);
      other.end();
      const { byteLength } = await (await other.response({})).arrayBuffer();
      assert.equal(byteLength, 2 * PIECE.length);
    } finally {
      globalThis.setTimeout = setTimeout;
    }
  });

  it("waits for a client that takes nothing", async () => {
    const { answer, left } = answerBody();
    let written = 0;
    let isWaiting = true;
    const writing = (async () => {
      while (isWaiting) {
        await answer.write(PIECE);
        written += PIECE.length;
      }
    })();
    const response = await answer.response({});
    // Whatever can still be written without the client, is.
    for (let turns = 0; turns < 1000; turns++) await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve));
    assert.ok(written <= 1024 * 1024, `${written} bytes were taken`);
    isWaiting = false;
    await response.body?.cancel("enough");
    assert.deepEqual(left, ["enough"]);
    await writing;
    await assert.rejects(answer.write(PIECE), /over/);
  });

  it("throws the reason of a signal that ends a wait", async () => {
    const { answer } = answerBody();
    const ending = new AbortController();
    const writing = (async () => {
      for (;;) await answer.write(PIECE, ending.signal);
    })();
    const outcome = assert.rejects(writing, /^Error: closing$/);
    const response = await answer.response({});
    ending.abort(new Error("closing"));
    await outcome;
    answer.fail(ending.signal.reason);
    await assert.rejects(response.arrayBuffer());
  });

  it("is taken once the last of it is out of here, and not before", async () => {
    const { answer } = answerBody();
    for (let i = 0; i < 3; i++) await answer.write(PIECE);
    const { body } = await answer.response({});
    answer.end();
    let isTaken = false;
    const taken = answer.taken().then(() => isTaken = true);
    const reader = body?.getReader();
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve));
      assert.ok(!isTaken, `taken after ${i} pieces`);
      assert.equal((await reader?.read())?.value?.length, PIECE.length);
    }
    assert.ok((await reader?.read())?.done);
    await taken;
  });

  it("is taken, too, where the client leaves or time is over", async () => {
    const full = async () => {
      const { answer } = answerBody();
      for (let i = 0; i < 3; i++) await answer.write(PIECE);
      const response = await answer.response({});
      answer.end();
      return { answer, response };
    };
    const left = await full();
    const taken = left.answer.taken();
    await left.response.body?.cancel();
    await taken;

    const late = await full();
    const ending = new AbortController();
    const rejected = assert.rejects(
      late.answer.taken(ending.signal),
      /^Error: late$/,
    );
    ending.abort(new Error("late"));
    await rejected;
    await assert.rejects(late.response.arrayBuffer(), /late/);

    // What is in one piece is not waited for.
    const { answer } = answerBody();
    await answer.write(PIECE);
    answer.end();
    await answer.taken();
  });

  it("is broken off where it fails on its way", async () => {
    const { answer } = answerBody();
    for (let i = 0; i < 3; i++) await answer.write(PIECE);
    const response = await answer.response({});
    answer.fail(new Error("no"));
    await assert.rejects(response.arrayBuffer());
  });
});
