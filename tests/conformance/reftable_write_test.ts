/**
 * Reftables that we write, beside git: the same updates to refs in files by
 * `git update-ref`, and, where `GITSRV_TEST_GIT` names a git that reads
 * reftables (2.45 and newer), one repository that both change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../src/core/oid.ts";
import type { RefName } from "../../src/core/ref_name.ts";
import type { LogPolicy } from "../../src/storage/files/reflog.ts";
import type { RefUpdate } from "../../src/storage/writes.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { GIT, git, gitSync, tryGit } from "../support/git.ts";
import { fsck, lines } from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import {
  leftovers,
  makeStack,
  openWorld,
  type ReftableWorld,
  tableNames,
} from "../support/reftable_world.ts";
import { describe, it } from "../support/test.ts";

const ZERO = "0".repeat(40) as Oid;
const COMMITTER = "C O Mitter <c@example.com> 1700000000 -0130";
const ENV = {
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "c@example.com",
  GIT_COMMITTER_DATE: "1700000000 -0130",
};
const NAMES = [
  ...["a", "a/b", "a/b/c", "d", "d/e", "main", "alias"]
    .map((name) => `refs/heads/${name}`),
  ...["refs/tags/v1", "refs/tags/v1/x", "refs/notes/n", "HEAD"],
];
const root = temporaryDirectory("reftable-write");

/** Commits in a new bare repository. */
function seedRepository(
  name: string,
  ...init: readonly string[]
): { path: string; commits: Oid[]; tag: Oid } {
  const path = join(root, name);
  gitSync(["init", "-q", "--bare", ...init, path]);
  const run = (args: string[], input = ""): Oid =>
    gitSync(args, { cwd: path, input }).trim() as Oid;
  const tree = run(["mktree"]);
  const commits = ["one", "two", "three"].map((message) =>
    run(["commit-tree", "-m", message, tree])
  );
  const tag = run(
    ["mktag"],
    `object ${commits[0]}\ntype commit\ntag v1\n` +
      "tagger A <a@example.com> 1700000000 +0000\n\nv1\n",
  );
  return { path, commits, tag };
}

/** Some updates of different refs, most of which expect what is there. */
function someUpdates(
  random: Random,
  commits: readonly Oid[],
  now: (name: string) => Oid,
): RefUpdate[] {
  const names = NAMES.filter(() => random.int(5) === 0);
  return names.map((name) => {
    const value = random.int(3) === 0 ? ZERO : random.pick(commits);
    const old = random.pick([
      undefined,
      now(name),
      now(name),
      commits[0],
      ZERO,
    ]);
    return {
      name: name as RefName,
      new: value,
      ...(old === undefined ? {} : { old }),
    };
  });
}

/** `update-ref --stdin`, and what it says where it refuses. */
async function updateByGit(
  cwd: string,
  updates: readonly RefUpdate[],
): Promise<string | undefined> {
  const input = updates.map(({ name, new: value, old }) =>
    `update ${name} ${value}${old === undefined ? "" : ` ${old}`}\n`
  ).join("");
  const { code, stderr } = await tryGit(
    ["update-ref", "-m", "push", "--stdin"],
    { cwd, input, env: ENV },
  );
  return code === 0 ? undefined : stderr.replace(/^fatal: /, "").trim();
}

function updateByUs(
  world: ReftableWorld,
  updates: readonly RefUpdate[],
  { atomic }: { readonly atomic: boolean },
) {
  const options = { atomic, committer: COMMITTER, message: "push" };
  return world.writer.apply(updates, options);
}

