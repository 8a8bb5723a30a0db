/**
 * Transfers over HTTP that end in the middle: nothing is left over, the server
 * goes on, and nobody takes a part for the whole.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { git } from "../support/git.ts";
import { fsck, objectSet, refs } from "../support/git_repository.ts";
import { type Cut, type Relay, startRelay } from "../support/http/relay.ts";
import {
  assertClone,
  commit,
  HttpWorld,
  idOf,
  Templates,
} from "../support/http/world.ts";
import {
  type HttpServer,
  startHttpServers,
  startOurDaemon,
} from "../support/http_server.ts";
import { seeded } from "../support/random.ts";
import { eventually, SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

const root = temporaryDirectory("http-cut");
const [served, clients, made] = ["served", "clients", "templates"].map(
  (name) => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  },
) as [string, string, string];
const templates = new Templates(made);
const servers = await startHttpServers(served);

after(async () => {
  for (const server of servers.values()) await server.stop();
  removeDirectory(root);
});

/** Runs `use` with the URL of a repository behind a relay that stops. */
async function behindRelay(
  { server, url, cut }: { server: HttpServer; url: string; cut: Cut },
  use: (url: string, relay: Relay) => Promise<void>,
): Promise<void> {
  const relay = await startRelay(server.port, cut);
  try {
    const at = url.replace(`:${server.port}/`, `:${relay.port}/`);
    await use(at, relay);
  } finally {
    relay.close();
  }
}

/** What lies in the object directory that no push has put there for good. */
function leftOver(path: string): string[] {
  return readdirSync(join(path, "objects")).filter((name) =>
    name.startsWith("tmp_") || name.startsWith("incoming")
  );
}

async function clientLeaves(world: HttpWorld): Promise<void> {
  const { server } = world;
  const origin = world.origin("big");
  const cut = { from: "server", bytes: 900_000, then: "ends" } as const;
  await behindRelay({ server, url: origin.url, cut }, async (url) => {
    const path = world.place();
    const failed = await world.tryGit(["clone", "--quiet", url, path]);
    assert.equal(failed.code, 128, failed.stderr);
    assert.ok(!existsSync(path), "a torn clone was kept");
  });
  await assertClone(await world.clone(origin.url), origin);
  assert.deepEqual(leftOver(origin.path), []);
}

async function pusherLeaves(
  world: HttpWorld,
  buffer: "1000" | "100m",
): Promise<void> {
  const { server } = world;
  const origin = world.origin("sha1");
  const path = await world.clone(origin.url);
  writeFileSync(join(path, "big"), seeded(3).bytes(3 << 20));
  await git(["add", "big"], { cwd: path });
  const head = await commit(path, "small");
  const before = [await refs(origin.path), await objectSet(origin.path)];
  const push = ["-c", `http.postBuffer=${buffer}`, "push", "--quiet"];
  const cut = { from: "client", bytes: 900_000, then: "ends" } as const;
  await behindRelay({ server, url: origin.url, cut }, async (url, relay) => {
    const failed = await world.tryGit([...push, url, "main"], path);
    assert.notEqual(failed.code, 0);
    await relay.reached;
  });
  // What git's receive-pack leaves there under Apache, its gc removes later.
  const leaves = SERVER === "ours" ? leftOver : () => [];
  await eventually(
    `nothing is left over: ${leftOver(origin.path)}\n${server.log()}`,
    () => leaves(origin.path).length === 0,
  );
  assert.deepEqual(
    [await refs(origin.path), await objectSet(origin.path)],
    before,
  );
  await world.git([...push, "origin", "main"], path);
  assert.equal(await idOf(origin.path, "main"), head);
  assert.deepEqual(leaves(origin.path), []);
  assert.equal((await fsck(origin.path)).code, 0);
}

for (const [row, server] of servers) {
  const world = new HttpWorld({
    ...{ server, version: 2, templates, served, clients },
  });
  describe(`A transfer that ends in the middle, by ${row.name}`, () => {
    it("leaves no clone, and no trace of a client that has left", () =>
      clientLeaves(world));
    it("leaves nothing of a push in chunks", () => pusherLeaves(world, "1000"));
    it("leaves nothing of a push with a length", () =>
      pusherLeaves(world, "100m"));
  });
}

if (SERVER === "ours") {
  it("A clone from a server that is killed fails", async () => {
    const server = await startOurDaemon(served);
    const world = new HttpWorld({
      ...{ server, version: 2, templates, served, clients },
    });
    const origin = world.origin("huge");
    const cut = { from: "server", bytes: 900_000, then: "goes on" } as const;
    await behindRelay(
      { server, url: origin.url, cut },
      async (url, relay) => {
        const path = world.place();
        const cloned = world.tryGit(["clone", "--quiet", url, path]);
        await relay.reached;
        server.kill("SIGKILL");
        await server.stop();
        const { code, stderr } = await cloned;
        assert.equal(code, 128, stderr);
        assert.ok(!existsSync(path), "a torn clone was kept");
      },
    );
  });
}
