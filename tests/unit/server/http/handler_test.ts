import assert from "node:assert/strict";
import { fromBinary } from "../../../../src/core/bytes.ts";
import { RefusedError } from "../../../../src/core/errors.ts";
import type { AnswerHttp, HttpPeer } from "../../../../src/core/http_host.ts";
import type { LogFields } from "../../../../src/core/logger.ts";
import { httpHandler } from "../../../../src/server/http/handler.ts";
import type { HttpContext } from "../../../../src/server/http/types.ts";
import type { ServiceRow } from "../../../../src/server/services.ts";
import type { SessionContext } from "../../../../src/server/session_context.ts";
import type { ServiceContext } from "../../../../src/service/types.ts";
import { describe, it } from "../../../support/test.ts";
import { fakeContext, fakeService, KeptLog, pkt } from "../fakes.ts";

const PEER: HttpPeer = {
  peer: "192.0.2.7:4711",
  address: "192.0.2.7",
  isSecure: false,
};
const TYPE = "application/x-git-upload-pack-request";
const POST = "/a.git/git-upload-pack";

type Changes = Parameters<typeof fakeContext>[0];

function handlerOf(
  changes: Changes = {},
  extra: Partial<HttpContext & SessionContext> = {},
): AnswerHttp {
  return httpHandler({ ...fakeContext(changes), ...extra });
}

function post(
  body: string | ReadableStream<Uint8Array> = "0000",
  headers: Record<string, string> = {},
): Request {
  return new Request(`http://localhost${POST}`, {
    method: "POST",
    headers: { "content-type": TYPE, ...headers },
    body: typeof body === "string" ? fromBinary(body) : body,
    ...{ duplex: "half" },
  });
}

function get(target: string, init: RequestInit = {}): Request {
  return new Request(`http://localhost${target}`, init);
}

/** A service that waits until it is ended, and tells when it was. */
function waiting(): {
  row: ServiceRow;
  begun: Promise<ServiceContext>;
  ended: Promise<unknown>;
} {
  const begun = Promise.withResolvers<ServiceContext>();
  const ended = Promise.withResolvers<unknown>();
  const row = fakeService({
    run: async (context) => {
      begun.resolve(context);
      const { signal } = context;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      ended.resolve(signal.reason);
      throw signal.reason;
    },
  });
  return { row, begun: begun.promise, ended: ended.promise };
}

/** A service that reads a packet, writes, and then does what it is told. */
function writing(bytes: Uint8Array, times: number, error: unknown): ServiceRow {
  return fakeService({
    run: async ({ connection }) => {
      await connection.read(new Uint8Array(4));
      for (let i = 0; i < times; i++) await connection.write(bytes);
      if (error !== undefined) throw error;
    },
  });
}

/** The work ends a few turns after its last bytes were taken. */
async function freed(handler: AnswerHttp): Promise<void> {
  let next = await handler(post(), PEER);
  while (next.status === 503) {
    await new Promise((resolve) => setTimeout(resolve));
    next = await handler(post(), PEER);
  }
  assert.equal(next.status, 200);
  await next.body?.cancel();
}

