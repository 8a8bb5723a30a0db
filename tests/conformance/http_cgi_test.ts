/**
 * `serve-command http-backend` behind Debian's Apache and behind its nginx with
 * fcgiwrap, with the real git as its client: clones, shallow ones, pushes with
 * and without a password, bodies in pieces and compressed ones.
 *
 * `GITSRV_TEST_SERVER=git` has git's own program answer, which proves the tests
 * and the configurations.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApache } from "../support/apache.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { importStream } from "../support/fixture.ts";
import { FastImport, FIRST_DATE } from "../support/fixture_history.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, tryGit } from "../support/git.ts";
import { fsck } from "../support/git_repository.ts";
import { startNginx } from "../support/nginx.ts";
import { seeded } from "../support/random.ts";
import { SERVER } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";
import { cgiCommand, type WebServer } from "../support/web_server.ts";

/** Bytes of the file of the large push: far more than a piece of it. */
const LARGE = 3 * 1024 * 1024;
/** Commits that only the client has: enough to be compressed. */
const OWN_COMMITS = 120;
/** A name, and a password of no meaning. */
const ANN = "ann:open%20sesame";

const HOOK = `#!/bin/sh
echo "$REMOTE_USER $GIT_COMMITTER_NAME $GIT_COMMITTER_EMAIL" > seen
`;

