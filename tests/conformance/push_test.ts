/**
 * Real `git push`, over the daemon and over `serve-command`, in both object
 * formats and every protocol version that a client can ask for.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, gitSync, tryGit } from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { refs } from "../support/git_repository.ts";
import { type Daemon, serviceScript, startDaemon } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";

const root = temporaryDirectory("push");
const served = join(root, "served");
let daemon: Daemon;
let script: string;

before(async () => {
  gitSync(["init", "-q", "--bare", join(served, "first.git")]);
  script = serviceScript("git-receive-pack", "ours");
  daemon = await startDaemon({
    args: ["--allow-push", "--create-on-push", "--verbose", served],
    kind: "ours",
  });
});
after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

type Format = "sha1" | "sha256";

/** A clone's history: some commits, a tag, a file in a directory. */
function source(name: string, format: Format): string {
  const path = join(root, name);
  gitSync(["init", "-q", "-b", "main", `--object-format=${format}`, path]);
  const lines = Array.from({ length: 3000 }, (_, i) => `line ${i * i}\n`);
  const text = lines.join("");
  for (let n = 1; n <= 3; n++) {
    writeFileSync(join(path, "file"), text.slice(n * 1000));
    gitSync(["add", "."], { cwd: path });
    gitSync(["commit", "-q", "-m", `${n}`], { cwd: path });
  }
  gitSync(["tag", "-a", "-m", "v1", "v1"], { cwd: path });
  return path;
}

/** An empty repository that is served. */
function target(
  name: string,
  format: Format,
  config: Readonly<Record<string, string>> = {},
): string {
  const path = join(served, name);
  const args = ["init", "-q", "--bare", "-b", "main"];
  gitSync([...args, `--object-format=${format}`, path]);
  for (const [key, value] of Object.entries(config)) {
    gitSync(["config", key, value], { cwd: path });
  }
  return path;
}

interface Way {
  readonly transport: "daemon" | "serve-command";
  readonly format: Format;
  readonly protocol: 0 | 1 | 2;
}

const WAYS: readonly Way[] = (["daemon", "serve-command"] as const).flatMap(
  (transport) =>
    (["sha1", "sha256"] as const).flatMap((format) =>
      ([0, 1, 2] as const).map((protocol) => ({ transport, format, protocol }))
    ),
)
  // Each of these starts several processes.
  .filter(({ transport, format, protocol }) =>
    transport === "daemon" || (format === "sha1") === (protocol === 1)
  );

async function pushAndDelete(way: Way): Promise<void> {
  const { transport, format, protocol } = way;
  const name = `${transport}-${format}-${protocol}`;
  const from = source(`source-${name}`, format);
  const to = target(`${name}.git`, format, {
    "receive.advertisePushOptions": "true",
    "core.logAllRefUpdates": "true",
  });
  const place = transport === "daemon"
    ? [daemon.url(`/${name}.git`)]
    : [`--receive-pack=${script}`, to];
  const push = (...args: readonly string[]) =>
    tryGit(["push", ...place, ...args], { cwd: from, protocol });
  const all = await push("--atomic", "-o", "a=b", "main", "main:x", "v1");
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(
    await refs(to),
    await refs(from, "refs/tags", "refs/heads/main")
      .then((lines) => {
        const [main, tag] = lines as [string, string];
        return [main, main.replace("main", "x"), tag];
      }),
  );
  const again = await push("--quiet", "main");
  assert.deepEqual([again.code, again.stderr], [0, ""]);
  writeFileSync(join(from, "more"), "more\n");
  gitSync(["add", "."], { cwd: from });
  gitSync(["commit", "-q", "-m", "more"], { cwd: from });
  const quiet = await push("--quiet", "main", ":x", "v1:refs/heads/tagged");
  assert.equal(quiet.code, 1);
  assert.match(
    quiet.stderr,
    /remote: error: cannot update ref 'refs\/heads\/tagged': trying to write non-commit object/,
  );
  const head = (await git(["rev-parse", "main"], { cwd: from })).trim();
  assert.deepEqual(await refs(to, "refs/heads"), [`${head} refs/heads/main`]);
  const stale = await push("--force", "main~1:main", "main:refs/heads/y");
  assert.equal(stale.code, 0, stale.stderr);
  assert.equal((await tryGit(["fsck", "--strict"], { cwd: to })).code, 0);
  const left = readdirSync(join(to, "objects")).filter((each) =>
    each.startsWith("tmp_")
  );
  assert.deepEqual(left, []);
  const log = await git(["reflog", "show", "--format=%gs %gn", "main"], {
    cwd: to,
  });
  assert.deepEqual([...new Set(log.trim().split("\n"))], ["push C O Mitter"]);
}

