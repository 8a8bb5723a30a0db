import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FileSystemBackend } from "../../../../mod.ts";
import type { ExposureRules } from "../../../../src/storage/files/exposure.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { readDescription } from "../../../../src/storage/files/description.ts";
import { repositoriesBelow } from "../../../../src/storage/files/find_repositories.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it, test } from "../../../support/test.ts";

function make(directory: string, head = "ref: refs/heads/main\n"): void {
  for (const part of ["objects", "refs"]) {
    mkdirSync(join(directory, part), { recursive: true });
  }
  writeFileSync(join(directory, "HEAD"), head);
}

async function listed(rules: string | ExposureRules): Promise<string[]> {
  const paths: string[] = [];
  const found = new FileSystemBackend(rules).listRepositories();
  for await (const path of found) paths.push(path);
  return paths.sort();
}

/** Directories, repositories, broken ones, links, and what is hidden. */
function grow(directory: string, random: Random, depth: number): void {
  mkdirSync(directory, { recursive: true });
  for (let i = random.int(5); i >= 0; i--) {
    const name = random.pick(["a", "b", "c d", "é", ".hid", "x.git"]) + i;
    const path = join(directory, name);
    const kind = random.int(depth > 2 ? 6 : 8);
    if (kind === 0) make(path);
    else if (kind === 1) make(join(path, ".git"));
    else if (kind === 2) make(path, "nonsense\n");
    else if (kind === 3) writeFileSync(path, "HEAD");
    else if (kind === 4) symlinkSync(random.pick(["a0", "b1", ".."]), path);
    else if (kind === 5) {
      make(path);
      make(join(path, "inner.git"));
    } else grow(path, random, depth + 1);
    if (random.int(3) === 0 && kind < 2) {
      const git = kind === 0 ? path : join(path, ".git");
      writeFileSync(join(git, "git-daemon-export-ok"), "");
    }
  }
}

/** Every directory that is not hidden, nor in a repository, by its path. */
function directories(root: string): string[] {
  const found: string[] = [];
  const level = [""];
  for (let at = level.pop(); at !== undefined; at = level.pop()) {
    for (const entry of readdirSync(root + at, { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = `${at}/${entry.name}`;
      if (entry.isDirectory() || entry.isSymbolicLink()) found.push(path);
      if (entry.isDirectory()) level.push(path);
    }
  }
  return found;
}

describe("the list of repositories on disk", () => {
  it("is what can be opened, in any tree", async () => {
    for (let seed = 0; seed < 25; seed++) {
      const random = seeded(seed);
      const root = join(temporaryDirectory("listed"), "root");
      grow(root, random, 0);
      const exposures: readonly ExposureRules[] = [
        { rules: "friendly", root },
        { rules: "git", basePath: root },
        { rules: "git", basePath: root, exportAll: true },
        { rules: "git", basePath: root, directories: [join(root, "a0")] },
      ];
      for (const rules of exposures) {
        const backend = new FileSystemBackend(rules);
        const paths = await listed(rules);
        const expected: string[] = [];
        for (const path of directories(root)) {
          // With a suffix, the name of another directory would do as well.
          const opened = await backend.openRepository(path).catch(() =>
            undefined
          );
          const place = opened?.address?.path;
          if (place !== root + path && place !== `${root}${path}/.git`) {
            continue;
          }
          expected.push(path);
        }
        assert.deepEqual(
          paths,
          outermost(expected),
          `seed ${seed}, ${JSON.stringify(rules)}`,
        );
      }
    }
  });

  it("goes by git's list of directories where there is no base path", async () => {
    const root = temporaryDirectory("listed");
    for (const name of ["one/a.git", "one/deep/b.git", "two.git", "c.git"]) {
      make(join(root, name));
    }
    const at = (...names: string[]) => names.map((name) => join(root, name));
    const rules = {
      rules: "git",
      exportAll: true,
      directories: at("one", "one/deep", "two.git", "none"),
    } as const;
    assert.deepEqual(
      await listed(rules),
      at("one/a.git", "one/deep/b.git", "two.git"),
    );
    assert.deepEqual(
      await listed({ ...rules, strictPaths: true, directories: at("two.git") }),
      at("two.git"),
    );
    assert.deepEqual(await listed({ rules: "git", exportAll: true }), []);
  });

  it("has no repository that a link leads out to", async () => {
    const root = temporaryDirectory("listed");
    make(join(root, "outside.git"));
    make(join(root, "root/real.git"));
    for (
      const [target, name] of [
        ["../outside.git", "out.git"],
        ["real.git", "alias.git"],
        ["..", "up"],
        [".", "loop"],
        ["loop", "loop2"],
      ] as const
    ) symlinkSync(target, join(root, "root", name));
    mkdirSync(join(root, "root/gitfile"));
    writeFileSync(
      join(root, "root/gitfile/.git"),
      `gitdir: ${root}/outside.git\n`,
    );
    assert.deepEqual(await listed(join(root, "root")), [
      "/alias.git",
      "/real.git",
    ]);
  });

  it("has the root where that is a repository, and nothing in it", async () => {
    const root = temporaryDirectory("listed");
    make(root);
    make(join(root, "inner.git"));
    assert.deepEqual(await listed(root), ["/"]);
    assert.deepEqual(await listed(join(root, "none")), []);
  });
});

test("a look for repositories ends at its bounds, and says so", () => {
  const root = temporaryDirectory("listed");
  for (const name of ["a.git", "b/c.git", "b/d/e.git"]) make(join(root, name));
  const look = (depth: number, entries: number) => {
    const steps = repositoriesBelow(NODE_FILES, root, { depth, entries });
    const paths: string[] = [];
    for (;;) {
      const step = steps.next();
      if (step.done === true) return [...paths, step.value];
      if (step.value !== undefined) paths.push(step.value.path);
    }
  };
  assert.deepEqual(look(9, 99), ["a.git", "b/c.git", "b/d/e.git", "all"]);
  assert.deepEqual(look(9, 6), ["a.git", "b/c.git", "b/d/e.git", "all"]);
  assert.deepEqual(look(9, 5), ["a.git", "b/c.git", "more"]);
  assert.deepEqual(look(2, 99), ["a.git", "b/c.git", "more"]);
  assert.deepEqual(look(0, 99), ["more"]);
});

test("a description is what its owner wrote, and never a link's target", () => {
  const directory = temporaryDirectory("described");
  const path = join(directory, "description");
  assert.equal(readDescription(NODE_FILES, directory), undefined);
  const write = (text: string | Uint8Array) => {
    writeFileSync(path, text);
    return readDescription(NODE_FILES, directory);
  };
  assert.equal(write("  Two\nlines \n"), "Two\nlines");
  assert.equal(write(" \n"), undefined);
  assert.equal(
    write(
      "Unnamed repository; edit this file 'description' to name the " +
        "repository.\n",
    ),
    undefined,
  );
  assert.equal(write(new Uint8Array([0x61, 0xff, 0x62])), "a\ufffdb");
  assert.equal(write("x".repeat(64 * 1024 + 1)), undefined);
  const other = temporaryDirectory("described");
  writeFileSync(join(other, "secret"), "secret");
  symlinkSync(join(other, "secret"), join(other, "description"));
  assert.equal(readDescription(NODE_FILES, other), undefined);
  assert.equal(readDescription(NODE_FILES, dirname(path) + "/none"), undefined);
});

/** Those that are in no other one. */
function outermost(paths: readonly string[]): string[] {
  return paths.filter((path) =>
    !paths.some((other) => path.startsWith(`${other}/`))
  ).sort();
}
