/**
 * `gitsrv update-server-info` beside `git update-server-info`: over generated
 * repositories of every kind both files hold the same bytes, are written when
 * they change and not otherwise; and the same command lines end with the same
 * exit codes and words.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { updateServerInfo } from "../../mod.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import {
  GIT,
  git,
  type GitResult,
  gitSync,
  runProgram,
} from "../support/git.ts";
import { type Random, seeded } from "../support/random.ts";
import {
  convertToReftable,
  encodeReftable,
  writeStack,
} from "../support/reftable.ts";
import { ourCommand, serverEnvironment } from "../support/server.ts";
import { describe, it } from "../support/test.ts";

const FILES = ["info/refs", "objects/info/packs"] as const;
const OLD = new Date(1_600_000_000_000);

/** Both files; `undefined` for one that is not there. */
function read(path: string): (string | undefined)[] {
  return FILES.map((name) => {
    const file = join(path, name);
    return existsSync(file) ? readFileSync(file, "latin1") : undefined;
  });
}

/** What git writes. */
async function expected(path: string): Promise<(string | undefined)[]> {
  await git(["update-server-info"], { cwd: path });
  return read(path);
}

function sorted(files: readonly (string | undefined)[]): unknown {
  return files.map((text) => text?.split("\n").sort());
}

function removeFiles(path: string): void {
  for (const name of FILES) rmSync(join(path, name), { force: true });
}