describe("git push", () => {
  itInParallel(
    WAYS.map((way) => ({
      title: `creates, updates, deletes and rewinds by ${way.transport} in ` +
        `${way.format}, asking for protocol v${way.protocol}`,
      run: () => pushAndDelete(way),
    })),
    2,
  );

  it("shows progress of both kinds of packs", async () => {
    for (
      const [limit, words] of [
        ["100", /remote: Unpacking objects: 100% \((\d+)\/\1\), .*, done\./],
        ["1", /remote: Resolving deltas: 100% \((\d+)\/\1\), done\./],
      ] as const
    ) {
      const from = source(`progress-${limit}`, "sha1");
      const name = `progress-${limit}.git`;
      target(name, "sha1", { "receive.unpackLimit": limit });
      const { code, stderr } = await tryGit(
        ["push", "--progress", daemon.url(`/${name}`), "main"],
        { cwd: from },
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, words);
    }
  });

  it("makes a repository where there is none, and leaves no empty one", async () => {
    const from = source("creating", "sha1");
    const push = (path: string, ref: string) =>
      tryGit(["push", daemon.url(path), ref], { cwd: from });
    const [one, two] = await Promise.all([
      push("/group/new.git", "main"),
      push("/group/new.git", "main:other"),
    ]);
    assert.deepEqual([one?.code, two?.code], [0, 0], one?.stderr);
    const made = join(served, "group/new.git");
    assert.deepEqual(
      (await refs(made)).map((each) => each.split(" ")[1]),
      ["refs/heads/main", "refs/heads/other"],
    );
    assert.equal((await tryGit(["fsck"], { cwd: made })).code, 0);
    const failed = await push("/empty/x.git", "v1:refs/heads/x");
    assert.equal(failed.code, 1);
    for (
      const path of [
        "/first.git/inner.git",
        "/.hidden/x",
        "/group/new.git/objects/x",
      ]
    ) {
      const { code, stderr } = await push(path, "main");
      assert.equal(code, 128);
      assert.match(stderr, /access denied or repository not exported/);
    }
    assert.ok(!existsSync(join(served, "first.git/inner.git")));
    assert.ok(!existsSync(join(served, ".hidden")));
  });

  it("is refused where pushing is not switched on", async () => {
    const closed = await startDaemon({ args: [served], kind: "ours" });
    const from = source("refused", "sha1");
    const { code, stderr } = await tryGit(
      ["push", closed.url("/first.git"), "main"],
      { cwd: from },
    );
    assert.equal(code, 128);
    assert.match(stderr, /access denied or repository not exported/);
    await closed.stop();
  });

  it("from a shallow clone adds roots where that is allowed", async () => {
    const from = source("deep", "sha1");
    const shallow = join(root, "shallow");
    await git(["clone", "-q", "--depth=1", `file://${from}`, shallow]);
    for (const allowed of ["false", "true"]) {
      const name = `shallow-${allowed}.git`;
      const to = target(name, "sha1", { "receive.shallowUpdate": allowed });
      const { code, stderr } = await tryGit(
        ["push", daemon.url(`/${name}`), "main"],
        { cwd: shallow },
      );
      assert.equal(code, allowed === "true" ? 0 : 1, stderr);
      assert.equal(existsSync(join(to, "shallow")), allowed === "true");
      if (allowed === "false") {
        assert.match(stderr, /\(shallow update not allowed\)/);
      } else {
        assert.equal((await tryGit(["fsck"], { cwd: to })).code, 0);
      }
    }
  });
});
