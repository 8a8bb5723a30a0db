import assert from "node:assert/strict";
import { RefusedError, StorageError } from "../../../src/core/errors.ts";
import { runSession } from "../../../src/server/session.ts";
import type { SessionContext } from "../../../src/server/session_context.ts";
import { describe, it } from "../../support/test.ts";
import {
  FakeConnection,
  fakeContext,
  fakeService,
  KeptLog,
  pkt,
} from "./fakes.ts";

const REQUEST = pkt("git-upload-pack /a.git\0host=here\0\0version=2\0");

async function session(
  sent: string,
  context: SessionContext = fakeContext(),
): Promise<{ written: string; outcome: string; log: string[] }> {
  const connection = new FakeConnection().send(sent).end();
  const logger = new KeptLog();
  const { signal } = new AbortController();
  const outcome = await runSession(connection, context, { logger, signal });
  assert.ok(connection.isClosed, "the connection was left open");
  return { written: connection.written, outcome, log: logger.lines };
}

describe("a git:// session", () => {
  it("runs the service that was asked for, in the version asked for", async () => {
    const { written, outcome, log } = await session(REQUEST);
    assert.equal(written, "served v2;");
    assert.equal(outcome, "done");
    assert.deepEqual(log, [
      'info Extended attribute "host": here',
      'info Extended attribute "protocol": version=2',
      "info Request upload-pack for '/a.git'",
    ]);
  });

  it("leaves the service what was sent right behind the request", async () => {
    const { written } = await session(`${REQUEST}and more`);
    assert.equal(written, "served v2;and more");
  });

  it("takes a request byte by byte", async () => {
    const connection = new FakeConnection();
    for (const byte of REQUEST) connection.send(byte);
    connection.end();
    const { signal } = new AbortController();
    await runSession(connection, fakeContext(), {
      logger: new KeptLog(),
      signal,
    });
    assert.equal(connection.written, "served v2;");
  });

  it("ends quietly when the peer leaves without a byte", async () => {
    assert.deepEqual(await session(""), {
      written: "",
      outcome: "done",
      log: [],
    });
  });

  const broken = [
    {
      what: "an HTTP request",
      sent: "GET / HTTP/1.1\r\n",
      message: "protocol error: bad line length character: GET ",
    },
    {
      what: "a length of three",
      sent: "0003",
      message: "protocol error: bad line length 3",
    },
    {
      what: "two bytes",
      sent: "00",
      message: "the remote end hung up unexpectedly",
    },
    {
      what: "half a line",
      sent: REQUEST.slice(0, 12),
      message: "the remote end hung up unexpectedly",
    },
    { what: "a flush", sent: "0000", message: "Protocol error: ''" },
    { what: "an empty packet", sent: "0004", message: "Protocol error: ''" },
    {
      what: "an unknown service",
      sent: pkt("git-evil-pack /a.git\0"),
      message: "Protocol error: 'git-evil-pack /a.git'",
    },
  ];
  for (const { what, sent, message } of broken) {
    it(`answers ${what} with ERR and logs it`, async () => {
      const { written, outcome, log } = await session(sent);
      assert.equal(written, pkt(`ERR ${message}`));
      assert.equal(outcome, "failed");
      assert.deepEqual(log, [`error fatal: ${message}`]);
    });
  }

  const ask = (path: string) => pkt(`git-upload-pack ${path}\0host=x\0`);
  const DENIED = "ERR access denied or repository not exported: ";

  it("says of a repository that is not there what git says", async () => {
    const { written, outcome } = await session(ask("/b.git"));
    assert.equal(written, pkt(`${DENIED}/b.git`));
    assert.equal(outcome, "failed");
  });

  it("says why when errors are informative", async () => {
    const context = fakeContext({ informativeErrors: true });
    const { written } = await session(ask("/b.git"), context);
    assert.equal(written, pkt("ERR no such repository: /b.git"));
  });

  it("refuses a service that is not served, unlike what config says", async () => {
    const services = [
      fakeService(),
      {
        name: "receive-pack",
        configKey: "daemon.receivepack",
        httpKey: "http.receivepack",
        isEnabled: false,
        isOverridable: true,
      } as const,
    ];
    const sent = pkt("git-receive-pack /a.git\0");
    for (const config of [{}, { "daemon.receivepack": true }]) {
      const context = fakeContext({
        services,
        config,
        informativeErrors: true,
      });
      const { written, log } = await session(sent, context);
      assert.equal(written, pkt("ERR service not enabled: /a.git"));
      assert.equal(
        log.at(-1),
        "error 'receive-pack': service not enabled for '/a.git'",
      );
    }
  });

  it("logs a refusal once, with the reason that the peer is not told", async () => {
    const context = fakeContext({
      openRepository: (path) =>
        Promise.reject(
          new RefusedError("no-such-repository", `no '${path}'`, {
            cause: new RefusedError("no-such-repository", `'${path}': aliased`),
          }),
        ),
    });
    const { written, log } = await session(ask("/../x"), context);
    assert.equal(written, pkt(`${DENIED}/../x`));
    assert.deepEqual(log.filter((line) => !line.startsWith("info")), [
      "error '/../x': aliased",
    ]);
  });

  it("obeys a repository that switches the service off", async () => {
    const context = fakeContext({ config: { "daemon.uploadpack": false } });
    const { written } = await session(ask("/a.git"), context);
    assert.equal(written, pkt(`${DENIED}/a.git`));
  });

  it("obeys no repository where overriding is forbidden", async () => {
    const context = fakeContext({
      config: { "daemon.uploadpack": false },
      services: [fakeService({ isOverridable: false })],
    });
    const { written } = await session(ask("/a.git"), context);
    assert.equal(written, "served v0;");
  });

  it("refuses a path that is no text without asking the backend", async () => {
    const context = fakeContext({
      openRepository: () => Promise.reject(new Error("was asked")),
    });
    const { written, log } = await session(ask("/\xff"), context);
    assert.equal(written, pkt(`${DENIED}/\\xff`));
    assert.match(log.at(-1) ?? "", /'\/\\xff' does not appear/);
  });

  it("cuts a path that would not fit into one packet", async () => {
    const path = `/${"x".repeat(65000)}`;
    const { written } = await session(ask(path));
    assert.ok(written.length < 9000);
    assert.ok(written.slice(4).startsWith(`${DENIED}/xxx`));
  });

  it("tells the peer nothing of what is wrong with our disk", async () => {
    const context = fakeContext({
      openRepository: () =>
        Promise.reject(
          new StorageError("EIO", "Cannot read /srv/secret/config", {
            cause: new Error("EIO: i/o error"),
          }),
        ),
    });
    const { written, log } = await session(ask("/a.git"), context);
    assert.equal(written, pkt("ERR internal error"));
    assert.equal(
      log.at(-1),
      "error fatal: Cannot read /srv/secret/config: EIO: i/o error",
    );
  });

  it("lives on when a service has a bug, and logs the stack", async () => {
    const context = fakeContext({
      services: [fakeService({
        run: () => {
          throw new RangeError("oops");
        },
      })],
    });
    const { outcome, log } = await session(REQUEST, context);
    assert.equal(outcome, "failed");
    assert.match(log.at(-1) ?? "", /^error BUG: RangeError: oops/);
  });

  it("calls a peer that reset what git calls it", async () => {
    const connection = new FakeConnection().send(REQUEST);
    const logger = new KeptLog();
    const { signal } = new AbortController();
    const running = runSession(connection, fakeContext(), { logger, signal });
    while (connection.written === "") await new Promise(setImmediate);
    connection.reset();
    assert.equal(await running, "failed");
    assert.equal(
      logger.lines.at(-1),
      "error fatal: the remote end hung up unexpectedly: ECONNRESET",
    );
  });
});