for (
  const [name, start, one, another] of [
    ["Apache", startApache, 0, 2],
    ["nginx and fcgiwrap", startNginx, 2, 0],
  ] as const
) {
  describe(`behind ${name}`, () => {
    const root = temporaryDirectory("served");
    const work = temporaryDirectory("clients");
    const users = { ann: "open sesame" };
    let server: WebServer;
    let closed: WebServer;

    before(async () => {
      smallRepository(join(root, "a.git"));
      smallRepository(join(root, "b.git"));
      await git(["config", "core.logAllRefUpdates", "true"], {
        cwd: join(root, "b.git"),
      });
      mkdirSync(join(root, "b.git", "hooks"), { recursive: true });
      const hook = join(root, "b.git", "hooks", "post-receive");
      writeFileSync(hook, HOOK);
      chmodSync(hook, 0o755);
      const cgi = await cgiCommand(SERVER);
      server = await start({ cgi, root, users });
      closed = await start({ cgi, root, users, authentication: "all" });
    });

    after(async () => {
      await server?.stop();
      await closed?.stop();
    });

    it("git clones in every version of the protocol", async () => {
      const clones = ([0, 1, 2] as const).map(async (protocol) => {
        const at = join(work, `v${protocol}`);
        await git(["clone", "-q", "--mirror", server.url("/a.git"), at], {
          protocol,
        });
        assert.equal((await fsck(at)).code, 0);
        const list = ["for-each-ref"];
        assert.equal(
          await git(list, { cwd: at }),
          await git(list, { cwd: join(root, "a.git") }),
        );
      });
      await Promise.all(clones);
    });

    it(`git clones and deepens in version ${one}`, async () => {
      const protocol = one;
      const cwd = join(work, "shallow");
      const url = server.url("/a");
      await git(["clone", "-q", "--depth=2", url, cwd], { protocol });
      const count = ["rev-list", "--count", "HEAD"];
      assert.equal(await git(count, { cwd }), "2\n");
      await git(["fetch", "-q", "--deepen=3"], { cwd, protocol });
      assert.equal(await git(count, { cwd }), "5\n");
    });

    it("statuses are those of git http-backend", async () => {
      const ask = async (path: string, method: string) => {
        const response = await fetch(server.url(path), { method });
        await response.body?.cancel();
        return response;
      };
      const refs = "info/refs?service=git-upload-pack";
      const ok = await ask(`/a.git/${refs}`, "GET");
      assert.equal(ok.status, 200);
      assert.equal(
        ok.headers.get("content-type"),
        "application/x-git-upload-pack-advertisement",
      );
      assert.equal((await ask(`/none.git/${refs}`, "GET")).status, 404);
      const wrong = await ask("/a.git/git-upload-pack", "GET");
      assert.equal(wrong.status, 405);
      assert.equal(wrong.headers.get("allow"), "POST");
      const typed = await ask("/a.git/git-upload-pack", "POST");
      assert.equal(typed.status, 415);
      assert.match(server.log(), /Not a git repository: '.*none\.git'/);
    });

    it("pushes need a password, and are named by it", async () => {
      const cwd = await clone("pushing", "/b.git");
      await git(["commit", "-q", "--allow-empty", "-m", "one"], { cwd });
      const push = (url: string) =>
        tryGit(["push", "-q", url, "HEAD:refs/heads/new"], { cwd });
      const [nobody, wrong] = await Promise.all([
        push(server.url("/b.git")),
        push(server.url("/b.git", "ann:wrong")),
      ]);
      assert.equal(nobody.code, 128);
      assert.match(nobody.stderr, /Authentication failed/);
      assert.equal(wrong.code, 128);
      const done = await push(server.url("/b.git", ANN));
      assert.equal(done.code, 0, done.stderr);
      const email = "ann@http.127.0.0.1";
      assert.match(
        readFileSync(join(root, "b.git", "logs/refs/heads/new"), "utf8"),
        new RegExp(` ann <${email}> `),
      );
      assert.equal(
        readFileSync(join(root, "b.git", "seen"), "utf8"),
        `ann ann ${email}\n`,
      );
    });

    it("a large push comes in pieces", async () => {
      const cwd = await clone("large", "/b.git");
      writeFileSync(join(cwd, "large"), seeded(7).bytes(LARGE));
      await git(["add", "large"], { cwd });
      await git(["commit", "-q", "-m", "large"], { cwd });
      const done = await tryGit([
        ...["-c", "http.postBuffer=65536", "push"],
        ...[server.url("/b.git", ANN), "HEAD:refs/heads/large"],
      ], { cwd, env: { GIT_TRACE_CURL: "1", GIT_TRACE_CURL_NO_DATA: "1" } });
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stderr, /Transfer-Encoding: chunked/i);
      const size = ["cat-file", "-s", "large:large"];
      assert.equal(
        await git(size, { cwd: join(root, "b.git") }),
        `${LARGE}\n`,
      );
    });

    it(`haves come compressed in version ${another}`, async () => {
      const protocol = another;
      const cwd = join(work, "haves");
      const url = server.url("/a.git");
      const clone = ["clone", "-q", "--bare", "--depth=1", url, cwd];
      await git(clone, { protocol });
      importStream(cwd, ownHistory(), "packed");
      const done = await tryGit(
        ["fetch", url, "--unshallow", "refs/hidden/one:refs/heads/got"],
        {
          cwd,
          protocol,
          env: { GIT_TRACE_CURL: "1", GIT_TRACE_CURL_NO_DATA: "1" },
        },
      );
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stderr, /Content-Encoding: gzip/i);
      assert.equal((await fsck(cwd)).code, 0);
    });

    it("who must say who they are is asked by the web server", async () => {
      const path = "/a.git/info/refs?service=git-upload-pack";
      const response = await fetch(closed.url(path));
      await response.body?.cancel();
      assert.equal(response.status, 401);
      assert.match(response.headers.get("www-authenticate") ?? "", /^Basic /);
      await git(["ls-remote", closed.url("/a.git", ANN)]);
    });

    async function clone(as: string, path: string): Promise<string> {
      const cwd = join(work, as);
      await git(["clone", "-q", server.url(path), cwd]);
      return cwd;
    }
  });
}

/** Commits of their own: no server has them. */
function ownHistory(): FastImport {
  const stream = new FastImport();
  let parent: number | undefined;
  for (let i = 0; i < OWN_COMMITS; i++) {
    parent = stream.commit({
      ref: "refs/heads/own",
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + 5000 + i,
      changes: [stream.file("own", `${i}\n`)],
    }).mark;
  }
  return stream;
}
