/**
 * Refs changed by us and by `git update-ref --stdin`, from the same state:
 * the same results, the same words, the same files.
 */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../src/core/oid.ts";
import type { RefUpdate } from "../../src/storage/writes.ts";
import { update } from "../contract/ref_writer.ts";
import { git, tryGit } from "../support/git.ts";
import { fsck } from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import {
  fileRefWriter,
  refDirectories,
  refFiles,
  type RefObjects,
  refRepository,
} from "../support/ref_worlds.ts";
import { test } from "../support/test.ts";

const ZERO = "0".repeat(40) as Oid;
const COMMITTER = {
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "c@example.com",
  GIT_COMMITTER_DATE: "1700000000 +0100",
};

/** git waits for the locks of sixteen. */
const PATIENT = {
  GIT_CONFIG_COUNT: "2",
  GIT_CONFIG_KEY_0: "core.filesRefLockTimeout",
  GIT_CONFIG_VALUE_0: "20000",
  GIT_CONFIG_KEY_1: "core.packedRefsTimeout",
  GIT_CONFIG_VALUE_1: "20000",
};

/** So often each of many writers changes its refs. */
const ROUNDS = 12;

const NAMES = [
  ...["HEAD", "refs/heads/main", "refs/heads/a", "refs/heads/a/b"],
  ...["refs/heads/a/b/c", "refs/heads/alias", "refs/heads/far", "refs/tags/t"],
  ...["refs/heads/dangling", "refs/heads/loop", "refs/heads/torn"],
  ...["refs/tags/t/u", "refs/notes/n", "refs/heads/caf\xc3\xa9", "refs/x"],
];

/** What `git update-ref --stdin` says; `undefined` where it went well. */
async function byGit(
  path: string,
  updates: readonly RefUpdate[],
): Promise<string | undefined> {
  const input = updates.map(({ name, new: value, old }) =>
    `update ${name} ${value}${old === undefined ? "" : ` ${old}`}\n`
  );
  const result = await tryGit(["update-ref", "--stdin", "-m", "push"], {
    cwd: path,
    input: input.join(""),
    env: COMMITTER,
  });
  if (result.code === 0) return undefined;
  return result.stderr.replace(/^fatal: /, "").trimEnd();
}

function made(
  random: Random,
  objects: RefObjects,
  files: ReadonlyMap<string, string>,
): RefUpdate[] {
  const values = [...objects.commits, ZERO, ZERO];
  return NAMES.filter(() => random.int(5) === 0).map((name) => {
    const current = /^[0-9a-f]{40}/.exec(files.get(name) ?? "")?.[0];
    const isTag = name.startsWith("refs/tags/") && random.int(2) === 0;
    const value = isTag ? objects.tag : random.pick(values);
    const old = random.pick([
      undefined,
      (current ?? ZERO) as Oid,
      (current ?? ZERO) as Oid,
      random.pick(values),
    ]);
    return update(name, value, old);
  });
}

async function prepare(path: string): Promise<void> {
  const symref = (name: string, target: string) =>
    git(["symbolic-ref", name, target], { cwd: path });
  await symref("refs/heads/alias", "refs/heads/a");
  await symref("refs/heads/far", "refs/heads/alias");
  await symref("refs/heads/dangling", "refs/tags/t/u");
  await symref("refs/heads/loop", "refs/heads/loop");
}

for (
  const [policy, seed] of [["always", 1], ["true", 2], ["false", 3]] as const
) {
  test(`generated transactions leave what git leaves, logs: ${policy}`, async () => {
    const random = seeded(seed);
    const settings = { "core.logAllRefUpdates": policy };
    const { path, objects } = await refRepository(settings);
    await prepare(path);
    const twin = `${path}.twin`;
    cpSync(path, twin, { recursive: true });
    const writer = fileRefWriter(path, objects);
    let [failures, done] = [0, 0];
    for (let round = 0; round < 60; round++) {
      const where = `seed ${seed}, round ${round}`;
      if (random.int(6) === 0) {
        for (const each of [path, twin]) {
          await git(["pack-refs", "--all"], { cwd: each });
        }
      }
      const updates = made(random, objects, refFiles(path));
      const isAtomic = random.int(2) === 0;
      const outcomes = await writer.apply(updates, {
        atomic: isAtomic,
        committer: "C O Mitter <c@example.com> 1700000000 +0100",
        message: "push",
      });
      if (isAtomic) {
        const words = updates.length === 0
          ? undefined
          : await byGit(twin, updates);
        const ours = new Set(outcomes.map((each) => each?.message));
        assert.deepEqual(
          [...ours],
          updates.length === 0 ? [] : [words],
          `${where}: ${JSON.stringify(updates)}`,
        );
      } else {
        for (const [i, each] of updates.entries()) {
          const words = await byGit(twin, [each]);
          assert.equal(outcomes[i]?.message, words, where);
        }
      }
      for (const each of outcomes) each === undefined ? done++ : failures++;
      assert.deepEqual(
        [...refFiles(path)],
        [...refFiles(twin)],
        `${where}: ${JSON.stringify(updates)}`,
      );
      const litter = refDirectories(path)
        .filter((each) => !refDirectories(twin).includes(each));
      assert.deepEqual(litter, [], where);
    }
    assert.ok(done > 15 && failures > 40, `${done} done, ${failures} failed`);
    assert.deepEqual(await fsck(path), await fsck(twin));
  });
}