/** Commits, tags, tags of tags, loose and packed, as a seed says. */
function grow(path: string, random: Random, steps: number): void {
  const cwd = path;
  const run = (args: string[], input = "") =>
    gitSync(args, { cwd, input }).trim();
  let parent: string | undefined;
  const known: string[] = [];
  for (let i = 0; i < steps; i++) {
    const blob = run(["hash-object", "-w", "--stdin"], `${random.seed} ${i}`);
    const tree = run(["mktree"], `100644 blob ${blob}\tf\n`);
    const from: string[] = parent === undefined ? [] : ["-p", parent];
    parent = run(["commit-tree", "-m", `c${i}`, ...from, tree]);
    known.push(parent);
    if (random.int(3) === 0) known.push(blob, tree);
    const target = random.pick(known);
    const name = `${random.pick(["a", "b/c", "\xe4", "v1"])}-${i}`;
    switch (random.int(5)) {
      case 0:
        run(["update-ref", `refs/heads/${name}`, parent]);
        break;
      case 1:
        run(["tag", name, target]);
        break;
      case 2: {
        run(["tag", "-a", "-m", "x", name, target]);
        known.push(run(["rev-parse", `refs/tags/${name}`]));
        break;
      }
      case 3:
        run(["pack-refs", ...random.pick([[], ["--all"]])]);
        break;
      default:
        run(["repack", "-dqn"]);
    }
  }
  run(["update-ref", "refs/heads/main", parent as string]);
  if (random.int(2) === 0) {
    run(["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
  }
}

function cli(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<GitResult> {
  const command = ourCommand();
  return runProgram(
    command.program,
    [...command.args, "update-server-info", ...args],
    {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: serverEnvironment(options.env),
    },
  );
}

describe("update-server-info", () => {
  for (const format of ["sha1", "sha256"] as const) {
    for (let seed = 1; seed <= 2; seed++) {
      it(`writes what git writes: ${format}, seed ${seed}`, async () => {
        const random = seeded(seed);
        const path = join(temporaryDirectory("server-info"), "r.git");
        gitSync(["init", "-q", "--bare", `--object-format=${format}`, path]);
        for (let round = 0; round < 2; round++) {
          grow(path, random, 12);
          // With the lists of the round before, then from nothing, then by
          // force over a list in another order.
          const before = read(path);
          const theirs = await expected(path);
          FILES.forEach((name, i) => {
            const old = before[i];
            if (old === undefined) rmSync(join(path, name));
            else writeFileSync(join(path, name), old, "latin1");
          });
          await updateServerInfo(path, { lost: "fails" });
          assert.deepEqual(read(path), theirs, `seed ${seed}`);
          removeFiles(path);
          await updateServerInfo(path);
          const ours = read(path);
          // In which order packs that were not listed follow, git leaves to
          // where its memory lies.
          assert.deepEqual(ours, await expected(path), `seed ${seed}`);
          assert.deepEqual(sorted(ours), sorted(theirs), `seed ${seed}`);
          const list = join(path, FILES[1]);
          const lines = readFileSync(list, "latin1").trim().split("\n");
          writeFileSync(list, `${lines.reverse().join("\n")}\n\n`);
          await updateServerInfo(path, { force: true });
          assert.deepEqual(read(path), ours, `seed ${seed}`);
        }
      });
    }
  }

  it("writes what git writes of a reftable's refs", async () => {
    const root = temporaryDirectory("server-info");
    const [plain, tables] = ["plain.git", "tables.git"].map((name) =>
      join(root, name)
    ) as [string, string];
    gitSync(["init", "-q", "--bare", plain]);
    grow(plain, seeded(9), 12);
    cpSync(plain, tables, { recursive: true });
    const list = gitSync(
      ["for-each-ref", "--format=%(refname) %(objectname) %(*objectname)"],
      { cwd: plain },
    ).trim().split("\n").map((line) => line.split(" "));
    convertToReftable(tables);
    const refs = list.map(([name = "", oid = ""]) => ({ name, oid }));
    writeStack(tables, [
      {
        name: "0x000000000001-0x000000000001-00000001.ref",
        bytes: encodeReftable(refs).bytes,
      },
    ]);
    await updateServerInfo(tables);
    removeFiles(plain);
    await git(["update-server-info"], { cwd: plain });
    assert.equal(read(tables)[0], read(plain)[0]);
  });

  it("lists no pack of another repository, and 500 of its own", async () => {
    const root = temporaryDirectory("server-info");
    const [lender, path] = ["lender.git", "r.git"].map((name) =>
      join(root, name)
    ) as [string, string];
    gitSync(["init", "-q", "--bare", lender]);
    grow(lender, seeded(4), 8);
    gitSync(["repack", "-adq"], { cwd: lender });
    gitSync(["clone", "-q", "--bare", "--shared", lender, path]);
    removeFiles(path);
    await updateServerInfo(path);
    const alone = read(path);
    assert.equal(alone[1], "\n");
    removeFiles(path);
    assert.deepEqual(alone, await expected(path));
    // Names are all that counts here.
    const pack = readdirSync(join(lender, "objects/pack"))
      .find((name) => name.endsWith(".pack"))?.slice(0, -5) as string;
    for (let i = 0; i < 500; i++) {
      const name = `pack-${i.toString(16).padStart(40, "0")}`;
      for (const end of [".pack", ".idx"]) {
        cpSync(
          join(lender, "objects/pack", pack + end),
          join(path, "objects/pack", name + end),
        );
      }
    }
    rmSync(join(path, `objects/pack/pack-${"0".repeat(40)}.pack`));
    removeFiles(path);
    const theirs = await expected(path);
    await updateServerInfo(path, { force: true });
    const ours = read(path);
    assert.equal(ours[1]?.split("\n").length, 501);
    assert.deepEqual(sorted(ours), sorted(theirs));
    assert.deepEqual(await expected(path), ours);
    // From nothing git sorts them by where its memory has them, which hangs on
    // the length of the name that it was given: no bytes of the disk say it.
    // Where its answers to several names agree, ours is the same.
    const answers = new Set<string>();
    for (const name of [path, `${path}/${"./".repeat(30)}.`, "."]) {
      removeFiles(path);
      await git([`--git-dir=${name}`, "update-server-info"], { cwd: path });
      answers.add(read(path)[1] as string);
      assert.deepEqual(sorted(read(path)), sorted(ours));
    }
    if (answers.size === 1) assert.ok(answers.has(ours[1] as string));
    removeFiles(path);
    await updateServerInfo(path);
    assert.deepEqual(read(path), ours);
    // A list of some of them, with one twice.
    const lines = (ours[1] as string).trim().split("\n");
    const some = [...lines.slice(100, 499).reverse(), lines[200], ""];
    const list = join(path, FILES[1]);
    writeFileSync(list, some.join("\n"));
    await updateServerInfo(path);
    const kept = read(path)[1]?.split("\n").slice(0, 399);
    assert.deepEqual(await expected(path), read(path));
    writeFileSync(list, some.join("\n"));
    assert.deepEqual(
      (await expected(path))[1]?.split("\n").slice(0, 399),
      kept,
    );
  });

  it("leaves files that would not change, and replaces the others", async () => {
    const path = join(temporaryDirectory("server-info"), "r.git");
    gitSync(["init", "-q", "--bare", path]);
    grow(path, seeded(5), 8);
    const first = await updateServerInfo(path);
    assert.deepEqual(first.written, FILES);
    const times = () =>
      FILES.map((name) => {
        const { mtimeMs, ino } = statSync(join(path, name));
        return { isOld: mtimeMs === OLD.getTime(), ino };
      });
    for (const name of FILES) utimesSync(join(path, name), OLD, OLD);
    const before = times();
    assert.deepEqual((await updateServerInfo(path)).written, []);
    assert.deepEqual(times(), before);
    gitSync(["update-ref", "refs/heads/other", "main"], { cwd: path });
    writeFileSync(join(path, "info/rev-cache"), "");
    assert.deepEqual((await updateServerInfo(path)).written, ["info/refs"]);
    assert.deepEqual(times().map(({ isOld }) => isOld), [false, true]);
    assert.ok(!existsSync(join(path, "info/rev-cache")));
    const forced = await updateServerInfo(path, { force: true });
    assert.deepEqual(forced.written, FILES);
    assert.deepEqual(
      readdirSync(join(path, "info")).filter((name) => name.includes("_")),
      [],
    );
  });

  it("ends as git does, in and outside of repositories", async () => {
    const root = temporaryDirectory("server-info");
    const path = join(root, "work");
    const bare = join(root, "bare.git");
    gitSync(["init", "-q", path]);
    gitSync(["init", "-q", "--bare", bare]);
    mkdirSync(join(path, "sub/deeper"), { recursive: true });
    mkdirSync(join(root, "none"));
    writeFileSync(join(root, "gitfile"), `gitdir: ${bare}\n`);
    const cases: {
      cwd: string;
      args?: string[];
      env?: Record<string, string>;
      prepare?: () => void;
    }[] = [
      { cwd: path },
      { cwd: join(path, "sub/deeper"), args: ["--force"] },
      { cwd: join(bare, "objects"), args: ["-f"] },
      { cwd: join(root, "none") },
      { cwd: root, env: { GIT_DIR: "none" } },
      { cwd: root, env: { GIT_DIR: "bare.git" } },
      { cwd: root, env: { GIT_DIR: "gitfile" } },
      {
        cwd: join(path, "sub/deeper"),
        env: { GIT_CEILING_DIRECTORIES: join(path, "sub") },
      },
      {
        cwd: path,
        prepare: () =>
          writeFileSync(join(path, ".git/refs/heads/x"), `${"1".repeat(40)}\n`),
      },
      {
        cwd: bare,
        prepare: () =>
          writeFileSync(join(bare, "refs/heads/x"), `${"1".repeat(40)}\n`),
      },
      {
        cwd: join(bare, "objects"),
        prepare: () => {
          rmSync(join(bare, "info"), { recursive: true });
          rmSync(join(bare, "refs/heads/x"));
          writeFileSync(join(bare, "info"), "");
        },
      },
    ];
    for (const { cwd, args = [], env = {}, prepare } of cases) {
      prepare?.();
      const name = JSON.stringify({ cwd, args, env });
      const theirs = await runProgram(GIT, ["update-server-info", ...args], {
        cwd,
        env,
      });
      const ours = await cli(args, { cwd, env });
      assert.equal(ours.code, theirs.code, `${name}: ${ours.stderr}`);
      const words = (text: string) =>
        text.replace(/^(error: unable to update .*): .*$/m, "$1")
          .replace(/^warning: unable to unlink .*\n/m, "");
      assert.equal(words(ours.stderr), words(theirs.stderr), name);
      assert.equal(ours.stdout, "", name);
    }
  });

  it("goes on behind a directory that is no repository", async () => {
    const root = temporaryDirectory("server-info");
    for (const name of ["a.git", "b.git"]) {
      gitSync(["init", "-q", "--bare", join(root, name)]);
      grow(join(root, name), seeded(6), 3);
      removeFiles(join(root, name));
    }
    const { code, stderr } = await cli(["a", "none", "b.git"], { cwd: root });
    assert.equal(stderr, "fatal: not a git repository: 'none'\n");
    assert.equal(code, 128);
    for (const name of ["a.git", "b.git"]) {
      assert.match(read(join(root, name))[0] ?? "", /\trefs\/heads\/main\n/);
    }
  });
});