describe("the time limits of a session", () => {
  async function timed(
    connection: FakeConnection,
    limits: { readonly initTimeoutMs?: number; readonly timeoutMs?: number },
  ): Promise<{ log: string[]; ms: number }> {
    const logger = new KeptLog();
    const { signal } = new AbortController();
    const start = performance.now();
    const outcome = await runSession(connection, fakeContext({ limits }), {
      logger,
      signal,
    });
    assert.equal(outcome, "failed");
    assert.ok(connection.isClosed);
    return { log: logger.lines, ms: performance.now() - start };
  }

  it("end a peer that sends nothing", async () => {
    const connection = new FakeConnection();
    const { log, ms } = await timed(connection, { initTimeoutMs: 50 });
    assert.ok(ms >= 49, `ended after ${ms} ms`);
    assert.deepEqual(log, [
      "error fatal: init-timeout: no request within 0.05 s",
    ]);
    assert.equal(
      connection.written,
      pkt("ERR init-timeout: no request within 0.05 s"),
    );
  });

  it("end a peer that trickles its request", async () => {
    const connection = new FakeConnection();
    const timer = setInterval(() => connection.send("0"), 20);
    const { ms } = await timed(connection, { initTimeoutMs: 100 });
    clearInterval(timer);
    assert.ok(ms < 5000, `ended after ${ms} ms`);
  });

  it("use the idle limit for the request where there is no other", async () => {
    const { log } = await timed(new FakeConnection(), {
      initTimeoutMs: 0,
      timeoutMs: 50,
    });
    assert.equal(log.length, 1);
  });

  it("end a peer that stays silent after its request", async () => {
    const { log } = await timed(new FakeConnection().send(REQUEST), {
      timeoutMs: 50,
    });
    assert.equal(
      log.at(-1),
      "error fatal: timeout: the client was idle for 0.05 s",
    );
  });

  it("end a peer that stops taking bytes", async () => {
    const connection = new FakeConnection().send(REQUEST);
    connection.isStuck = true;
    const { log } = await timed(connection, { timeoutMs: 50 });
    assert.match(log.at(-1) ?? "", /timeout: the client was idle/);
  });

  it("let a peer live that takes bytes slowly", async () => {
    const connection = new FakeConnection().send(REQUEST);
    connection.isStuck = true;
    const timer = setInterval(() => connection.sent++, 10);
    setTimeout(() => {
      connection.isStuck = false;
      connection.send("").end();
    }, 300);
    const { signal } = new AbortController();
    const outcome = await runSession(
      connection,
      fakeContext({ limits: { timeoutMs: 100 } }),
      { logger: new KeptLog(), signal },
    );
    clearInterval(timer);
    assert.equal(outcome, "done");
  });
});
