/**
 * What every HttpListener must do, whatever runtime is under it. Clients are
 * `node:net` and `node:tls` sockets, so that what is on the wire is seen.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type {
  AnswerHttp,
  HttpListener,
  HttpListenOptions,
  HttpPeer,
} from "../../src/core/http_host.ts";
import { UsageError } from "../../src/core/errors.ts";
import { certificate } from "../support/certificates.ts";
import { RawHttp } from "../support/raw_http.ts";
import { eventually } from "../support/server.ts";
import { describe, it } from "../support/test.ts";

/** What is tested. */
export interface HttpListenerSubject {
  /** For titles. */
  readonly name: string;
  /** Listens. */
  listen(
    options: HttpListenOptions,
    answer: AnswerHttp,
  ): Promise<HttpListener>;
}

const PLACE: HttpListenOptions = { hostname: "127.0.0.1", port: 0 };
const GET = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
const MIB = 1024 * 1024;

const hello: AnswerHttp = () => Promise.resolve(new Response("hello"));

/** Registers the suite for one subject. */
export function httpListenerContract(subject: HttpListenerSubject): void {
  /** Listens, and ends whatever becomes of `use`. */
  async function using(
    options: Partial<HttpListenOptions>,
    answer: AnswerHttp,
    use: (listener: HttpListener) => Promise<void>,
  ): Promise<void> {
    const listener = await subject.listen({ ...PLACE, ...options }, answer);
    try {
      await use(listener);
    } finally {
      listener.abort();
      await listener.finished;
    }
  }

  describe(`an HTTP listener of ${subject.name}`, () => {
    it("answers, and keeps the connection for the next request", async () => {
      await using({}, hello, async ({ port }) => {
        await using_(await RawHttp.connect(port), async (client) => {
          for (let i = 0; i < 3; i++) {
            client.send(GET);
            assert.match(await client.answer(), /^HTTP\/1\.1 200 .*hello$/s);
          }
        });
      });
    });

    it("tells who asks, IPv4 by its own name on a socket for both", async () => {
      const peers: HttpPeer[] = [];
      const answer: AnswerHttp = (_, peer) => {
        peers.push(peer);
        return hello(_, peer);
      };
      await using({ hostname: "::" }, answer, async ({ port }) => {
        for (const host of ["127.0.0.1", "::1"]) {
          await using_(await RawHttp.connect(port, host), async (client) => {
            client.send(GET);
            await client.answer();
          });
        }
      });
      assert.deepEqual(peers.map(({ address }) => address), [
        "127.0.0.1",
        "::1",
      ]);
      assert.match(peers[0]?.peer ?? "", /^127\.0\.0\.1:\d+$/);
      assert.match(peers[1]?.peer ?? "", /^\[::1\]:\d+$/);
      assert.ok(peers.every(({ isSecure }) => !isSecure));
    });

    it("says by a code why it cannot listen", async () => {
      await using({}, hello, async ({ port }) => {
        await assert.rejects(
          subject.listen({ ...PLACE, port }, hello),
          (error) => error instanceof UsageError && error.code === "EADDRINUSE",
        );
        // Nobody takes a share of a port that somebody else has.
        await assert.rejects(
          subject.listen({ ...PLACE, port, tls: certificate("a") }, hello),
          (error) => error instanceof UsageError && error.code === "EADDRINUSE",
        );
      });
      await assert.rejects(
        subject.listen({ hostname: "192.0.2.1", port: 0 }, hello),
        (error) =>
          error instanceof UsageError &&
          /^EADDRNOTAVAIL|^listen-failed/.test(error.code),
      );
    });

    it("answers 500 where the answer throws, and goes on", async () => {
      let count = 0;
      const answer: AnswerHttp = (request, peer) =>
        count++ === 0
          ? Promise.reject(new Error("secret"))
          : hello(request, peer);
      await using({}, answer, async ({ port }) => {
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(GET);
          const text = await client.answer();
          assert.match(text, /^HTTP\/1\.1 500 /);
          assert.ok(!text.includes("secret"), text);
        });
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(GET);
          assert.match(await client.answer(), /^HTTP\/1\.1 200 /);
        });
      });
    });

    it("compresses nothing and keeps lengths, tags and ranges", async () => {
      const headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "ETag": '"x"',
        "Content-Range": "bytes 0-4999/9000",
      };
      const body = "x".repeat(5000);
      const answer: AnswerHttp = () =>
        Promise.resolve(new Response(body, { headers, status: 206 }));
      await using({}, answer, async ({ port }) => {
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(
            GET.replace("\r\n\r\n", "\r\nAccept-Encoding: gzip, br\r\n\r\n"),
          );
          const text = await client.answer();
          assert.match(text, /^content-length: 5000\r$/im);
          assert.match(text, /^etag: "x"\r$/im);
          assert.ok(
            !/^(content-encoding|vary):/im.test(text),
            text.slice(0, 400),
          );
          assert.ok(text.endsWith(body));
        });
      });
    });

    it("waits for the client to take a body", async () => {
      let made = 0;
      const answer: AnswerHttp = () =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              pull(controller) {
                if (++made > 64) controller.close();
                else controller.enqueue(new Uint8Array(MIB));
              },
            }),
          ),
        );
      await using({}, answer, async ({ port }) => {
        await using_(await RawHttp.connect(port), async (client) => {
          client.pause();
          client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
          await client.settled(() => made);
          assert.ok(made < 60, `${made} MiB were made for nobody`);
          client.resume();
          await client.ended();
          assert.ok(client.received > 64 * MIB);
        });
      });
    });

    it("tells that a client has left without its answer, once it has", async () => {
      const warnings: unknown[] = [];
      const output = console;
      const { warn } = output;
      output.warn = (...args) => warnings.push(args);
      const gone = Promise.withResolvers<void>();
      const signals: (AbortSignal | undefined)[] = [];
      const answer: AnswerHttp = async (request, peer) => {
        signals.push(peer.gone);
        if (!request.url.endsWith("/slow")) return new Response("hello");
        // What has not been read of the request is no news of the client.
        await request.text();
        await new Promise<void>((resolve) => {
          peer.gone?.addEventListener("abort", () => resolve());
        });
        gone.resolve();
        return new Response("for nobody");
      };
      try {
        await using({}, answer, async ({ port }) => {
          const leaving = await RawHttp.connect(port);
          leaving.send(
            "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
          );
          await eventually("it was asked", () => signals.length === 1);
          leaving.close();
          await gone.promise;
          await using_(await RawHttp.connect(port), async (client) => {
            client.send(GET);
            assert.match(await client.answer(), /hello$/);
          });
        });
      } finally {
        output.warn = warn;
      }
      assert.deepEqual(signals.map((signal) => signal?.aborted), [true, false]);
      assert.deepEqual(warnings, []);
    });

    it("takes bodies of every kind, and requests in a row", async () => {
      const seen: string[] = [];
      const answer: AnswerHttp = async (request) => {
        const text = await request.text();
        seen.push(`${request.method} ${text}`);
        return new Response(`<${text}>`);
      };
      const post = (headers: string, body: string) =>
        `POST /x HTTP/1.1\r\nHost: h\r\n${headers}\r\n\r\n${body}`;
      const chunked = "Transfer-Encoding: chunked";
      await using({}, answer, async ({ port }) => {
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(post("Content-Length: 3\r\nExpect: 100-continue", ""));
          await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
          client.send("abc");
          await client.until(/HTTP\/1\.1 200 .*<abc>$/s);
        });
        await using_(await RawHttp.connect(port), async (client) => {
          const body = "2;e=1\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 1\r\n\r\n";
          client.send(post(`${chunked}\r\nTrailer: X-Sum`, body));
          assert.match(await client.answer(), /200 .*<abc>$/s);
        });
        // Bun closes a connection behind trailers, which nobody reads.
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(post("Content-Length: 1", "d") + GET);
          assert.match(await client.answer(), /200 .*<d>$/s);
          assert.match(await client.answer(), /200 .*<>$/s);
        });
        await using_(await RawHttp.connect(port), async (client) => {
          client.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
          assert.match(await client.answer(), /200 .*<>$/s);
          await client.ended();
        });
      });
      assert.deepEqual(seen, [
        "POST abc",
        "POST abc",
        "POST d",
        "GET ",
        "GET ",
      ]);
    });

    it("drains: requests end, and idle connections hold nothing up", async () => {
      const asked = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const answer: AnswerHttp = async (request) => {
        if (!request.url.endsWith("/slow")) return new Response("hello");
        asked.resolve();
        await go.promise;
        return new Response("slow");
      };
      const listener = await subject.listen(PLACE, answer);
      const idle = await RawHttp.connect(listener.port);
      idle.send(GET);
      await idle.answer();
      const silent = await RawHttp.connect(listener.port);
      const busy = await RawHttp.connect(listener.port);
      busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
      await asked.promise;
      listener.drain();
      listener.drain();
      await idle.ended();
      await assert.rejects(RawHttp.connect(listener.port));
      go.resolve();
      assert.match(await busy.answer(), /^HTTP\/1\.1 200 .*slow$/s);
      await listener.finished;
      for (const client of [idle, silent, busy]) client.close();
    });

    it("aborts: cuts off what is under way", async () => {
      const never: AnswerHttp = () =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              start: (controller) => controller.enqueue(new Uint8Array(10)),
            }),
          ),
        );
      const listener = await subject.listen(PLACE, never);
      const client = await RawHttp.connect(listener.port);
      client.send(GET);
      await client.until(/200/);
      listener.abort();
      listener.abort();
      await listener.finished;
      await client.ended();
      client.close();
    });

    it("aborts what was drained: nothing holds up the end", async () => {
      const asked = Promise.withResolvers<void>();
      const never: AnswerHttp = () => {
        asked.resolve();
        return new Promise(() => {});
      };
      const listener = await subject.listen(PLACE, never);
      const client = await RawHttp.connect(listener.port);
      client.send(GET);
      await asked.promise;
      listener.drain();
      listener.abort();
      await listener.finished;
      client.close();
    });

    it("serves HTTPS, and says in words what is wrong with a pair", async () => {
      const secure: boolean[] = [];
      const answer: AnswerHttp = (_, peer) => {
        secure.push(peer.isSecure);
        return hello(_, peer);
      };
      const tls = certificate("a");
      await using({ tls }, answer, async ({ port }) => {
        await using_(await RawHttp.connectTls(port), async (client) => {
          assert.equal(client.subject, "a");
          client.send(GET);
          assert.match(await client.answer(), /hello$/);
        });
      });
      assert.deepEqual(secure, [true]);
      const { key } = certificate("b");
      for (
        const bad of [
          { cert: tls.cert, key },
          { cert: "no certificate", key },
          { cert: tls.cert, key: "no key" },
          { cert: "", key: "" },
        ]
      ) {
        await assert.rejects(
          subject.listen({ ...PLACE, tls: bad }, hello),
          (error) =>
            error instanceof UsageError && error.code === "bad-certificate" &&
            error.message.startsWith("unusable TLS certificate or key: "),
        );
      }
    });

    it("renews a certificate and refuses nobody meanwhile", async () => {
      const go = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      const answer: AnswerHttp = async (request) => {
        if (request.url.endsWith("/slow")) {
          asked.resolve();
          await go.promise;
        }
        return new Response("hello");
      };
      const options = { ...PLACE, tls: certificate("a") };
      const listener = await subject.listen(options, answer);
      const { port } = listener;
      const busy = await RawHttp.connectTls(port);
      busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
      await asked.promise;
      let isOver = false;
      const refused: string[] = [];
      const connecting = async () => {
        while (!isOver) {
          // What was accepted and has sent nothing yet may be closed: the
          // promise is that somebody listens at every moment.
          await RawHttp.connect(port).then(
            (client) => client.close(),
            (error) => refused.push(String(error.code)),
          );
        }
      };
      const loop = connecting();
      for (const name of ["b", "a", "b", "a", "b"]) {
        await listener.renew(certificate(name));
      }
      isOver = true;
      await loop;
      assert.deepEqual(refused.filter((code) => code === "ECONNREFUSED"), []);
      assert.equal(listener.port, port);
      await using_(await RawHttp.connectTlsAgain(port), (client) => {
        assert.equal(client.subject, "b");
        return Promise.resolve();
      });
      await assert.rejects(
        listener.renew({ cert: certificate("a").cert, key: "no key" }),
        (error) =>
          error instanceof UsageError && error.code === "bad-certificate",
      );
      await using_(await RawHttp.connectTlsAgain(port), async (client) => {
        assert.equal(client.subject, "b");
        client.send(GET);
        assert.match(await client.answer(), /hello$/);
      });
      go.resolve();
      assert.match(await busy.answer(), /hello$/, "the old request ends");
      busy.close();
      listener.drain();
      await listener.finished;
    });

    it("lets who keeps a connection leave when a certificate is renewed", async () => {
      const options = { tls: certificate("a") };
      await using(options, hello, async (listener) => {
        await using_(
          await RawHttp.connectTls(listener.port),
          async (client) => {
            const renewed = listener.renew(certificate("b"));
            let text = "";
            while (!/^connection: close\r$/im.test(text)) {
              client.send(GET);
              text = await client.answer();
              assert.match(text, /^HTTP\/1\.1 200 .*hello$/s);
            }
            await renewed;
          },
        );
        await using_(
          await RawHttp.connectTlsAgain(listener.port),
          async (client) => {
            assert.equal(client.subject, "b");
            // The same again is no news, and ends no connection.
            await listener.renew(certificate("b"));
            client.send(GET);
            assert.match(await client.answer(), /^HTTP\/1\.1 200 .*hello$/s);
          },
        );
      });
    });

    it("has no certificate to renew without TLS", async () => {
      await using({}, hello, async (listener) => {
        await assert.rejects(
          listener.renew(certificate("a")),
          (error) => error instanceof UsageError && error.code === "no-tls",
        );
      });
    });

    it("gives the port back", async () => {
      const listener = await subject.listen(PLACE, hello);
      listener.drain();
      await listener.finished;
      await new Promise<void>((resolve, reject) => {
        const server = createServer();
        server.on("error", reject);
        server.listen(
          listener.port,
          "127.0.0.1",
          () => server.close(() => resolve()),
        );
      });
    });
  });
}

async function using_(
  client: RawHttp,
  use: (client: RawHttp) => Promise<void>,
): Promise<void> {
  try {
    await use(client);
  } finally {
    client.close();
  }
}
