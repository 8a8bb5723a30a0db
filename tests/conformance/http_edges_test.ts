/**
 * What HTTP has in common with git://, and what it takes of clients and of
 * proxies in front: one limit for both, what operators and repositories say of
 * services, who has pushed, and a program without threads in a crowd.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FileSystemBackend, serveHttp } from "../../mod.ts";
import type { PushEvent, ServeHttpOptions } from "../../mod.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitEnvironment, tryGit } from "../support/git.ts";
import { startProgram } from "../support/http_server.ts";
import { RawHttp } from "../support/raw_http.ts";
import {
  eventually,
  freePort,
  SERVER,
  startDaemon,
} from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

const root = temporaryDirectory("http-edges");
after(() => rmSync(root, { recursive: true, force: true }));

/** Clients at once of a program without threads. */
const CROWD = 64;
const REFS = "/a.git/info/refs?service=git-upload-pack";

/** A clone of a repository, with a commit that it has not. */
async function ahead(path: string, name: string): Promise<string> {
  const work = join(root, name);
  await git(["clone", "-q", path, work]);
  await git(["commit", "-q", "--allow-empty", "-mmore"], { cwd: work });
  return work;
}

// The reference has one of the two transports, and no budget.
if (SERVER === "ours") {
  describe("a daemon on git:// and HTTP", () => {
    it("counts both as one, and says to either that it is busy", async () => {
      smallRepository(join(root, "busy", "a.git"));
      const http = await freePort();
      const daemon = await startDaemon({
        args: [
          "--max-connections=1",
          `--http-port=${http}`,
          join(root, "busy"),
        ],
      });
      const status = async () => {
        // HTTP is listened for behind git://, which the start has waited for.
        const answer = await fetch(`http://127.0.0.1:${http}${REFS}`)
          .catch(() => undefined);
        await answer?.arrayBuffer();
        return answer?.status;
      };
      try {
        await eventually("a place is free", async () => await status() === 200);
        let silent = await RawHttp.connect(daemon.port);
        await eventually("it is taken", async () => {
          // Who looked whether the daemon listens may not have left yet.
          if (silent.seen().text !== "" || silent.seen().isClosed) {
            silent = await RawHttp.connect(daemon.port);
          }
          return await status() === 503;
        });
        silent.close();
        await eventually(
          "it is free again",
          async () => await status() === 200,
        );
        // Whoever posts and sends no more takes one as well.
        const posting = await RawHttp.connect(http);
        posting.send(
          "POST /a.git/git-upload-pack HTTP/1.1\r\nHost: h\r\n" +
            "Content-Type: application/x-git-upload-pack-request\r\n" +
            "Content-Length: 100\r\n\r\n00",
        );
        await eventually("it is taken", async () => await status() === 503);
        const refused = await tryGit(["ls-remote", daemon.url("/a.git")]);
        assert.match(refused.stderr, /too many connections, try later/);
        posting.close();
        await eventually(
          "it is free again",
          async () => await status() === 200,
        );
      } finally {
        await daemon.stop();
      }
    });

    it("takes pushes as repositories say for each of them", async () => {
      const served = join(root, "said");
      for (const key of ["daemon", "http"]) {
        const path = join(served, `${key}.git`);
        smallRepository(path);
        await git(["-C", path, "config", `${key}.receivepack`, "true"]);
      }
      const http = await freePort();
      const daemon = await startDaemon({
        args: [`--http-port=${http}`, served],
      });
      try {
        const work = await ahead(join(served, "http.git"), "said-work");
        const push = async (url: string) => {
          const args = ["push", "-q", url, "HEAD:refs/heads/new"];
          return (await tryGit(args, { cwd: work })).code === 0;
        };
        const urls = ["daemon", "http"].flatMap((key) => [
          daemon.url(`/${key}.git`),
          `http://127.0.0.1:${http}/${key}.git`,
        ]);
        const taken: boolean[] = [];
        for (const url of urls) taken.push(await push(url));
        assert.deepEqual(taken, [true, false, false, true]);
      } finally {
        await daemon.stop();
      }
    });
  });

  describe("a push over HTTP, in a thread", () => {
    const env = gitEnvironment();
    const served = join(root, "pushed");
    smallRepository(join(served, "a.git"));
    const serve = (options: Partial<ServeHttpOptions>) =>
      serveHttp({
        backend: new FileSystemBackend(served, { env: (name) => env[name] }),
        port: 0,
        limits: { workers: 1 },
        authorize: () => ({ verdict: "allowed", user: "Ada L" }),
        ...options,
      });

    it("says who it is from, by the connection and by no header", async () => {
      const hooks = join(served, "a.git", "hooks");
      mkdirSync(hooks, { recursive: true });
      const hook = join(hooks, "pre-receive");
      writeFileSync(hook, "#!/bin/sh\nenv >told\n");
      chmodSync(hook, 0o755);
      const events: PushEvent[] = [];
      const hear = (event: PushEvent) => void events.push(event);
      await using server = await serve({
        onPreReceive: hear,
        onUpdate: hear,
        onPostReceive: hear,
      });
      const work = await ahead(join(served, "a.git"), "pushed-work");
      const claims = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-User"]
        .flatMap((name) => ["-c", `http.extraHeader=${name}: for=192.0.2.9`]);
      await git([
        ...[...claims, "-c", "http.extraHeader=Remote-User: eve"],
        ...["push", "-q", `http://127.0.0.1:${server.port}/a.git`],
        "HEAD:refs/heads/pushed",
      ], { cwd: work });
      const told = readFileSync(join(served, "a.git", "told"), "latin1");
      const said = (name: string) =>
        new RegExp(`^${name}=(.*)$`, "m").exec(told)?.[1];
      assert.equal(said("REMOTE_USER"), "Ada L");
      assert.equal(said("REMOTE_ADDR"), "127.0.0.1");
      assert.equal(said("GIT_COMMITTER_NAME"), "Ada L");
      assert.equal(said("GIT_COMMITTER_EMAIL"), "Ada L@http.127.0.0.1");
      assert.doesNotMatch(told, /192\.0\.2\.9|=eve$/m);
      // The client hears of its refs before the last is told.
      await eventually("three events", () => events.length === 3);
      for (const { user, peer } of events) {
        assert.equal(user, "Ada L");
        assert.match(peer, /^127\.0\.0\.1:\d+$/);
      }
    });

    it("is refused to all where the operator has said so", async () => {
      await using server = await serve({
        services: [{ service: "receive-pack", change: "disable" }],
      });
      const work = await ahead(join(served, "a.git"), "refused-work");
      const push = () =>
        tryGit([
          ...["push", "-q", `http://127.0.0.1:${server.port}/a.git`],
          "HEAD:refs/heads/refused",
        ], { cwd: work });
      assert.match((await push()).stderr, /error: 403/);
      // The repository's word goes before, as with git daemon.
      const path = join(served, "a.git");
      await git(["-C", path, "config", "http.receivepack", "true"]);
      assert.equal((await push()).code, 0);
    });
  });

  describe("a program that serves memory without threads", () => {
    it("takes a push, and then a crowd at once, dumb and smart", async () => {
      const server = await startProgram("memory");
      try {
        const url = server.url("/hello.git");
        const source = join(root, "source.git");
        const { main } = smallRepository(source);
        await git(["push", "-q", url, "main:refs/heads/main"], { cwd: source });
        const clones = Array.from({ length: CROWD }, async (_, i) => {
          const into = join(root, `crowd-${i}.git`);
          const env = i % 8 === 0 ? { GIT_SMART_HTTP: "0" } : {};
          await git(["clone", "-q", "--bare", url, into], {
            env,
            protocol: i % 2 === 0 ? 2 : 0,
          });
          return (await git(["-C", into, "rev-parse", "main"])).trim();
        });
        const heads = new Set(await Promise.all(clones));
        assert.deepEqual([...heads], [main]);
        const head = await fetch(
          `${url}/info/refs?service=git-upload-pack`,
          { method: "HEAD" },
        );
        assert.equal(head.status, 200);
        assert.equal(head.headers.get("content-length"), null);
      } finally {
        await server.stop();
      }
    });
  });
}
