/**
 * What people see who come with a browser, in Chromium, and what Git LFS is
 * told, by git-lfs itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../support/debian.ts";
import { browse } from "../support/chromium.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, runProgram, tryGit } from "../support/git.ts";
import { type Daemon, freePort, startDaemon } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";

const NAMES = [
  "hello.git",
  "team/<img src=x onerror=alert(1)>.git",
  `team/"'quoted' & $(touch x); .git`,
  "team/\u202egnp.exe.git",
] as const;
const WORDS = "Git LFS is not supported by this server";

describe("pages and LFS", () => {
  let root = "";
  let work = "";
  let port = 0;
  let daemon: Daemon;

  before(async () => {
    root = temporaryDirectory("pages");
    work = join(temporaryDirectory("pages-work"), "work");
    await git(["init", "-q", "-b", "trunk", work]);
    for (const [key, value] of [["name", "A"], ["email", "a@b"]]) {
      await git(["-C", work, "config", `user.${key}`, `${value}`]);
    }
    await git(
      ["-C", work, "commit", "-q", "--allow-empty", "-m", "Say </dd><b>hi"],
    );
    await git(["-C", work, "tag", "v1"]);
    for (const name of NAMES) {
      const path = join(root, name);
      await git(["clone", "-q", "--bare", work, path]);
      writeFileSync(
        join(path, "description"),
        Buffer.from("</p><script>alert(1)</script> caf\xe9 \u00ff", "latin1"),
      );
    }
    await git(["init", "-q", "--bare", "-b", "main", join(root, "new.git")]);
    symlinkSync(work, join(root, "elsewhere.git"));
    port = await freePort();
    daemon = await startDaemon({
      kind: "ours",
      args: [`--http-port=${port}`, "--allow-push", "--verbose", root],
    });
  });
  after(async () => void await daemon?.stop());

  it("shows in a browser what there is, and the lines to clone it", async () => {
    const page = await browse(`http://127.0.0.1:${port}/`);
    assert.match(page, /<html lang="en">/);
    assert.match(page, />5 repositories</);
    assert.doesNotMatch(page, /<script|<img|elsewhere/);
    assert.match(page, /<bdi>team\/&lt;img src=x onerror=alert\(1\)&gt;\.git</);
    assert.match(page, /&lt;\/p&gt;&lt;script&gt;alert\(1\)/);
    assert.match(page, /Default branch: <code><bdi>trunk<\/bdi><\/code>/);
    assert.match(page, /<bdi>main<\/bdi><\/code>, without a commit yet/);
    const lines = [...page.matchAll(/<code>(git clone [^<]*)<\/code>/g)]
      .map(([, line]) => line as string);
    assert.equal(lines.length, 10);
    const into = temporaryDirectory("pages-clones");
    for (const [i, line] of lines.entries()) {
      const shell = line.replaceAll("&amp;", "&");
      const cloned = await runProgram("sh", ["-c", `${shell} c${i}`], {
        cwd: into,
      });
      assert.equal(cloned.code, 0, `${shell}\n${cloned.stderr}`);
    }
    // Nothing else was loaded.
    const asked = daemon.log().match(/GET \S* \d+/g) ?? [];
    const other = asked.filter((line) => !line.includes("/info/refs"));
    assert.deepEqual(other, ["GET / 200"]);
  });

  it("shows in a browser the repository that a clone URL names", async () => {
    const page = await browse(`http://127.0.0.1:${port}/hello.git`);
    const text = page.replace(/<style>[^]*<\/style>/, "")
      .replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    assert.match(text, /Default branch trunk Branches 1 Tags 1 Last commit/);
    assert.match(text, /Say &lt;\/dd&gt;&lt;b&gt;hi \d{4}-\d\d-\d\d \d\d:\d\d/);
    assert.ok(
      text.includes(`git clone http://127.0.0.1:${port}/hello.git`),
    );
    assert.match(page, /<a href="\/">All repositories<\/a>/);
  });

  it("tells git-lfs in words that nothing is kept for it", async () => {
    const clone = join(temporaryDirectory("pages-lfs"), "clone");
    const url = `http://127.0.0.1:${port}/hello.git`;
    await git(["clone", "-q", url, clone]);
    const inClone = (...args: string[]) =>
      tryGit([
        "-C",
        clone,
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b",
        ...args,
      ]);
    findProgram("git-lfs");
    const installed = await inClone("lfs", "install", "--local");
    assert.equal(installed.code, 0, installed.stderr);
    // Its hook asks for locks first: that there are none is no error.
    await inClone("commit", "-q", "--allow-empty", "-m", "Without LFS");
    const plain = await inClone("push", "-q");
    assert.equal(plain.code, 0, plain.stderr);
    await inClone("lfs", "track", "*.bin");
    writeFileSync(join(clone, "a.bin"), "large");
    await inClone("add", ".");
    await inClone("commit", "-q", "-m", "With LFS");
    for (const command of [["push"], ["lfs", "push", "origin", "trunk"]]) {
      const pushed = await inClone(...command);
      assert.notEqual(pushed.code, 0);
      assert.ok((pushed.stderr + pushed.stdout).includes(WORDS), pushed.stderr);
    }
    const pushed = await inClone("push", "-q", "--no-verify");
    assert.equal(pushed.code, 0, pushed.stderr);
    const other = join(temporaryDirectory("pages-lfs"), "other");
    await git(["clone", "-q", url, other]);
    const fetched = await tryGit(["-C", other, "lfs", "fetch"]);
    assert.notEqual(fetched.code, 0);
    assert.ok((fetched.stderr + fetched.stdout).includes(WORDS));
  });
});
