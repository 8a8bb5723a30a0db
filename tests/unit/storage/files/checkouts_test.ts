/**
 * Which branches count as checked out: the same that git's receive-pack
 * refuses to change, with linked work trees, rebases and bisections.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git, tryGit } from "../../../support/git.ts";
import { describe, it } from "../../../support/test.ts";
import { fileRepository } from "./support.ts";

const BRANCHES = ["a", "b", "c", "d", "e", "main"];

/** A repository whose branches are one commit each on top of the first. */
async function makeWorld(kind: "bare" | "work"): Promise<string> {
  const path = join(temporaryDirectory("checkouts"), "r");
  const run = (...args: string[]) => git(args, { cwd: path });
  await git(["init", "-q", "--initial-branch=main", path]);
  writeFileSync(join(path, "file"), "0\n");
  await run("add", "file");
  await run("commit", "-q", "-m", "0");
  for (const name of BRANCHES) {
    if (name === "main") continue;
    await run("checkout", "-q", "-b", name, "main");
    writeFileSync(join(path, "file"), `${name}\n`);
    await run("commit", "-q", "-a", "-m", name);
  }
  await run("checkout", "-q", "main");
  if (kind === "work") return path;
  const bare = join(path, "../bare.git");
  await git(["clone", "-q", "--bare", path, bare]);
  return bare;
}

/** What ours names. */
function checkedOut(path: string): string[] {
  const { repository } = fileRepository(path);
  return [...repository.checkedOut()].sort();
}

/** What git refuses to change. It has changed the other branches then. */
async function refused(path: string): Promise<string[]> {
  const first = (await git(["rev-list", "--max-parents=0", "main"], {
    cwd: path,
  })).trim();
  const source = join(path, "../source.git");
  rmSync(source, { recursive: true, force: true });
  await git(["clone", "-q", "--bare", path, source]);
  const tree = `${first}^{tree}`;
  const other = (await git(["commit-tree", "-m", "other", tree], {
    cwd: source,
  })).trim();
  const { stdout } = await tryGit([
    ...["push", "--porcelain", "--force", path],
    ...BRANCHES.map((name) => `${other}:refs/heads/${name}`),
  ], { cwd: source });
  return stdout.split("\n")
    .filter((line) => line.includes("branch is currently checked out"))
    .map((line) => /:(refs\/\S+)/.exec(line)?.[1] ?? line).sort();
}

async function compare(path: string, expected: string[]): Promise<void> {
  const ours = checkedOut(path);
  assert.deepEqual(ours, await refused(path));
  assert.deepEqual(ours, expected.map((name) => `refs/heads/${name}`));
}

describe("the branches that are checked out", () => {
  it("are that of a work tree, and none of a bare repository", async () => {
    await compare(await makeWorld("work"), ["main"]);
    await compare(await makeWorld("bare"), []);
  });

  for (const kind of ["bare", "work"] as const) {
    it(`are those of linked work trees, of one ${kind}, too`, async () => {
      const path = await makeWorld(kind);
      const run = (...args: string[]) => git(args, { cwd: path });
      const trees = join(path, "../trees");
      await run("worktree", "add", "-q", join(trees, "a"), "a");
      await run("worktree", "add", "-q", "--detach", join(trees, "x"), "b");
      await run("worktree", "add", "-q", join(trees, "gone"), "c");
      rmSync(join(trees, "gone"), { recursive: true });
      const own = kind === "work" ? ["main"] : [];
      await compare(path, ["a", "c", ...own]);
    });
  }

  it("are those that a rebase or a bisection comes back to", async () => {
    const path = await makeWorld("work");
    const trees = join(path, "../trees");
    const add = async (name: string) => {
      await git(["worktree", "add", "-q", join(trees, name), name], {
        cwd: path,
      });
      return (...args: string[]) => tryGit(args, { cwd: join(trees, name) });
    };
    const merging = await add("a");
    assert.notEqual((await merging("rebase", "e")).code, 0);
    const applying = await add("b");
    assert.notEqual((await applying("rebase", "--apply", "e")).code, 0);
    const bisecting = await add("c");
    await bisecting("bisect", "start");
    await bisecting("checkout", "-q", "--detach");
    await compare(path, ["a", "b", "c", "main"]);
  });

  it("are not told by what is torn, absent or of git am", async () => {
    const path = await makeWorld("bare");
    const worktrees = join(path, "worktrees");
    const place = (name: string, files: Record<string, string>) => {
      for (const [file, text] of Object.entries(files)) {
        const at = join(worktrees, name, file);
        mkdirSync(join(at, ".."), { recursive: true });
        writeFileSync(at, text);
      }
    };
    const base = { gitdir: "/nowhere/.git\n", commondir: "../..\n" };
    const main = (await git(["rev-parse", "main"], { cwd: path })).trim();
    place("none", { HEAD: "ref: refs/heads/a\n" });
    place("empty", { ...base, gitdir: "", HEAD: "ref: refs/heads/a\n" });
    place("am", {
      ...{ ...base, HEAD: `${main}\n` },
      "rebase-apply/applying": "",
      "rebase-apply/head-name": "refs/heads/b\n",
    });
    place("odd", {
      ...{ ...base, HEAD: `${main}\n` },
      "rebase-merge/head-name": "detached HEAD\n",
    });
    assert.deepEqual(checkedOut(path), []);
    place("real", { ...base, HEAD: "ref: refs/heads/d\n" });
    place("blank", { ...base, gitdir: "\n", HEAD: "ref: refs/heads/e\n" });
    await compare(path, ["d", "e"]);
  });
});
