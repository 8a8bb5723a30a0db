/**
 * Where pushes are taken, and who may say no: callbacks of the program that
 * serves, `daemon.receivepack` of a repository, and what is refused clearly
 * because it is not there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { relative } from "node:path";
import {
  FileSystemBackend,
  type PushEvent,
  RefusedError,
  serveTcp,
} from "../../mod.ts";
import { gitSync, tryGit } from "../support/git.ts";
import { PushPair, settings } from "../support/pushes/both.ts";
import { startDaemon } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take it as a constant.
const pair = await PushPair.start("push-offers");

after(() => pair.stop());

/** What `main` is in a repository. */
function mainOf(directory: string): string {
  return gitSync(["rev-parse", "main"], { cwd: directory }).trim();
}

describe("typed callbacks", () => {
  it("hear of a push, and refuse it with words the client reads", async () => {
    const directory = pair.copy();
    const heard: string[] = [];
    const hear = (kind: string) => ({ refs, path }: PushEvent) => {
      heard.push(`${kind} ${path} ${refs.map(({ name }) => name)}`);
    };
    const onUpdate = (event: PushEvent) => {
      hear("update")(event);
      if (event.refs[0]?.name === "refs/heads/other") {
        throw new RefusedError("closed", "other is closed");
      }
    };
    await using server = await serveTcp({
      backend: new FileSystemBackend(pair.root),
      port: 0,
      services: [{ service: "receive-pack", change: "enable" }],
      onPreReceive: hear("pre-receive"),
      onUpdate,
      onPostReceive: hear("post-receive"),
    });
    const path = `/${relative(pair.root, directory)}`;
    const { code, stderr } = await tryGit([
      ...["push", `git://127.0.0.1:${server.port}${path}`],
      ...["next:main", "other:other"],
    ], { cwd: pair.source });
    assert.equal(code, 1);
    assert.match(stderr, /^remote: other is closed/m);
    assert.match(
      stderr,
      /\[remote rejected\] other -> other \(hook declined\)/,
    );
    assert.deepEqual(heard, [
      `pre-receive ${path} refs/heads/main,refs/heads/other`,
      `update ${path} refs/heads/main`,
      `update ${path} refs/heads/other`,
      `post-receive ${path} refs/heads/main`,
    ]);
    const next = gitSync(["rev-parse", "next"], { cwd: pair.source }).trim();
    assert.equal(mainOf(directory), next);
  });
});

describe("daemon.receivepack", () => {
  it("of a repository counts where the operator lets it", async () => {
    const directory = pair.copy(settings("daemon.receivepack=true"));
    const closed = pair.copy(settings("daemon.receivepack=false"));
    const place = `--base-path=${pair.root}`;
    for (const kind of ["git", "ours"] as const) {
      const [plain, forbidding, enabling] = await Promise.all([
        startDaemon({ args: ["--export-all", place], kind }),
        startDaemon({
          args: ["--export-all", place, "--forbid-override=receive-pack"],
          kind,
        }),
        startDaemon({
          args: ["--export-all", place, "--enable=receive-pack"],
          kind,
        }),
      ]);
      const codes: (number | null)[] = [];
      for (
        const [daemon, to] of [
          ...[[plain, directory], [forbidding, directory]] as const,
          ...[[enabling, closed], [plain, closed]] as const,
        ]
      ) {
        const url = daemon.url(`/${relative(pair.root, to)}`);
        const push = ["push", url, `next:refs/heads/${kind}`];
        codes.push((await tryGit(push, { cwd: pair.source })).code);
      }
      assert.deepEqual(codes, [0, 128, 128, 128], kind);
      for (const each of [plain, forbidding, enabling]) await each.stop();
    }
  });
});

describe("what there is not", () => {
  it("updateInstead is refused, in words that say so", async () => {
    const directory = pair.copy(settings(
      ...["core.bare=false", "receive.denyCurrentBranch=updateInstead"],
    ));
    const before = mainOf(directory);
    const url = pair.daemon.url(`/${relative(pair.root, directory)}`);
    const { code, stderr } = await tryGit(["push", url, "next:main"], {
      cwd: pair.source,
    });
    assert.equal(code, 1);
    assert.match(stderr, /updateInstead is not supported/);
    assert.match(stderr, /branch is currently checked out/);
    assert.equal(mainOf(directory), before);
  });

  it("proc-receive is refused, and other refs are taken", async () => {
    const directory = pair.copy(settings("receive.procReceiveRefs=refs/for"));
    const url = pair.daemon.url(`/${relative(pair.root, directory)}`);
    const { code, stderr } = await tryGit(
      ["push", url, "next:main", "next:refs/for/main"],
      { cwd: pair.source },
    );
    assert.equal(code, 1);
    assert.match(stderr, /the hook 'proc-receive' is not supported/);
    assert.match(stderr, /next -> refs\/for\/main \(fail to run proc-receive/);
    const refs = gitSync(["for-each-ref", "--format=%(refname)"], {
      cwd: directory,
    });
    assert.equal(refs, "refs/heads/main\n");
  });

  it("push certificates are not offered, and a client says so", async () => {
    const directory = pair.copy(settings("receive.certNonceSeed=seed"));
    const url = pair.daemon.url(`/${relative(pair.root, directory)}`);
    const { code, stderr } = await tryGit(
      ["push", "--signed=yes", url, "next:main"],
      { cwd: pair.source },
    );
    assert.equal(code, 128);
    assert.match(stderr, /does not support --signed push/);
  });
});