describe("a handler of requests", () => {
  it("answers by a service, and says who was served in one line", async () => {
    const lines: unknown[] = [];
    const logger = {
      log: (level: string, text: string, fields?: LogFields) =>
        lines.push([level, text, fields?.user, fields?.bytes, fields?.ms]),
    };
    const handler = handlerOf({ logger }, {
      authorize: () => ({ verdict: "allowed", user: "ada" }),
    });
    const response = await handler(post("hello"), PEER);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "served v0;hello");
    await new Promise((resolve) => setTimeout(resolve));
    const [line, ...others] = lines as unknown[][];
    assert.deepEqual(others, []);
    const ms = line?.pop();
    assert.ok(Number.isInteger(ms) && Number(ms) >= 0, String(ms));
    const bytes = "served v0;hello".length;
    assert.deepEqual(line, ["info", `POST ${POST} 200`, "ada", bytes]);
  });

  it("says once what went wrong, and nothing that a terminal obeys", async () => {
    const log = new KeptLog();
    const failing = fakeService({
      run: () => Promise.reject(new RefusedError("broken", "it is broken")),
    });
    const handler = handlerOf({ logger: log, services: [failing] });
    await handler(post(), PEER);
    await handler(get("/a.git/\x1b%1b%0a[31mHEAD"), PEER);
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(log.lines, [
      "error it is broken",
      `info POST ${POST} 500`,
      "error Not found",
      "info GET /a.git/%1B%1b%0a[31mHEAD 404",
    ]);
  });

  it("answers other methods by 405, and by 400 on HTTP/1.0", async () => {
    const handler = handlerOf();
    const asked = () => get(POST, { method: "PUT" });
    const response = await handler(asked(), PEER);
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "POST");
    const old = await handler(asked(), { ...PEER, protocol: "HTTP/1.0" });
    assert.equal(old.status, 400);
    assert.equal(old.headers.get("allow"), null);
  });

  it("refuses pages of other sites before it looks at anything", async () => {
    let opened = 0;
    const openRepository = () => {
      opened++;
      return Promise.reject(new RefusedError("no-such-repository", "no"));
    };
    const handler = handlerOf({ openRepository }, {
      cors: ["https://good.example"],
    });
    const evil = await handler(post("", { origin: "http://evil.ex" }), PEER);
    assert.deepEqual([evil.status, opened], [403, 0]);
    const good = await handler(
      post("", { origin: "https://good.example" }),
      PEER,
    );
    assert.deepEqual([good.status, opened], [404, 1]);
  });

  it("serves so many at once, and tells the next to come later", async () => {
    const { row, begun } = waiting();
    const closing = new AbortController();
    const handler = handlerOf(
      { services: [row], limits: { maxConnections: 1 } },
      { closing: closing.signal },
    );
    const first = handler(post(), PEER);
    await begun;
    const second = await handler(post(), PEER);
    assert.equal(second.status, 503);
    assert.equal(second.headers.get("retry-after"), "5");
    closing.abort(new RefusedError("aborted", "the server is shutting down"));
    assert.equal((await first).status, 503);
  });

  it("counts a request until the work behind it is over", async () => {
    const big = writing(new Uint8Array(1 << 20), 4, undefined);
    const handler = handlerOf({
      services: [big],
      limits: { maxConnections: 1 },
    });
    const response = await handler(post(), PEER);
    assert.equal(response.status, 200);
    assert.equal((await handler(post(), PEER)).status, 503);
    await response.arrayBuffer();
    await freed(handler);
  });

  it("counts a request until nothing waits for its client", async () => {
    const big = writing(new Uint8Array(100_000), 3, undefined);
    const handler = handlerOf({
      services: [big],
      limits: { maxConnections: 1 },
    });
    const response = await handler(post(), PEER);
    // All of it is queued, and the service has ended long since.
    for (let turns = 0; turns < 100; turns++) {
      await new Promise((resolve) => setTimeout(resolve));
      assert.equal((await handler(post(), PEER)).status, 503);
    }
    assert.equal((await response.arrayBuffer()).byteLength, 300_000);
    await freed(handler);
  });

  it("cuts off a client that does not take what waits for it", async () => {
    const big = writing(new Uint8Array(100_000), 3, undefined);
    const handler = handlerOf({
      services: [big],
      limits: { maxConnections: 1, timeoutMs: 20 },
    });
    const response = await handler(post(), PEER);
    await freed(handler);
    await assert.rejects(response.arrayBuffer(), /idle for 0.02 s/);
  });

  it("leaves some of the places to other addresses", async () => {
    const addresses = ["192.0.2.7", "2001:db8:1:2::7"];
    const neighbours = ["192.0.2.7", "2001:db8:1:2:3::8"];
    const others = ["192.0.2.8", "2001:db8:1:3::7"];
    for (const [i, address] of addresses.entries()) {
      const { row, begun } = waiting();
      const closing = new AbortController();
      const handler = handlerOf(
        { services: [row], limits: { maxConnections: 4 } },
        { closing: closing.signal },
      );
      const from = (address = "") => handler(post(), { ...PEER, address });
      const greedy = [from(address), from(address), from(address)];
      await begun;
      assert.equal((await from(neighbours[i])).status, 503);
      const other = from(others[i]);
      closing.abort(new RefusedError("aborted", "the server is going"));
      for (const each of [...greedy, other]) {
        assert.match(await (await each).text(), /the server is going/);
      }
    }
  });

  it("lets a web server in front on this machine have all places", async () => {
    const { row, begun } = waiting();
    const closing = new AbortController();
    const handler = handlerOf(
      { services: [row], limits: { maxConnections: 4 } },
      { closing: closing.signal },
    );
    const peers = ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"];
    const all = peers.map((address) => handler(post(), { ...PEER, address }));
    await begun;
    closing.abort(new RefusedError("aborted", "the server is going"));
    for (const each of all) {
      assert.match(await (await each).text(), /the server is going/);
    }
  });

  it("ends the work when the client leaves, with or without an answer", async () => {
    const left = new AbortController();
    const silent = waiting();
    const handler = handlerOf({ services: [silent.row] });
    const answered = handler(post(), { ...PEER, gone: left.signal });
    await silent.begun;
    left.abort();
    assert.match(String(await silent.ended), /the client has left/);
    assert.equal((await answered).status, 400);

    const ended = Promise.withResolvers<unknown>();
    const row = fakeService({
      run: async ({ connection, signal }) => {
        const piece = new Uint8Array(1 << 16);
        try {
          for (;;) await connection.write(piece, signal);
        } catch (error) {
          ended.resolve(error);
          throw error;
        }
      },
    });
    const response = await handlerOf({ services: [row] })(post(), PEER);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel("gone");
    assert.match(String(await ended.promise), /the client has left/);
  });

  it("counts an answer until the client has taken it", async () => {
    const services = [writing(new Uint8Array(1 << 17), 1, undefined)];
    const context = fakeContext({ services, limits: { maxConnections: 1 } });
    const handler = httpHandler(context);
    const response = await handler(post("0000"), PEER);
    assert.equal(response.status, 200);
    // Room for it there was at once.
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal((await handler(post("0000"), PEER)).status, 503);
    assert.equal((await response.arrayBuffer()).byteLength, 1 << 17);
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(context.seats.taken, 0);
  });

  it("shares its places with whatever else is served", async () => {
    const context = fakeContext({ limits: { maxConnections: 1 } });
    const leave = context.seats.take();
    const handler = httpHandler(context);
    assert.equal((await handler(post("0000"), PEER)).status, 503);
    leave?.();
    assert.equal((await handler(post("0000"), PEER)).status, 200);
  });

  it("fails who had to ask for something, and did not", async () => {
    const asked = async (version: number) => {
      const headers = { "git-protocol": `version=${version}` };
      return (await handlerOf()(post("", headers), PEER)).status;
    };
    assert.deepEqual(
      [await asked(0), await asked(1), await asked(2)],
      [400, 400, 200],
    );
  });

  it("answers HEAD with the length of GET, or with none", async () => {
    const handler = handlerOf();
    const target = "/a.git/info/refs?service=git-upload-pack";
    const head = await handler(get(target, { method: "HEAD" }), PEER);
    assert.equal(head.status, 200);
    // Without a body, runtimes would say that there are 0 bytes.
    assert.ok(head.body !== null && !head.headers.has("content-length"));
    assert.equal(await head.text(), "");
  });

  it("ends the work when a body breaks off", async () => {
    const ended = Promise.withResolvers<unknown>();
    const row = fakeService({
      run: async ({ connection, signal }) => {
        try {
          while (await connection.read(new Uint8Array(100), signal) > 0);
        } catch (error) {
          ended.resolve(error);
          throw error;
        }
      },
    });
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(fromBinary("0011")),
      pull: (controller) => controller.error(new Error("reset")),
    }, { highWaterMark: 0 });
    const response = await handlerOf({ services: [row] })(post(body), PEER);
    assert.match(String(await ended.promise), /hung up unexpectedly/);
    assert.equal(response.status, 400);
  });

  it("answers a client that is idle by 408, or breaks off", async () => {
    const body = new ReadableStream<Uint8Array>({});
    const echo = fakeService({
      run: async ({ connection, signal }) => {
        await connection.read(new Uint8Array(100), signal);
      },
    });
    const limits = { timeoutMs: 20 };
    const handler = handlerOf({ services: [echo], limits });
    assert.equal((await handler(post(body), PEER)).status, 408);

    const big = writing(new Uint8Array(1 << 20), 4, undefined);
    const failed = Promise.withResolvers<void>();
    const logger = {
      log: (level: string) => level === "error" && failed.resolve(),
    };
    const slow = await handlerOf({ services: [big], limits, logger })(
      post(),
      PEER,
    );
    assert.equal(slow.status, 200);
    // Nobody takes anything until the time is over.
    await failed.promise;
    await assert.rejects(slow.arrayBuffer());
  });

  it("lets nobody take a part for the whole who was not told", async () => {
    const error = new RefusedError("broken", "broken");
    const serve = (bytes: Uint8Array, times: number) =>
      handlerOf({ services: [writing(bytes, times, error)] })(post(), PEER);
    const filler = new Uint8Array(1 << 18);
    await assert.rejects((await serve(filler, 3)).arrayBuffer());
    assert.equal((await serve(fromBinary("part"), 1)).status, 500);
    const told = await serve(fromBinary(pkt("ERR broken")), 1);
    assert.deepEqual(
      [told.status, await told.text()],
      [200, pkt("ERR broken")],
    );
  });

  it("heeds the access hook, whose words are for those who may know", async () => {
    const asked: unknown[] = [];
    const accessHook: HttpContext["accessHook"] = (request) => {
      asked.push([request.service, request.path, request.connection.address]);
      throw new RefusedError("access-hook", "not on\x1b Sundays");
    };
    for (const informativeErrors of [false, true]) {
      const handler = handlerOf({ informativeErrors }, { accessHook });
      const response = await handler(post(), PEER);
      assert.equal(response.status, 403);
      const words = informativeErrors ? "not on\\x1b Sundays\n" : "Forbidden\n";
      assert.equal(await response.text(), words);
    }
    assert.deepEqual(asked[0], ["upload-pack", "/a.git", "192.0.2.7"]);
  });

  it("tells why there is no repository where errors are informative", async () => {
    for (const informativeErrors of [false, true]) {
      const handler = handlerOf({ informativeErrors });
      const response = await handler(
        get("/b.git/info/refs?service=git-upload-pack"),
        PEER,
      );
      assert.equal(response.status, 404);
      const words = informativeErrors
        ? "no such repository: /b.git\n"
        : "Not found\n";
      assert.equal(await response.text(), words);
    }
  });

  it("makes repositories for those alone who are admitted", async () => {
    const made: string[] = [];
    const removed: string[] = [];
    const context = fakeContext({
      services: [fakeService({ name: "receive-pack", isEnabled: false })],
    });
    const repository = await context.backend.openRepository("/a.git");
    const handler = httpHandler({
      ...context,
      createOnPush: true,
      authorize: (request) => {
        const user = request.headers.get("x-user");
        return user === null
          ? { verdict: "unauthenticated" }
          : { verdict: "allowed", user };
      },
      backend: {
        openRepository: context.backend.openRepository,
        createRepository: (path) => {
          made.push(path);
          const removeUnused = () => void removed.push(path);
          return Promise.resolve({ repository, removeUnused });
        },
      },
    });
    const asked = (headers: Record<string, string>) =>
      get("/new.git/info/refs?service=git-receive-pack", { headers });
    assert.equal((await handler(asked({}), PEER)).status, 401);
    assert.deepEqual(made, []);
    const admitted = await handler(asked({ "x-user": "ada" }), PEER);
    assert.equal(admitted.status, 200);
    await admitted.text();
    assert.deepEqual([made, removed], [["/new.git"], ["/new.git"]]);
  });

  it("believes no header of versions that is too long or odd", async () => {
    const version = async (text: string) => {
      const headers = { "git-protocol": text };
      const response = await handlerOf()(post("0000", headers), PEER);
      return await response.text();
    };
    assert.equal(await version("version=2"), "served v2;0000");
    assert.equal(await version("version=2:".repeat(200)), "served v0;0000");
    assert.equal(await version("version=2\x1b[2J"), "served v0;0000");
    assert.equal(
      await version(`a=${"b".repeat(65536)}:version=2`),
      "served v0;0000",
    );
  });
});
