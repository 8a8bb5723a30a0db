/**
 * isomorphic-git, a client that shares no code with git, against the daemon:
 * by the runtime's `fetch`, and by Node's http.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import iso from "isomorphic-git";
import nodeHttp from "isomorphic-git/http/node";
import webHttp from "isomorphic-git/http/web";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import {
  advance,
  assertSound,
  HttpWorld,
  idOf,
  MAIN_COMMITS,
  Templates,
} from "../support/http/world.ts";
import { HTTP_SERVERS, type HttpServer } from "../support/http_server.ts";
import { after, before, describe, it } from "../support/test.ts";

const root = temporaryDirectory("isomorphic");
const [served, clients, made] = ["served", "clients", "templates"].map(
  (name) => {
    const path = join(root, name);
    fs.mkdirSync(path);
    return path;
  },
) as [string, string, string];
const templates = new Templates(made);
let server: HttpServer;

before(async () => {
  const [row] = HTTP_SERVERS;
  if (row === undefined) throw new Error("There is no server to test");
  server = await row.start(served);
});
after(async () => {
  await server.stop();
  removeDirectory(root);
});

const PERSON = { name: "A U Thor", email: "author@example.com" };

/** Adds a commit that has one more file. */
async function commitFile(dir: string, name: string): Promise<string> {
  fs.writeFileSync(join(dir, name), `${name}\n`);
  await iso.add({ fs, dir, filepath: name });
  const author = { ...PERSON, timestamp: 1_700_000_000, timezoneOffset: 0 };
  return await iso.commit({ fs, dir, message: name, author });
}

for (const [name, http] of [["fetch", webHttp], ["node", nodeHttp]] as const) {
  describe(`isomorphic-git by ${name}`, () => {
    const world = () =>
      new HttpWorld({ server, version: 2, templates, served, clients });

    it("clones, and fetches what is new", async () => {
      const origin = world().origin("sha1");
      const dir = world().place();
      const { url } = origin;
      await iso.clone({ fs, http, dir, url });
      assert.equal(
        await iso.resolveRef({ fs, dir, ref: "HEAD" }),
        await idOf(origin.path, "main"),
      );
      const log = await iso.log({ fs, dir });
      assert.equal(log.length, MAIN_COMMITS);
      assert.deepEqual(
        (await iso.listBranches({ fs, dir, remote: "origin" })).sort(),
        ["HEAD", "gone", "main", "topic"],
      );
      assert.deepEqual(await iso.listTags({ fs, dir }), ["light", "v1"]);
      await assertSound(dir);
      advance(origin.path, "refs/heads/main", 3);
      gitSync(["branch", "-D", "gone"], { cwd: origin.path });
      const { pruned } = await iso.fetch({ fs, http, dir, prune: true });
      assert.deepEqual(pruned, ["refs/remotes/origin/gone"]);
      assert.equal(
        await iso.resolveRef({ fs, dir, ref: "origin/main" }),
        await idOf(origin.path, "main"),
      );
      await assertSound(dir);
    });

    it("clones shallow, and deepens", async () => {
      const origin = world().origin("sha1");
      const dir = world().place();
      const shape = { ref: "main", singleBranch: true, depth: 2 };
      await iso.clone({ fs, http, dir, url: origin.url, ...shape });
      assert.equal((await iso.log({ fs, dir })).length, 2);
      await assertSound(dir);
      const deeper = { depth: 3, relative: true };
      await iso.fetch({ fs, http, dir, ref: "main", ...deeper });
      assert.equal((await iso.log({ fs, dir })).length, 5);
      await assertSound(dir);
    });

    it("lists refs in both versions of the protocol", async () => {
      const { path, url } = world().origin("sha1");
      const expected = await idOf(path, "topic");
      for (const protocolVersion of [1, 2] as const) {
        const refs = await iso.listServerRefs({ http, url, protocolVersion });
        const topic = refs.find(({ ref }) => ref === "refs/heads/topic");
        assert.equal(topic?.oid, expected);
      }
    });

    it("pushes, rewinds and deletes", async () => {
      const origin = world().origin("sha1");
      const dir = world().place();
      await iso.clone({ fs, http, dir, url: origin.url });
      const head = await commitFile(dir, "new");
      const push = (more: Partial<Parameters<typeof iso.push>[0]>) =>
        iso.push({ fs, http, dir, ...more });
      const { ok, refs } = await push({ ref: "main" });
      assert.deepEqual([ok, refs["refs/heads/main"]?.ok], [true, true]);
      assert.equal(await idOf(origin.path, "main"), head);
      await push({ ref: "main", remoteRef: "refs/heads/second" });
      assert.equal(await idOf(origin.path, "second"), head);
      await push({ remoteRef: "refs/heads/second", delete: true });
      assert.throws(() =>
        gitSync(["rev-parse", "--verify", "second"], { cwd: origin.path })
      );
      await assertSound(origin.path);
    });

    it("hears that pushes are not enabled", async () => {
      const origin = world().origin("sha1");
      gitSync(["config", "http.receivepack", "false"], { cwd: origin.path });
      const dir = world().place();
      await iso.clone({ fs, http, dir, url: origin.url });
      await commitFile(dir, "new");
      await assert.rejects(
        () => iso.push({ fs, http, dir, ref: "main" }),
        (error: { data?: { statusCode?: number } }) =>
          error.data?.statusCode === 403,
      );
    });
  });
}
