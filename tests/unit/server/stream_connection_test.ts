import assert from "node:assert/strict";
import { fromUtf8, toUtf8 } from "../../../src/core/bytes.ts";
import { streamConnection } from "../../../src/server/stream_connection.ts";
import { test } from "../../support/test.ts";

function pair(input: readonly string[]) {
  const output = new TransformStream<Uint8Array, Uint8Array>();
  const text = new Response(output.readable).text();
  // A test that closes without an end is not interested in it.
  text.catch(() => {});
  return {
    connection: streamConnection({
      input: ReadableStream.from(input.map(fromUtf8)),
      output: output.writable,
    }),
    text,
  };
}

test("a stream connection reads chunk by chunk, then 0", async () => {
  const { connection } = pair(["abc", "", "de"]);
  const into = new Uint8Array(2);
  const seen: string[] = [];
  for (;;) {
    const count = await connection.read(into);
    if (count === 0) break;
    seen.push(toUtf8(into.subarray(0, count)));
  }
  assert.deepEqual(seen, ["ab", "c", "de"]);
  connection.close();
});

test("a stream connection is done with bytes it was given", async () => {
  const { connection, text } = pair([]);
  const bytes = fromUtf8("one");
  const first = connection.write(bytes);
  bytes.fill(0x78);
  await first;
  await connection.write(fromUtf8("two"));
  await connection.closeWrite();
  assert.equal(await text, "onetwo");
});

test("a signal ends a waiting read of a stream connection", async () => {
  const connection = streamConnection({
    input: new ReadableStream(),
    output: new WritableStream(),
  });
  const controller = new AbortController();
  const read = connection.read(new Uint8Array(1), controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
});

test("a signal ends a waiting write of a stream connection", async () => {
  const connection = streamConnection({
    input: new ReadableStream(),
    output: new WritableStream({ write: () => new Promise(() => {}) }),
  });
  const controller = new AbortController();
  const write = connection.write(new Uint8Array(1), controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(write, /enough/);
});
