/**
 * Answers that are files: what is told comes first, and the body is as long as
 * was told, or broken off.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AnswerBody } from "../../../../src/server/http/answer_body.ts";
import { FactsConnection } from "../../../../src/server/http/facts_connection.ts";
import { UNKNOWN_PEER } from "../../../../src/server/http/handler.ts";
import { describe, it } from "../../../support/test.ts";

const encoder = new TextEncoder();

function told(facts: unknown): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(facts);
  const length = (text.length + 4).toString(16).padStart(4, "0");
  return encoder.encode(length + text);
}

function opened() {
  const answer = new AnswerBody(() => {});
  return { answer, connection: new FactsConnection(UNKNOWN_PEER, answer) };
}

describe("the connection of an answer that is a file", () => {
  it("takes the facts from whatever pieces they come in", async () => {
    for (const size of [1, 3, 7, 1000]) {
      const { answer, connection } = opened();
      const facts = { status: 200, size: 5, start: 0, end: 5 };
      const bytes = new Uint8Array([
        ...told(facts),
        ...encoder.encode("hello"),
      ]);
      for (let at = 0; at < bytes.length; at += size) {
        await connection.write(bytes.subarray(at, at + size));
      }
      connection.end();
      assert.deepEqual(await connection.facts, facts);
      assert.equal(await (await answer.response({})).text(), "hello");
    }
  });

  it("lets no body pass that is shorter than was told", async () => {
    const { answer, connection } = opened();
    await connection.write(told({ status: 200, size: 5, start: 0, end: 5 }));
    await connection.write(encoder.encode("hell"));
    connection.end();
    await assert.rejects(answer.response({}), /another length/);
  });

  it("breaks a large body off that fails on the way", async () => {
    const { answer, connection } = opened();
    const end = 1 << 20;
    await connection.write(told({ status: 200, size: end, start: 0, end }));
    await connection.write(new Uint8Array(100_000));
    const response = await answer.response({});
    connection.fail(new Error("cut"));
    await assert.rejects(response.arrayBuffer());
  });

  it("fails where nothing is told", async () => {
    const { connection } = opened();
    connection.end();
    await assert.rejects(connection.facts, /Nothing was told/);
  });
});