describe("Reftables that we write", () => {
  for (const policy of ["always", "normal", "none"] as LogPolicy[]) {
    it(`hold what git's files hold after the same updates, logging ${policy}`, async () => {
      const seed = 700 + policy.length;
      const random = seeded(seed);
      const { path, commits, tag } = seedRepository(`files-${policy}.git`);
      const setting = { always: "always", normal: "true", none: "false" };
      const run = (...args: string[]) => gitSync(args, { cwd: path, env: ENV });
      run("config", "core.logAllRefUpdates", setting[policy]);
      run("symbolic-ref", "HEAD", "refs/heads/main");
      run("symbolic-ref", "refs/heads/alias", "refs/heads/d/e");
      const ours = join(root, `ours-${policy}.git`);
      makeStack(ours);
      const world = openWorld(ours, { logs: policy });
      await world.setSymbolic("HEAD", "refs/heads/main");
      await world.setSymbolic("refs/heads/alias", "refs/heads/d/e");
      const now = (name: string): Oid => {
        const refs = world.refs();
        const aim = name === "HEAD" ? "ref: refs/heads/main" : refs.get(name);
        const end = aim?.startsWith("ref: ") ? refs.get(aim.slice(5)) : aim;
        return (end ?? ZERO) as Oid;
      };
      for (let step = 0; step < 60; step++) {
        const updates = someUpdates(random, commits, now);
        if (step % 7 === 0) {
          const name = "refs/tags/v1" as RefName;
          if (!updates.some((each) => each.name.startsWith(name))) {
            updates.push({ name, new: tag });
          }
        }
        const atomic = random.int(2) === 0;
        const where = `seed ${seed}, step ${step}: ${JSON.stringify(updates)}`;
        const outcomes = await updateByUs(world, updates, { atomic });
        if (atomic) {
          const refusal = await updateByGit(path, updates);
          const failed = outcomes.find((each) => each !== undefined);
          assert.equal(failed === undefined, refusal === undefined, where);
        } else {
          for (const [i, each] of updates.entries()) {
            const refusal = await updateByGit(path, [each]);
            assert.equal(outcomes[i]?.message, refusal, where);
          }
        }
        const shown = gitSync(
          ["for-each-ref", "--format=%(refname) %(objectname) %(symref)"],
          { cwd: path },
        );
        const refs = [...world.refs()].filter(([name]) => name !== "alias");
        const stored = refs.flatMap(([name, value]) => {
          const target = value.startsWith("ref: ") ? value.slice(5) : "";
          const oid = target === "" ? value : now(target);
          // What dangles is not listed.
          return oid === ZERO ? [] : [`${name} ${oid} ${target}`];
        });
        assert.deepEqual(stored, lines(shown), where);
        for (const name of NAMES) {
          const file = join(path, "logs", name);
          const log = existsSync(file) && !NAMES.some((each) =>
              each.startsWith(`${name}/`) &&
              existsSync(join(path, "logs", each))
            )
            ? lines(readFileSync(file, "latin1"))
            : [];
          assert.deepEqual(world.log(name), log, `${where}: ${name}`);
        }
      }
      assert.deepEqual(leftovers(ours), []);
      assert.ok(tableNames(ours).length < 12);
    });
  }
});

const canRead = (await tryGit([
  "init",
  "-q",
  "--bare",
  "--ref-format=reftable",
  join(temporaryDirectory("probe"), "p.git"),
])).code === 0;

