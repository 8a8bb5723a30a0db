/**
 * What somebody tries who means harm: names that lead around rules, headers
 * that pose as paths, services that were taken away, answers that nobody
 * reads. Each is refused, and what others get does not change by it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  createHandler,
  FileAccess,
  FileSystemBackend,
  type HandlerOptions,
} from "../../mod.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { gitEnvironment } from "../support/git.ts";
import { RawHttp } from "../support/raw_http.ts";
import { eventually, freePort, startDaemon } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import { connects } from "../support/wire_client.ts";

const REFS = "info/refs?service=git-upload-pack";
const PUSH = "info/refs?service=git-receive-pack";

describe("an attacker over HTTP", () => {
  const root = temporaryDirectory("http-attack");
  after(() => rmSync(root, { recursive: true, force: true }));
  const served = join(root, "served");
  const env = gitEnvironment();
  const small = smallRepository(join(served, "open.git"), { bigMebibytes: 8 });
  smallRepository(join(served, "private", "secret.git"));
  const config = join(root, "who.conf");
  const digest = createHash("sha256").update("token").digest("hex");
  writeFileSync(join(root, "tokens"), `bob:${digest}\n`);
  writeFileSync(
    config,
    '[gitsrv]\n\ttokens = tokens\n[gitsrv "private/**"]\n\tread = alice\n' +
      '[gitsrv "open"]\n\twrite = bob\n',
  );
  const backend = () =>
    new FileSystemBackend(served, { env: (name) => env[name] });
  const asking = (options: HandlerOptions = {}) => {
    const handler = createHandler(backend(), {
      access: new FileAccess({ config }),
      ...options,
    });
    return async (target: string, headers: Record<string, string> = {}) => {
      const response = await handler(
        new Request(`http://localhost${target}`, { headers }),
      );
      const text = await response.text();
      return { status: response.status, text, headers: response.headers };
    };
  };
  const BOB = { authorization: "Bearer token" };

  const daemonOf = async (
    args: readonly string[],
    use: (port: number, log: () => string) => Promise<void>,
  ): Promise<void> => {
    const port = await freePort();
    const daemon = await startDaemon({
      args: [`--http-port=${port}`, ...args, served],
      kind: "ours",
    });
    try {
      await eventually("HTTP is listened for", () => connects(port));
      await use(port, () => daemon.log());
    } finally {
      await daemon.stop();
    }
  };
  const rawly = async (port: number, request: string) => {
    const client = await RawHttp.connect(port);
    client.send(request);
    const { statuses, text } = await client.outcome();
    client.close();
    return { status: statuses[0], text };
  };

  it("gets no repository by a path in the header Host", async () => {
    await daemonOf([], async (port) => {
      const targets = ["/none.git/info/refs", "/"];
      const hosts = [
        "h/open.git/info/refs?",
        "h/open.git/info/refs#",
        "h\\open.git",
        "u@h",
      ];
      for (const host of hosts) {
        for (const target of targets) {
          const { status, text } = await rawly(
            port,
            `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
          );
          assert.equal(status, 400, `${host} ${target}: ${text}`);
        }
      }
      const twice = await rawly(
        port,
        "GET /none.git/info/refs HTTP/1.1\r\nHost: h\r\nHost: h/open.git\r\n\r\n",
      );
      assert.ok([400, 404].includes(twice.status ?? 0), twice.text);
    });
  });

  it("learns nothing of a private repository by any spelling", async () => {
    const ask = asking();
    symlinkSync("private/secret.git", join(served, "door.git"));
    mkdirSync(join(served, "pool"));
    symlinkSync("../private", join(served, "pool", "in"));
    const known = await ask(`/private/none.git/${REFS}`, BOB);
    const unknown = await ask(`/private/none.git/${REFS}`);
    assert.deepEqual([known.status, unknown.status], [404, 401]);
    const facts = ({ status, text, headers }: typeof known) =>
      JSON.stringify([status, text, [...headers]]);
    const spellings = [
      ...["/private/secret.git", "/private/secret", "/door.git", "/door"],
      ...["/pool/in/secret.git", "/pool/in/secret", "/%70rivate/secret%2egit"],
      ...["/open.git/../private/secret.git", "/private//secret.git"],
      ...["/private/secret.git/", "/private/./secret.git", "//private/secret"],
      ...["/private/secret.git/objects", "/private/secret.git/.git"],
      ...["/PRIVATE/secret.git", "/private/secret.git/refs", "/private%20"],
    ];
    const things = [
      ...[REFS, PUSH, "info/refs", "HEAD", "objects/info/packs"],
      ...["info/refs?service=git-upload-archive", "objects/info/alternates"],
      ...[`objects/${small.main.slice(0, 2)}/${small.main.slice(2)}`],
      ...["info/refs?service=git-none", ""],
    ];
    for (const spelling of spellings) {
      for (const thing of things) {
        const target = `${spelling}/${thing}`;
        const [asBob, asNobody] = [await ask(target, BOB), await ask(target)];
        assert.equal(facts(asBob), facts(known), target);
        const expected = asNobody.status === 404 ? known : unknown;
        assert.equal(facts(asNobody), facts(expected), target);
        // What is 404 for nobody has no such name, whoever asks.
        if (asNobody.status === 404) assert.match(target, /\.git\/|%20|\/$/);
      }
    }
  });

  it("finds no link to a private repository by searches", async () => {
    const ask = asking();
    for (const query of ["door", "d", "secret", "in"]) {
      const { text } = await ask(`/?q=${query}`, BOB);
      assert.match(text, /No repositories whose name contains/, query);
    }
    const { text } = await ask("/", BOB);
    assert.match(text, /1 repository</);
  });

  it("pushes to nothing where the operator has disabled that", async () => {
    const ask = asking({
      services: [{ service: "receive-pack", change: "disable" }],
    });
    assert.equal((await ask(`/open.git/${PUSH}`, BOB)).status, 403);
    const plain = asking({ access: new FileAccess({ config }) });
    assert.equal((await plain(`/open.git/${PUSH}`, BOB)).status, 200);
    const onlyUsers = asking({
      access: new FileAccess({ tokens: join(root, "tokens") }),
      services: [{ service: "receive-pack", change: "disable" }],
      createOnPush: true,
    });
    assert.equal((await onlyUsers(`/open.git/${PUSH}`, BOB)).status, 403);
    assert.equal((await onlyUsers(`/new.git/${PUSH}`, BOB)).status, 404);
    assert.deepEqual(
      readdirSync(served).sort(),
      ["door.git", "open.git", "pool", "private"],
    );
  });

  it("makes no repository where one must not be", async () => {
    const ask = asking({
      access: new FileAccess({ tokens: join(root, "tokens") }),
      createOnPush: true,
    });
    const before = readdirSync(served, { recursive: true }).sort();
    for (
      const path of [
        ...["/.git", "/open.git/hooks", "/open.git/objects/b.git"],
        ...["/.hidden/b", "/a/.git", "/-a", "/a.lock", "/door.git/x.git"],
        ...["/pool/in/new.git", "/a%0ab.git", "/open.git/info/lfs", "/a%5cb"],
        ...["/private/secret.git/worktrees/w", "/%2e%2e%2fb"],
        `/${"a".repeat(300)}`,
        `/${"a/".repeat(3000)}b`,
      ]
    ) {
      const { status } = await ask(`${path}/${PUSH}`, BOB);
      assert.ok(status >= 400, `${path}: ${status}`);
    }
    assert.deepEqual(readdirSync(served, { recursive: true }).sort(), before);
  });

  it("leaves nothing in caches that others read where a program decides", async () => {
    const { main } = small;
    const object = `/open.git/objects/${main.slice(0, 2)}/${main.slice(2)}`;
    const pack = readdirSync(join(served, "open.git", "objects", "pack"))
      .find((name) => name.endsWith(".pack"));
    const target = pack === undefined
      ? object
      : `/open.git/objects/pack/${pack}`;
    const cached = async (options: HandlerOptions) =>
      (await asking(options)(target)).headers.get("cache-control");
    assert.equal(await cached({}), "public, max-age=31536000");
    assert.equal(
      await cached({ authorize: () => ({ verdict: "allowed" }) }),
      "private, max-age=31536000",
    );
    assert.equal(
      await cached({ accessHook: "/bin/true" }),
      "private, max-age=31536000",
    );
  });
});