test("hooks hear of what git's hooks hear of, in its order", async () => {
  const { path, objects } = await refRepository();
  const [a, b] = objects.commits;
  const twin = `${path}.twin`;
  const before = [
    ...["refs/heads/main", "refs/heads/packed", "refs/heads/x"],
    ...["refs/heads/loose"],
  ];
  for (const [i, name] of before.entries()) {
    await git(["update-ref", name, a], { cwd: path });
    if (i === 2) await git(["pack-refs", "--all"], { cwd: path });
  }
  await git(["symbolic-ref", "refs/heads/alias", "refs/heads/x"], {
    cwd: path,
  });
  cpSync(path, twin, { recursive: true });
  mkdirSync(join(twin, "hooks"), { recursive: true });
  writeFileSync(
    join(twin, "hooks/reference-transaction"),
    '#!/bin/sh\nsed "s/^/$1 /" >>heard\n',
    { mode: 0o755 },
  );
  const heard: string[] = [];
  const writer = fileRefWriter(path, objects);
  const sets = [
    [update("refs/heads/main", b, a)],
    [update("refs/heads/alias", b)],
    [update("refs/heads/loose", ZERO, a)],
    [update("refs/heads/packed", ZERO)],
    [update("refs/heads/none", ZERO)],
    [update("refs/heads/new", a, ZERO), update("refs/heads/x", ZERO, b)],
    [update("refs/heads/new", b, b)],
  ];
  for (const updates of sets) {
    await writer.apply(updates, {
      atomic: true,
      committer: "C <c@example.com> 1700000000 +0000",
      message: "push",
      observe(phase, all) {
        for (const { name, old = ZERO, new: value } of all) {
          heard.push(`${phase} ${old} ${value} ${name}`);
        }
        return Promise.resolve(heard.length > 0);
      },
    });
    await byGit(twin, updates);
  }
  const lines = readFileSync(join(twin, "heard"), "latin1").trimEnd();
  assert.deepEqual(heard, lines.split("\n"));
  assert.deepEqual([...refFiles(path)], [...refFiles(twin)]);
});

test("sixteen writers lose nothing beside git's pack-refs and gc", async () => {
  const { path, objects } = await refRepository({
    "core.logAllRefUpdates": "true",
    "core.filesRefLockTimeout": "20000",
    "core.packedRefsTimeout": "20000",
  });
  // Never a value twice: git's prune takes a ref that was deleted and made
  // anew for the one that it has packed, if the values are the same.
  const values: Oid[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const id = await git(["hash-object", "-w", "--stdin"], {
      cwd: path,
      input: `${i}`,
    });
    values.push(id.trim() as Oid);
  }
  let isOver = false;
  const packing = (async () => {
    for (let rounds = 1;; rounds++) {
      const isWhole = rounds % 4 === 0;
      const command = isWhole ? ["gc", "-q"] : ["pack-refs", "--all"];
      await git(command, { cwd: path, env: PATIENT });
      if (isOver) return rounds;
    }
  })();
  const writers = Array.from({ length: 16 }, async (_, i) => {
    const random = seeded(i);
    const writer = fileRefWriter(path, objects);
    const names = [`refs/heads/w${i}`, `refs/heads/d/${i % 3}/w${i}`];
    const now = new Map<string, Oid>();
    for (const next of values) {
      const updates = names.map((name) => {
        const value = random.int(3) === 0 ? ZERO : next;
        return update(name, value, now.get(name) ?? ZERO);
      });
      const outcomes = await writer.apply(updates, {
        atomic: random.int(2) === 0,
        committer: "C <c@example.com> 1700000000 +0000",
        message: "push",
      });
      assert.deepEqual(outcomes, updates.map(() => undefined));
      for (const each of updates) now.set(each.name, each.new);
    }
    return now;
  });
  const ends = await Promise.all(writers).finally(() => isOver = true);
  assert.ok(await packing > 0);
  const refs = new Map(
    (await git(["for-each-ref", "--format=%(refname) %(objectname)"], {
      cwd: path,
    })).trimEnd().split("\n").filter((line) => line !== "").map((line) =>
      line.split(" ") as [string, string]
    ),
  );
  for (const end of ends) {
    for (const [name, oid] of end) {
      assert.equal(refs.get(name), oid === ZERO ? undefined : oid, name);
    }
  }
  const left = [...refFiles(path).keys()].filter((name) =>
    name.endsWith(".lock") || name.startsWith("gitsrv")
  );
  assert.deepEqual(left, []);
});

test("one of our racers and git's wins each value of a ref", async () => {
  const { path, objects } = await refRepository();
  const [a, b] = objects.commits;
  const name = "refs/heads/x";
  await git(["update-ref", name, a], { cwd: path });
  let [from, to] = [a, b];
  for (let round = 0; round < 6; round++) {
    const ours = Array.from(
      { length: 8 },
      () =>
        fileRefWriter(path, objects).apply([update(name, to, from)], {
          atomic: false,
          committer: "C <c@example.com> 1700000000 +0000",
          message: "push",
        }).then(([outcome]) => outcome === undefined),
    );
    const gits = Array.from(
      { length: 4 },
      () =>
        byGit(path, [update(name, to, from)]).then((words) =>
          words === undefined
        ),
    );
    const won = (await Promise.all([...ours, ...gits])).filter(Boolean);
    assert.equal(won.length, 1);
    [from, to] = [to, from];
  }
});
