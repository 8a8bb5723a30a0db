/**
 * What alternates' refs name: the ids that git's receive-pack tells as `.have`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git } from "../../../support/git.ts";
import { describe, it } from "../../../support/test.ts";
import { parsePackets } from "../../../support/wire_client.ts";
import { fileRepository } from "./support.ts";

/** A repository with refs of its own, each with a commit of its own. */
async function repository(
  root: string,
  name: string,
  refs: readonly string[] = ["refs/heads/main"],
): Promise<string> {
  const path = join(root, name);
  await git(["init", "-q", "--bare", path]);
  const run = async (args: string[], input = "") =>
    (await git(args, { cwd: path, input })).trim();
  const tree = await run(["mktree"]);
  for (const ref of refs) {
    const commit = await run(["commit-tree", "-m", `${name} ${ref}`, tree]);
    await run(["update-ref", ref, commit]);
  }
  return path;
}

function borrow(path: string, ...lines: readonly string[]): void {
  const file = join(path, "objects/info/alternates");
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
}

/** What ours borrows, each once; and what it complained of. */
function ours(path: string): { tips: string[]; lines: string[] } {
  const { repository, lines } = fileRepository(path);
  return { tips: [...new Set(repository.borrowedTips())].sort(), lines };
}

/** What git tells of. */
async function theirs(path: string): Promise<string[]> {
  const said = await git(["receive-pack", "--http-backend-info-refs", path]);
  return parsePackets(new TextEncoder().encode(said))
    .flatMap((each) => each.type === "data" ? [each.text] : [])
    .filter((text) => text.slice(41).startsWith(".have"))
    .map((text) => text.slice(0, 40)).sort();
}

async function compare(path: string, count: number): Promise<string[]> {
  const { tips, lines } = ours(path);
  assert.deepEqual(tips, await theirs(path));
  assert.equal(tips.length, count);
  return lines;
}

describe("what alternates' refs name", () => {
  it("is told of all that are borrowed from, near and far", async () => {
    const root = temporaryDirectory("borrowed");
    const far = await repository(root, "far.git", [
      "refs/x/far",
      "refs/tags/f",
    ]);
    const near = await repository(root, "near.git", [
      ...["refs/heads/a", "refs/heads/b"],
    ]);
    const path = await repository(root, "r.git");
    await compare(path, 0);
    borrow(near, join(far, "objects"));
    borrow(path, "../../near.git/objects");
    await compare(path, 4);
    await git(["pack-refs", "--all"], { cwd: near });
    await compare(path, 4);
  });

  it("ends where repositories borrow in a circle, or from nowhere", async () => {
    const root = temporaryDirectory("borrowed");
    const other = await repository(root, "other.git");
    const path = await repository(root, "r.git");
    borrow(other, join(path, "objects"), join(other, "objects"));
    borrow(path, join(other, "objects"), join(path, "objects"));
    await compare(path, 1);
    borrow(path, join(other, "objects"), join(root, "none/objects"), "# no");
    await compare(path, 1);
  });

  it("is narrowed by prefixes", async () => {
    const root = temporaryDirectory("borrowed");
    const other = await repository(root, "other.git", [
      ...["refs/heads/a", "refs/heads/ab", "refs/heads/a-/c", "refs/tags/a"],
    ]);
    const path = await repository(root, "r.git");
    borrow(path, join(other, "objects"));
    for (
      const [prefixes, count] of [
        ["refs/heads", 3],
        ["refs/heads/", 3],
        ["refs/heads/a", 1],
        ["refs/tags refs/heads/a-", 2],
        ["refs/none", 0],
        ["", 4],
      ] as const
    ) {
      await git(["config", "core.alternateRefsPrefixes", prefixes], {
        cwd: path,
      });
      await compare(path, count);
    }
  });

  it("is nothing of directories that are no repository's", async () => {
    const root = temporaryDirectory("borrowed");
    const path = await repository(root, "r.git");
    mkdirSync(join(root, "plain/objects"), { recursive: true });
    const odd = await repository(root, "odd.git");
    await git(["init", "-q", "--bare", join(root, "sub")]);
    borrow(path, join(root, "plain/objects"), join(odd, "objects/pack"));
    await compare(path, 0);
  });

  it("is told of the others where one cannot be read", async () => {
    const root = temporaryDirectory("borrowed");
    const torn = await repository(root, "torn.git");
    const sound = await repository(root, "sound.git");
    const path = await repository(root, "r.git");
    borrow(path, join(torn, "objects"), join(sound, "objects"));
    writeFileSync(join(torn, "packed-refs"), "torn\n");
    const { tips, lines } = ours(path);
    const main = (await git(["rev-parse", "main"], { cwd: sound })).trim();
    assert.deepEqual(tips, [main]);
    assert.ok(lines.length > 0);
  });
});
