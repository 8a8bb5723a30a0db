import assert from "node:assert/strict";
import { Daemon } from "../../../src/server/daemon.ts";
import { describe, it } from "../../support/test.ts";
import {
  type FakeConnection,
  fakeContext,
  FakeListener,
  fakeService,
  KeptLog,
  pkt,
} from "./fakes.ts";

const REQUEST = pkt("git-upload-pack /a.git\0");
const BUSY = pkt("ERR too many connections, try later");

async function served(connection: FakeConnection): Promise<void> {
  for (let i = 0; !connection.written.startsWith("served"); i++) {
    assert.ok(i < 5000, `not served: "${connection.written}"`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("a Daemon", () => {
  it("serves several connections at once", async () => {
    const listener = new FakeListener();
    const daemon = new Daemon({
      listeners: [listener],
      context: fakeContext(),
    });
    const peers = [1, 2, 3].map(() => listener.connect().send(REQUEST));
    await Promise.all(peers.map(served));
    assert.equal(daemon.active, 3);
    for (const peer of peers) peer.end();
    daemon.drain();
    await daemon.finished;
    assert.equal(daemon.active, 0);
  });

  it("logs coming, asking and leaving as git daemon does", async () => {
    const listener = new FakeListener();
    const logger = new KeptLog();
    const context = fakeContext({ logger });
    const daemon = new Daemon({ listeners: [listener], context });
    const good = listener.connect().send(REQUEST).end();
    await good.closed();
    const bad = listener.connect().send("junk").end();
    await bad.closed();
    daemon.drain();
    await daemon.finished;
    assert.deepEqual(logger.lines, [
      "info Connection from 192.0.2.7:4711",
      "info Request upload-pack for '/a.git'",
      "info [1] Disconnected",
      "info Connection from 192.0.2.7:4711",
      "error fatal: protocol error: bad line length character: junk",
      "info [2] Disconnected (with error)",
    ]);
  });

  it("tells one connection too many to try later, at once", async () => {
    const listener = new FakeListener();
    const context = fakeContext({ limits: { maxConnections: 2 } });
    const daemon = new Daemon({ listeners: [listener], context });
    const first = listener.connect().send(REQUEST);
    const second = listener.connect().send(REQUEST);
    await Promise.all([first, second].map(served));
    const third = listener.connect().send(REQUEST).end();
    await third.closed();
    assert.equal(third.written, BUSY);
    assert.ok(!first.isClosed && !second.isClosed, "others were harmed");
    first.end();
    await first.closed();
    const fourth = listener.connect().send(REQUEST).end();
    await served(fourth);
    second.end();
    daemon.drain();
    await daemon.finished;
  });

  it("knows no bound where the limit is 0", async () => {
    const listener = new FakeListener();
    const context = fakeContext({ limits: { maxConnections: 0 } });
    const daemon = new Daemon({ listeners: [listener], context });
    const peers = Array.from(
      { length: 40 },
      () => listener.connect().send(REQUEST),
    );
    await Promise.all(peers.map(served));
    for (const peer of peers) peer.end();
    daemon.drain();
    await daemon.finished;
  });

  it("lets running sessions finish when it drains", async () => {
    const listener = new FakeListener();
    const daemon = new Daemon({
      listeners: [listener],
      context: fakeContext(),
    });
    const peer = listener.connect().send(REQUEST);
    await served(peer);
    daemon.drain();
    assert.ok(listener.isClosed);
    peer.send("still here").end();
    await daemon.finished;
    assert.equal(peer.written, "served v0;still here");
  });

  it("does not wait for peers that have asked for nothing", async () => {
    const listener = new FakeListener();
    const context = fakeContext({ limits: { drainMs: 60_000 } });
    const daemon = new Daemon({ listeners: [listener], context });
    const peer = listener.connect();
    await new Promise((resolve) => setTimeout(resolve, 5));
    daemon.drain();
    await daemon.finished;
    assert.ok(peer.isClosed);
  });

  it("aborts what still runs when the time to drain is over", async () => {
    const listener = new FakeListener();
    const logger = new KeptLog();
    const context = fakeContext({ limits: { drainMs: 30 }, logger });
    const daemon = new Daemon({ listeners: [listener], context });
    const peer = listener.connect().send(REQUEST);
    await served(peer);
    daemon.drain();
    await daemon.finished;
    assert.ok(peer.isClosed);
    assert.ok(logger.lines.includes("error the server is shutting down"));
  });

  it("ends though a session ignores its signal", async () => {
    const listener = new FakeListener();
    const context = fakeContext({
      limits: { drainMs: 10 },
      services: [fakeService({ run: () => new Promise(() => {}) })],
    });
    const daemon = new Daemon({ listeners: [listener], context });
    const peer = listener.connect().send(REQUEST);
    await new Promise((resolve) => setTimeout(resolve, 5));
    daemon.drain();
    await daemon.finished;
    assert.ok(peer.isClosed);
  });
});
