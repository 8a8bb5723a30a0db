/**
 * Over SSH, as an operator sets it up: OpenSSH's server with a key whose forced
 * command is `serve-command`, and git's own clients.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitSync, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { fsck, refs } from "../support/git_repository.ts";
import { type SshServer, startSshServer } from "../support/ssh_server.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("ssh");
const served = join(root, "served");
mkdirSync(served);
const good = smallRepository(join(served, "good.git"));
smallRepository(join(served, "it's.git"), { label: "quoted" });
smallRepository(join(root, "outside.git"), { label: "outside" });
symlinkSync(join(root, "outside.git"), join(served, "link.git"));
const below = await startSshServer(
  [`--base-path=${served}`, "--read-only", "--timeout=600"],
  ["GIT_*"],
);
const anywhere = await startSshServer([], ["GIT_PROTOCOL"]);

after(async () => {
  await below.stop();
  await anywhere.stop();
  rmSync(root, { recursive: true, force: true });
});

let clones = 0;

/** Clones; gives the path, which must have every ref and pass fsck. */
async function clone(
  server: SshServer,
  path: string,
  version: 0 | 1 | 2,
  like: string,
): Promise<string> {
  const into = join(root, `clone-${++clones}`);
  const { code, stderr } = await server.git(
    ["clone", "-q", "--mirror", server.url(path), into],
    { protocol: version },
  );
  assert.equal(code, 0, stderr);
  const { code: verdict, lines } = await fsck(into);
  assert.equal(verdict, 0, lines.join("\n"));
  assert.deepEqual(await refs(into), await refs(like));
  return into;
}

describe("a forced command", () => {
  for (const version of [0, 1, 2] as const) {
    it(`serves clones and fetches, protocol v${version}`, async () => {
      const into = await clone(below, "/good.git", version, good.path);
      const copy = gitSync(["rev-parse", "HEAD"], { cwd: into }).trim();
      assert.equal(copy, good.main);
      const { code, stderr } = await below.git(["fetch", "-q"], {
        cwd: into,
        protocol: version,
      });
      assert.equal(code, 0, stderr);
    });

    it(`speaks protocol v${version} where it is asked to`, async () => {
      const { code, stdout, stderr } = await below.git(
        ["ls-remote", below.url("/good.git")],
        { protocol: version, env: { GIT_TRACE_PACKET: "1" } },
      );
      assert.equal(code, 0, stderr);
      assert.equal(
        stdout,
        await git(["ls-remote", `file://${good.path}`], { protocol: 0 }),
      );
      assert.equal(/< version 2/.test(stderr), version === 2);
      assert.equal(/< version 1/.test(stderr), version === 1);
    });
  }

  it("gives archives", async () => {
    const args = ["--prefix=p/", "main", "dir"];
    const [own, gits] = await Promise.all([
      below.git(["archive", `--remote=${below.url("/good.git")}`, ...args]),
      tryGit(["archive", `--remote=${good.path}`, ...args]),
    ]);
    assert.deepEqual([own.code, own.stderr], [0, ""]);
    assert.ok(own.stdout === gits.stdout, "other bytes");
    const remote = `--remote=${below.url("/none.git")}`;
    const { code, stderr } = await below.git(["archive", remote, "main"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^remote: fatal: '\/none.git' does not appear to be a git repository/m,
    );
  });

  it("takes a path with a quote in it", async () => {
    await clone(below, "/it's.git", 2, join(served, "it's.git"));
  });

  it("serves what its account can read without a base path", async () => {
    await clone(anywhere, good.path, 2, good.path);
    await clone(
      anywhere,
      join(root, "outside.git"),
      0,
      join(root, "outside.git"),
    );
  });

  it("says the same of what is absent, outside or no repository", async () => {
    writeFileSync(join(served, "file"), "x\n");
    const paths = ["/none.git", "/link.git", "/../outside.git", "/file", "/"]
      .concat(["/./good.git", "/~/good.git", "/~root/x", good.path]);
    await inParallel(paths, async (path) => {
      const { code, stderr } = await below.git(["ls-remote", below.url(path)]);
      assert.equal(code, 128, path);
      // Clients send what starts with a tilde without its slash.
      const asked = path.replace(/^\/~/, "~");
      assert.match(
        stderr,
        new RegExp(
          `^fatal: '${asked}' does not appear to be a git repository\n`,
          "m",
        ),
      );
    });
  });

  it("takes pushes, but where it is read-only", async () => {
    const into = await clone(below, "/good.git", 2, good.path);
    const push = (server: SshServer, path: string) =>
      server.git(["push", server.url(path), `${good.main}:refs/heads/new`], {
        cwd: into,
      });
    const refused = await push(below, "/good.git");
    assert.equal(refused.code, 128);
    assert.match(refused.stderr, /access is read-only/);
    const other = smallRepository(join(root, "pushed.git"));
    const taken = await push(anywhere, other.path);
    assert.equal(taken.code, 0, taken.stderr);
    assert.ok((await refs(other.path)).join("\n").includes("refs/heads/new"));
    assert.ok(!(await refs(good.path)).join("\n").includes("refs/heads/new"));
  });

  it("starts no shell and no other program", () => {
    for (
      const [words, why] of [
        [[], /^fatal: Interactive sessions are not served\.\nhint: /],
        [["id"], /^fatal: unrecognized command 'id'\n$/],
        [["git-upload-pack"], /^fatal: bad argument\n$/],
        [["git-upload-pack", "--help"], /^fatal: bad argument\n$/],
        [["git-upload-pack '-x'"], /^fatal: bad argument\n$/],
        [["git-upload-pack '/good.git'; id"], /^fatal: bad argument\n$/],
      ] as const
    ) {
      const { code, stderr } = below.ssh(words);
      assert.equal(code, 128);
      assert.match(stderr, why);
    }
  });

  it("lets variables of a client change nothing but the protocol", () => {
    const config = join(root, "config");
    writeFileSync(config, "[transfer]\n\thideRefs = refs\n");
    const { code, stdout, stderr } = below.ssh([
      "git-upload-pack '/good.git'",
    ], {
      GIT_CONFIG_GLOBAL: config,
      GIT_CONFIG_SYSTEM: config,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "transfer.hideRefs",
      GIT_CONFIG_VALUE_0: "refs",
      GIT_NAMESPACE: "..",
      GIT_DIR: "/nowhere",
      GIT_ALTERNATE_OBJECT_DIRECTORIES: "/nowhere",
    });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.ok(stdout.includes("refs/heads/main"), stdout);
  });
});