describe("Reftables that we and git write", () => {
  if (!canRead) {
    it(`are NOT tested: "${GIT}" has none; let GITSRV_TEST_GIT name a git that does (2.45 or newer)`, () => {
      assert.ok(!canRead);
    });
    return;
  }

  /** Our world over a repository that git made. */
  function worldOf(path: string, seeds: { tag: Oid; commits: Oid[] }) {
    return openWorld(path, {
      logs: "always",
      peel: (oid) => oid === seeds.tag ? seeds.commits[0] : undefined,
    });
  }

  it("are those of git to the byte, but for compressed logs", async () => {
    const shapes = [
      { count: 3, blockSize: "4096" },
      { count: 700, blockSize: "4096" },
      { count: 5000, blockSize: "512" },
    ];
    for (const { count, blockSize } of shapes) {
      const tables: Uint8Array[] = [];
      for (const who of ["git", "ours"]) {
        const seeds = seedRepository(
          `bytes-${count}-${who}.git`,
          "--ref-format=reftable",
        );
        const { path, commits, tag } = seeds;
        await git(["config", "reftable.blockSize", blockSize], { cwd: path });
        const updates = Array.from({ length: count }, (_, i) => ({
          name: `refs/heads/d${i % 7}/b${i}` as RefName,
          new: commits[i % 3] as Oid,
          old: ZERO,
        }));
        updates.push({ name: "refs/tags/v1" as RefName, new: tag, old: ZERO });
        if (who === "git") {
          assert.equal(await updateByGit(path, updates), undefined);
        } else {
          const world = openWorld(path, {
            logs: "none",
            config: { "reftable.blocksize": blockSize },
            peel: (oid) => oid === tag ? commits[0] : undefined,
          });
          const outcomes = await updateByUs(world, updates, {
            atomic: true,
          });
          assert.ok(outcomes.every((each) => each === undefined));
        }
        const names = tableNames(path);
        assert.equal(names.length, 1);
        tables.push(readFileSync(join(path, "reftable", names[0] as string)));
      }
      assert.deepEqual(tables[0], tables[1], `${count} refs`);
    }
  });

  it("stay sound while both change them by turns", async () => {
    const seed = 71;
    const random = seeded(seed);
    const seeds = seedRepository("turns.git", "--ref-format=reftable");
    const { path, commits, tag } = seeds;
    await git(["config", "core.logAllRefUpdates", "always"], { cwd: path });
    const world = worldOf(path, seeds);
    const model = new Map<string, Oid>();
    const logs = new Map<string, number>();
    for (let step = 0; step < 60; step++) {
      const updates = new Map<string, RefUpdate>();
      for (let i = random.int(6); i >= 0; i--) {
        const name = `refs/heads/n${random.int(30)}` as RefName;
        const value = random.int(4) === 0 ? ZERO : random.pick(commits);
        updates.set(name, { name, new: value });
      }
      const name = "refs/tags/v" as RefName;
      if (step % 9 === 0) updates.set(name, { name, new: tag });
      const batch = [...updates.values()];
      if (random.int(2) === 0) {
        assert.equal(await updateByGit(path, batch), undefined);
      } else {
        for (
          const each of await updateByUs(world, batch, {
            atomic: random.int(2) > 0,
          })
        ) {
          assert.equal(each, undefined);
        }
      }
      if (random.int(8) === 0) await git(["pack-refs", "--all"], { cwd: path });
      for (const { name, new: value } of batch) {
        if (value === ZERO) {
          model.delete(name);
          logs.delete(name);
        } else if (model.get(name) !== value) {
          model.set(name, value);
          logs.set(name, (logs.get(name) ?? 0) + 1);
        }
      }
      const shown = await git(
        ["for-each-ref", "--format=%(refname) %(objectname)"],
        { cwd: path },
      );
      const expected = [...model].sort().map((pair) => pair.join(" "));
      assert.deepEqual(lines(shown), expected, `seed ${seed}, step ${step}`);
      if (step % 10 !== 9) continue;
      // Logs of tags are not shown, since those are no commits.
      logs.delete(name);
      for (const [each, count] of logs) {
        const log = lines(
          await git(["reflog", "show", "--format=%H %gn <%ge> %gs", each], {
            cwd: path,
          }),
        );
        assert.equal(log.length, count, `seed ${seed}, step ${step}: ${each}`);
        assert.equal(
          log[0],
          `${model.get(each)} C O Mitter <c@example.com> push`,
        );
      }
      await git(["refs", "verify"], { cwd: path });
    }
    assert.deepEqual(await fsck(path), { code: 0, lines: [] });
    assert.deepEqual(leftovers(path), []);
  });

  it("lose nothing while both change them at once", {
    timeout: 300_000,
  }, async () => {
    const seeds = seedRepository("race.git", "--ref-format=reftable");
    const { path, commits } = seeds;
    await git(["config", "reftable.lockTimeout", "5000"], { cwd: path });
    const world = openWorld(path, {
      logs: "always",
      config: { "reftable.locktimeout": "5000" },
    });
    const value = (i: number): Oid => commits[i % 3] as Oid;
    const theirs = async (who: string): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const name = `refs/heads/${who}/n${i % 10}` as RefName;
        assert.equal(
          await updateByGit(path, [{ name, new: value(i) }]),
          undefined,
        );
      }
    };
    const ours = async (): Promise<void> => {
      for (let i = 0; i < 150; i++) {
        const name = `refs/heads/ours/n${i % 10}` as RefName;
        const [outcome] = await updateByUs(
          world,
          [{ name, new: value(i) }],
          { atomic: false },
        );
        assert.equal(outcome, undefined);
      }
    };
    await Promise.all([theirs("one"), theirs("two"), ours()]);
    const shown = lines(
      await git(["for-each-ref", "--format=%(refname) %(objectname)"], {
        cwd: path,
      }),
    );
    const expected = ["one", "ours", "two"].flatMap((who) =>
      Array.from({ length: 10 }, (_, i) => {
        const last = who === "ours" ? 140 + i : 30 + i;
        return `refs/heads/${who}/n${i} ${value(last)}`;
      })
    );
    assert.deepEqual(shown, expected);
    await git(["refs", "verify"], { cwd: path });
    assert.deepEqual(leftovers(path), []);
  });

  it("keep the log of a linked worktree's HEAD in its own stack", async () => {
    const seeds = seedRepository("trees.git", "--ref-format=reftable");
    const { path, commits } = seeds;
    const [one, two] = commits as [Oid, Oid];
    await updateByGit(path, [{ name: "refs/heads/side" as RefName, new: one }]);
    const tree = join(root, "side");
    await git(["worktree", "add", "-q", tree, "side"], { cwd: path });
    const gitDir = (await git(["rev-parse", "--absolute-git-dir"], {
      cwd: tree,
    })).trim();
    const world = openWorld(path, { gitDir, logs: "normal" });
    const outcomes = await updateByUs(world, [
      { name: "refs/heads/side" as RefName, new: two, old: one },
      { name: "refs/bisect/bad" as RefName, new: one },
    ], { atomic: true });
    assert.deepEqual(outcomes, [undefined, undefined]);
    const head = await git(["reflog", "-1", "--format=%H %gs", "HEAD"], {
      cwd: tree,
    });
    assert.equal(head.trim(), `${two} push`);
    const refs = ["for-each-ref", "--format=%(refname) %(objectname)"];
    assert.deepEqual(lines(await git(refs, { cwd: path })), [
      `refs/heads/side ${two}`,
    ]);
    assert.deepEqual(lines(await git(refs, { cwd: tree })), [
      `refs/bisect/bad ${one}`,
      `refs/heads/side ${two}`,
    ]);
  });
});
