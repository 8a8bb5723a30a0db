/**
 * What the daemon's options say of HTTP: where it listens, TLS and its renewal,
 * other origins, the words at the start, and the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { certificate } from "../support/certificates.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { exportOk, smallRepository } from "../support/fixture_small.ts";
import { git } from "../support/git.ts";
import { RawHttp } from "../support/raw_http.ts";
import {
  type Daemon,
  eventually,
  freePort,
  ourCommand,
  runDaemon,
  startDaemon,
} from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import { connects } from "../support/wire_client.ts";

const root = temporaryDirectory("http-daemon");
const small = smallRepository(join(root, "a.git"), { bigMebibytes: 32 });
exportOk(small.path);
after(() => rmSync(root, { recursive: true, force: true }));

const GET = "GET /a.git/info/refs?service=git-upload-pack HTTP/1.1\r\n" +
  "Host: h\r\n\r\n";

const INETD = ["--inetd", "--log-destination=stderr"];

async function serving(
  args: readonly string[],
  use: (daemon: Daemon, port: number) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const daemon = await startDaemon({
    args: [`--http-port=${port}`, ...args, root],
  });
  try {
    await eventually("HTTP is listened for", () => connects(port));
    await use(daemon, port);
  } finally {
    await daemon.stop();
  }
}

function wrong(...args: string[]) {
  const { program, args: leading } = ourCommand();
  return runDaemon({ program, args: [...leading, "daemon"] }, args);
}

describe("the daemon on HTTP", () => {
  it("says both places, and both lines to paste work", async () => {
    await serving([], async (daemon, port) => {
      await daemon.logged("Press Ctrl-C");
      const lines = [...daemon.log().matchAll(/^ {4}git clone (\S+)$/gm)]
        .map(([, url]) => url ?? "");
      assert.deepEqual(lines, [
        daemon.url("/a.git"),
        `http://127.0.0.1:${port}/a.git`,
      ]);
      for (const [i, url] of lines.entries()) {
        const copy = join(temporaryDirectory("copy"), String(i));
        await git(["clone", "--quiet", "--bare", url, copy]);
        rmSync(copy, { recursive: true });
      }
    });
  });

  it("listens for HTTP alone with --no-git", async () => {
    const ended = wrong("--no-git", "--http-port=0", "--base-path=/none");
    assert.match((await ended).stderr, /base-path '\/none' does not exist/);
    for (
      const [args, words] of [
        [["--no-git", "--no-http"], /leave nothing to serve/],
        [["--no-git", "--port=1"], /--port is incompatible with --no-git/],
        [["--no-git", `--base-path=${root}`], /--no-git needs --http-port/],
        [["--tls-cert=x"], /--tls-cert and --tls-key go together/],
        [["--tls-key=x"], /--tls-cert and --tls-key go together/],
        [["--tls-cert=/none", "--tls-key=/none"], /could not read '\/none'/],
        [["--cors=page.example"], /expects an origin/],
        [["--cors=*", "--no-http"], /--cors is incompatible with --no-http/],
        [["--cors=*", `--base-path=${root}`], /--cors needs --http-port/],
        [[...INETD, "--http-port=1"], /incompatible with --inetd/],
        [[...INETD, "--no-git"], /incompatible with --inetd/],
        [["--max-body=lots"], /expects a non-negative integer value/],
      ] as const
    ) {
      const { code, stderr } = await wrong(...args);
      assert.match(stderr, words);
      assert.ok(code === 128 || code === 129, `${args}: ${code}`);
    }
  });

  it("follows git's rules where asked for, and only there", async () => {
    await serving([`--base-path=${root}`], async ({ log }, port) => {
      const client = await RawHttp.connect(port);
      client.send(GET);
      assert.match(await client.answer(), /^HTTP\/1\.1 200 /);
      client.close();
      assert.match(log(), /and http:\/\/127\.0\.0\.1:\d+\/ by git daemon's/);
    });
  });

  it("ends where a port that was named is taken", async () => {
    const taken = await takePort();
    const { code, stderr } = await wrong(
      "--port=0",
      `--http-port=${taken.port}`,
    );
    taken.server.close();
    assert.equal(code, 128);
    assert.match(stderr, / for HTTP: Address already in use/);
    assert.match(stderr, /sockets on port \d+\nhint: .*--http-port=0/);
  });

  it("bounds bodies, with units", async () => {
    await serving(["--max-body=1k"], async (_, port) => {
      for (const [length, status] of [[1025, 413], [1024, 200]] as const) {
        const client = await RawHttp.connect(port);
        const body = "0000".padEnd(length, "0000");
        client.send(
          "POST /a.git/git-upload-pack HTTP/1.1\r\nHost: h\r\n" +
            "Content-Type: application/x-git-upload-pack-request\r\n" +
            `Content-Length: ${length}\r\n\r\n${body}`,
        );
        const { statuses } = await client.outcome();
        assert.deepEqual(statuses.slice(0, 1), [status]);
        client.close();
      }
    });
  });

  it("lets pages of other origins in where that is said", async () => {
    await serving(["--cors=https://page.example"], async (_, port) => {
      const client = await RawHttp.connect(port);
      client.send(
        GET.replace("\r\n\r\n", "\r\nOrigin: https://page.example\r\n\r\n"),
      );
      assert.match(
        await client.answer(),
        /^access-control-allow-origin: https:\/\/page\.example\r$/im,
      );
      client.close();
    });
  });

  it("serves HTTPS, and reads the pair again at SIGHUP", async () => {
    const place = temporaryDirectory("tls");
    const [cert, key] = [join(place, "cert.pem"), join(place, "key.pem")];
    const use = (name: string) => {
      const pair = certificate(name);
      copyFileSync(pair.certPath, cert);
      copyFileSync(pair.keyPath, key);
    };
    use("a");
    const options = ["--verbose", `--tls-cert=${cert}`, `--tls-key=${key}`];
    await serving(options, async (daemon, port) => {
      const subject = async () => {
        const client = await RawHttp.connectTlsAgain(port);
        client.send(GET);
        assert.match(await client.answer(), /^HTTP\/1\.1 200 /);
        client.close();
        return client.subject;
      };
      await daemon.logged(`git clone https://127.0.0.1:${port}/a.git`);
      assert.equal(await subject(), "a");
      const copy = join(place, "copy.git");
      await git(
        ["clone", "--quiet", "--bare", `https://127.0.0.1:${port}/a.git`, copy],
        { env: { GIT_SSL_CAINFO: cert } },
      );
      use("b");
      process.kill(daemon.pid, "SIGHUP");
      await daemon.logged("TLS certificate: read again");
      assert.equal(await subject(), "b");
      writeFileSync(key, readFileSync(certificate("a").keyPath));
      process.kill(daemon.pid, "SIGHUP");
      await daemon.logged("TLS certificate: the old one stays: unusable TLS");
      assert.equal(await subject(), "b");
      rmSync(cert);
      process.kill(daemon.pid, "SIGHUP");
      await daemon.logged("the old one stays: could not read");
      assert.equal(await subject(), "b");
    });
    rmSync(place, { recursive: true });
  });

  it("lets a request end after SIGTERM, and nobody else in", async () => {
    await serving([], async (daemon, port) => {
      const idle = await RawHttp.connect(port);
      idle.send(GET);
      await idle.answer();
      const client = await RawHttp.connect(port);
      client.pause();
      client.send(cloneRequest());
      await client.settled(() => client.received);
      daemon.kill("SIGTERM");
      await idle.ended();
      client.resume();
      assert.equal((await daemon.ended).signal, "SIGTERM");
      await client.ended();
      assert.ok(client.received > 32 * 1024 * 1024, String(client.received));
      assert.ok(!await connects(port));
      for (const each of [idle, client]) each.close();
    });
  });

  it("cuts off who does not end in time, or at a second signal", async () => {
    for (const [limit, signals] of [["1", 1], ["900", 2]] as const) {
      await serving([`--drain-timeout=${limit}`], async (daemon, port) => {
        const client = await RawHttp.connect(port);
        client.pause();
        client.send(cloneRequest());
        await client.settled(() => client.received);
        daemon.kill("SIGTERM");
        await daemon.logged("press Ctrl-C again to end now");
        if (signals > 1) process.kill(daemon.pid, "SIGINT");
        const { signal } = await daemon.ended;
        assert.ok(signal !== null, "a signal ended it");
        client.close();
      });
    }
  });
});

/** Asks for everything there is. */
function cloneRequest(): string {
  const line = (text: string) =>
    (text.length + 4).toString(16).padStart(4, "0") + text;
  const body = `${line(`want ${small.main}\n`)}0000${line("done\n")}`;
  return "POST /a.git/git-upload-pack HTTP/1.1\r\nHost: h\r\n" +
    "Content-Type: application/x-git-upload-pack-request\r\n" +
    `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function takePort(): Promise<{ port: number; server: Server }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null
        ? address.port
        : 0;
      resolve({ port, server });
    });
  });
}
