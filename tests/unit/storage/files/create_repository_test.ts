/**
 * Repositories that a first push makes: equal to those of `git init --bare`,
 * one of many who race for a name, nothing where none may be, and nothing left
 * of those that stayed empty.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../../../src/core/errors.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import type { WritableFiles } from "../../../../src/core/write_files.ts";
import { systemOwners } from "../../../../src/runtime/owner.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import {
  type Created,
  createRepository,
  removeUnused,
} from "../../../../src/storage/files/create_repository.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git } from "../../../support/git.ts";
import { describe, it } from "../../../support/test.ts";
import { listing } from "./quarantine_support.ts";

const BRANCH = "refs/heads/trunk" as RefName;

function make(
  root: string,
  path: string,
  files: WritableFiles = NODE_WRITE_FILES,
): Promise<Created | undefined> {
  const owners = systemOwners();
  return createRepository(path, { files, owners, root, branch: BRANCH });
}

describe("making a repository", () => {
  it("makes what git init does", async () => {
    const root = temporaryDirectory("create");
    const made = await make(root, "/ours.git/");
    assert.deepEqual(made, {
      path: join(root, "ours.git"),
      made: [join(root, "ours.git")],
    });
    const theirs = join(root, "theirs.git");
    await git([
      ...["init", "--quiet", "--bare", "--template="],
      ...["--initial-branch=trunk", theirs],
    ]);
    assert.deepEqual(
      listing(join(root, "ours.git"), "bytes"),
      listing(theirs, "bytes"),
    );
  });

  it("makes the directories above, and takes back what stayed empty", async () => {
    const root = temporaryDirectory("create");
    mkdirSync(join(root, "team"));
    const made = await make(root, "/team/a/b/c.git");
    assert.ok(made !== undefined);
    assert.deepEqual(made.made.map((path) => path.slice(root.length)), [
      "/team/a/b/c.git",
      "/team/a/b",
      "/team/a",
    ]);
    removeUnused(NODE_WRITE_FILES, made);
    assert.deepEqual(listing(root, "bytes").map((line) => line.split(" ")[0]), [
      "./",
      "team/",
    ]);
  });

  it("keeps what somebody has begun to use", async () => {
    const uses: ((path: string) => void)[] = [
      (path) => writeFileSync(join(path, "refs/heads/main"), "x"),
      (path) => mkdirSync(join(path, "objects/tmp_objdir-incoming-1")),
      (path) => writeFileSync(join(path, "packed-refs"), ""),
      (path) => mkdirSync(join(path, "hooks")),
      (path) => writeFileSync(join(path, "objects/pack/pack-1.keep"), ""),
    ];
    for (const use of uses) {
      const root = temporaryDirectory("create");
      const made = await make(root, "/a/b.git");
      assert.ok(made !== undefined);
      use(made.path);
      const before = listing(made.path, "bytes");
      removeUnused(NODE_WRITE_FILES, made);
      assert.deepEqual(listing(made.path, "bytes"), before);
    }
  });

  it("lets one of many make it, and gives it to all", async () => {
    for (let round = 0; round < 5; round++) {
      const root = temporaryDirectory("create");
      const all = await Promise.all(
        Array.from({ length: 8 }, () => make(root, "/deep/er/r.git")),
      );
      const path = join(root, "deep/er/r.git");
      assert.ok(all.every((each) => each?.path === path));
      const makers = all.filter((each) => each?.made.includes(path));
      assert.equal(makers.length, 1, JSON.stringify(all));
      assert.deepEqual(readdirSync(join(root, "deep/er")), ["r.git"]);
      await git(["fsck"], { cwd: path });
    }
  });

  it("makes none inside of another, or where none may be", async () => {
    const root = temporaryDirectory("create");
    const outside = temporaryDirectory("create");
    await git(["init", "-q", "--bare", join(root, "bare.git")]);
    await git(["init", "-q", join(root, "work")]);
    mkdirSync(join(root, "plain"));
    writeFileSync(join(root, "file"), "");
    mkdirSync(join(root, "linked-work"));
    writeFileSync(join(root, "linked-work/.git"), "gitdir: elsewhere\n");
    symlinkSync(outside, join(root, "out"));
    symlinkSync("nowhere", join(root, "dangling"));
    const before = listing(root, "modes");
    for (
      const path of [
        ...["/bare.git/x.git", "/bare.git/refs/x.git", "/bare.git/new/x.git"],
        ...["/work/x.git", "/work/.git/x", "/work/sub/x.git"],
        ...["/linked-work/x.git", "/out/x.git", "/out", "/dangling"],
        ...["/dangling/x.git", "/file", "/file/x.git", "/plain", "/"],
        ...["/.hidden.git", "/a/.git", "/-x.git", "/a.lock", "/a/b.lock/c"],
        ...["/a\x01b", "/a\\b", "/a\x7f", `/${"x".repeat(241)}`],
        ...[`/${"\u00e9".repeat(121)}`],
      ]
    ) {
      assert.equal(await make(root, path), undefined, JSON.stringify(path));
      assert.deepEqual(listing(root, "modes"), before, JSON.stringify(path));
    }
    assert.deepEqual(readdirSync(outside), []);
    assert.equal(await make(join(root, "work"), "/x.git"), undefined);
    assert.equal(await make(join(root, "none"), "/x.git"), undefined);
  });

  it("finds what is there already, and does not call it its own", async () => {
    const root = temporaryDirectory("create");
    await git(["init", "-q", "--bare", join(root, "r.git")]);
    const found = await make(root, "/r.git");
    assert.deepEqual(found, { path: join(root, "r.git"), made: [] });
    removeUnused(NODE_WRITE_FILES, found as Created);
    assert.ok(existsSync(join(root, "r.git/HEAD")));
  });

  it("leaves nothing, or all of it, whichever call fails", async () => {
    let failures = 0;
    for (let n = 1; n < 100; n++) {
      const root = temporaryDirectory("create");
      const { files, hasFailed } = failingAt(n);
      try {
        const made = await make(root, "/a/r.git", files);
        if (!hasFailed()) break;
        assert.ok(made !== undefined);
      } catch (error) {
        assert.ok(error instanceof StorageError);
        assert.equal(error.code, "ENOSPC", `call ${n}`);
        failures++;
      }
      // Whole, or not there.
      const path = join(root, "a/r.git");
      if (existsSync(path)) await git(["fsck"], { cwd: path });
      else assert.deepEqual(readdirSync(root), [], `call ${n}`);
      const again = await make(root, "/a/r.git");
      assert.equal(again?.path, path, `call ${n}`);
      assert.equal(
        readFileSync(join(path, "HEAD"), "latin1"),
        `ref: ${BRANCH}\n`,
      );
    }
    assert.ok(failures >= 15, `${failures} failures`);
  });
});

/** Files of which the n-th change fails. */
function failingAt(
  n: number,
): { files: WritableFiles; hasFailed: () => boolean } {
  let calls = 0;
  const check = () => {
    if (++calls === n) throw new StorageError("ENOSPC", "full");
  };
  const inner = NODE_WRITE_FILES;
  const files: WritableFiles = {
    ...inner,
    create: (...args) => (check(), inner.create(...args)),
    makeDirectory: (...args) => (check(), inner.makeDirectory(...args)),
    rename: (...args) => (check(), inner.rename(...args)),
    unlink: (...args) => (check(), inner.unlink(...args)),
    syncDirectory: async (...args) => {
      check();
      await inner.syncDirectory(...args);
    },
  };
  return { files, hasFailed: () => calls >= n };
}
