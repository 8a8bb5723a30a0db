import assert from "node:assert/strict";
import { host } from "../../../src/runtime/detect.ts";
import { test } from "../../support/test.ts";

const { clock } = host();

test("the clock tells the time, and never runs backwards", () => {
  assert.ok(Math.abs(clock.now() - Date.now()) < 1000);
  const before = clock.monotonic();
  assert.ok(clock.monotonic() >= before);
});

test("sockets are served while somebody computes and takes turns", async () => {
  const listener = await host().listen({ hostname: "127.0.0.1", port: 0 });
  const served = Promise.withResolvers<void>();
  const echo = (async () => {
    const connection = await listener.accept();
    await connection?.read(new Uint8Array(1));
    connection?.close();
    served.resolve();
  })();
  const { connect } = await import("node:net");
  const socket = connect(listener.port, "127.0.0.1");
  socket.on("connect", () => socket.write("x"));
  let isServed = false;
  void served.promise.then(() => isServed = true);
  let turns = 0;
  // Each turn is a slice of work. Connecting and sending take two looks at the
  // sockets: with turns that only run callbacks, 119 of them.
  while (!isServed && turns < 200) {
    const end = performance.now() + 2;
    while (performance.now() < end);
    await clock.turn();
    turns++;
  }
  await echo;
  socket.destroy();
  listener.close();
  assert.ok(turns < 70, `served after ${turns} turns`);
});
