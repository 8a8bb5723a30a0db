/**
 * The end of a connection that a thread without its socket has: what it asks
 * for and when, and that no byte is lost or taken twice.
 *
 * @module
 */

import assert from "node:assert/strict";

import {
  RemoteConnection,
  type RemoteWay,
} from "../../../src/server/remote_connection.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const BULK = 128 * 1024;
type Sent = Parameters<RemoteWay["send"]>[0];

function remote(received: number[] = []): {
  connection: RemoteConnection;
  sent: Sent[];
  reads: () => number;
} {
  const sent: Sent[] = [];
  const connection = new RemoteConnection({
    received: Uint8Array.from(received),
    peer: "127.0.0.1:1",
    peerAddress: "127.0.0.1",
  }, {
    send: (message) => void sent.push(message),
    channel: () => "lines",
  });
  const reads = () => sent.filter(({ type }) => type === "read").length;
  return { connection, sent, reads };
}

/** Whether it has settled by now, however. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => void (settled = true);
  promise.then(settle, settle);
  // Everything that is due runs before this does.
  for (let i = 0; i < 20; i++) await Promise.resolve();
  return settled;
}

describe("RemoteConnection", () => {
  it("gives what was received before, and asks for nothing yet", async () => {
    const { connection, sent } = remote([1, 2, 3]);
    const into = new Uint8Array(2);
    assert.equal(await connection.read(into), 2);
    assert.deepEqual([...into], [1, 2]);
    assert.equal(await connection.read(into), 1);
    assert.equal(into[0], 3);
    assert.deepEqual(sent, []);
  });

  it("asks for small reads one at a time", async () => {
    const { connection, reads } = remote();
    const into = new Uint8Array(100);
    for (let i = 1; i < 5; i++) {
      const read = connection.read(into);
      assert.equal(reads(), i);
      connection.give(Uint8Array.of(i));
      assert.equal(await read, 1);
      assert.equal(into[0], i);
    }
    assert.equal(reads(), 4);
  });

  it("reads ahead of who takes bulk data, three buffers at most", async () => {
    const { connection, reads } = remote();
    const into = new Uint8Array(BULK);
    const first = connection.read(into);
    assert.equal(reads(), 3);
    connection.give(Uint8Array.of(1));
    connection.give(Uint8Array.of(2));
    assert.equal(await first, 1);
    // What has arrived counts as much as what is under way.
    const asked = reads();
    assert.ok(asked <= 4, `${asked}`);
    assert.equal(await connection.read(into), 1);
    assert.equal(into[0], 2);
    assert.ok(reads() <= 5, `${reads()}`);
  });

  it("keeps every byte in order, whatever sizes are asked for", async () => {
    const random = seeded(11);
    for (let round = 0; round < 30; round++) {
      const { connection, reads } = remote([0]);
      let [next, answered, expected] = [1, 0, 0];
      let isEnding = false;
      const answer = () => {
        while (answered < reads() && random.int(3) > 0) {
          answered++;
          if (next > 200) {
            isEnding = true;
            connection.give(new Uint8Array(0));
            continue;
          }
          const count = 1 + random.int(5);
          connection.give(Uint8Array.from({ length: count }, () => next++));
        }
      };
      for (;;) {
        const into = new Uint8Array(random.pick([1, 3, 100, BULK]));
        const read = connection.read(into);
        while (!await isSettled(read)) answer();
        const count = await read;
        if (count === 0) break;
        for (const byte of into.subarray(0, count)) {
          assert.equal(byte, expected++ & 255, `round ${round}`);
        }
        assert.ok(reads() - answered <= 3, `round ${round}`);
      }
      assert.ok(isEnding && expected === next, `round ${round}`);
      // The end stays the end, and nobody is asked again.
      const asked = reads();
      assert.equal(await connection.read(new Uint8Array(BULK)), 0);
      assert.equal(reads(), asked);
    }
  });

  it("ends a read with the signal's reason, and loses nothing by it", async () => {
    const { connection, reads } = remote();
    const ending = new AbortController();
    const read = connection.read(new Uint8Array(10), ending.signal);
    ending.abort(new Error("enough"));
    await assert.rejects(read, /enough/);
    await assert.rejects(
      connection.read(new Uint8Array(10), ending.signal),
      /enough/,
    );
    // What was asked for comes nevertheless, and is for the next.
    const into = new Uint8Array(10);
    const again = connection.read(into);
    assert.equal(reads(), 1);
    connection.give(Uint8Array.of(7));
    assert.equal(await again, 1);
    assert.equal(into[0], 7);
  });

  it("waits for a peer that pauses, and goes on", async () => {
    const { connection } = remote();
    const read = connection.read(new Uint8Array(BULK));
    assert.ok(!await isSettled(read));
    connection.give(Uint8Array.of(1));
    assert.equal(await read, 1);
  });

  it("holds reads that nobody waits for, if there are any", async () => {
    const { connection, sent, reads } = remote();
    connection.hold();
    assert.equal(sent.length, 0);
    const read = connection.read(new Uint8Array(BULK));
    connection.give(Uint8Array.of(1));
    assert.equal(await read, 1);
    const under = reads() - 1;
    connection.hold();
    assert.equal(sent.at(-1)?.type, "hold");
    const isGivenUp = true;
    for (let i = 0; i < under; i++) {
      connection.give(new Uint8Array(0), isGivenUp);
    }
    connection.hold();
    assert.equal(sent.filter(({ type }) => type === "hold").length, 1);
    // Reads that were given up are no end of input.
    const asked = reads();
    const later = connection.read(new Uint8Array(10));
    assert.equal(reads(), asked + 1);
    connection.give(Uint8Array.of(9));
    assert.equal(await later, 1);
  });

  it("has three writes under way, each with bytes of its own", async () => {
    const { connection, sent } = remote();
    const bytes = Uint8Array.of(1);
    for (let i = 1; i <= 3; i++) {
      bytes[0] = i;
      await connection.write(bytes);
    }
    const waiting = connection.write(Uint8Array.of(4));
    assert.ok(!await isSettled(waiting));
    assert.equal(sent.length, 3);
    connection.wrote(new ArrayBuffer(1));
    await waiting;
    const written = sent.map((each) =>
      "buffer" in each ? new Uint8Array(each.buffer as ArrayBuffer)[0] : 0
    );
    assert.deepEqual(written, [1, 2, 3, 4]);
    const ending = new AbortController();
    const aborted = connection.write(Uint8Array.of(5), ending.signal);
    ending.abort(new Error("enough"));
    await assert.rejects(aborted, /enough/);
    assert.equal(sent.length, 4);
  });

  it("reads and writes beside each other", async () => {
    const { connection } = remote();
    const read = connection.read(new Uint8Array(10));
    for (let i = 0; i < 3; i++) await connection.write(Uint8Array.of(i));
    const write = connection.write(Uint8Array.of(3));
    connection.wrote(new ArrayBuffer(1));
    await write;
    assert.ok(!await isSettled(read));
    const waiting = connection.write(Uint8Array.of(4));
    connection.give(Uint8Array.of(1));
    assert.equal(await read, 1);
    assert.ok(!await isSettled(waiting));
    connection.wrote(new ArrayBuffer(1));
    await waiting;
  });
});
