/**
 * Hundreds of seeded pushes to generated repositories, taken by us and by the
 * real `git receive-pack`: the same advertisement, report and words, and the
 * same refs, reflogs and calls of hooks afterwards.
 *
 * `GITSRV_DIFF_SEED=<n>` or `<from>-<to>` runs the repositories of those seeds
 * alone; `GITSRV_DIFF_CASE=<n>` one push to each. `GITSRV_TEST_SERVER=git`
 * compares git with itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { inParallel } from "../support/git_jobs.ts";
import { fsck } from "../support/git_repository.ts";
import {
  describePush,
  type GeneratedPush,
  makePush,
} from "../support/pushes/request.ts";
import { pushToGit, pushToOurs } from "../support/pushes/servers.ts";
import { refsOf, storeInReftable } from "../support/pushes/reftable_target.ts";
import { assertHookRefused, diedOfHook } from "../support/pushes/judge.ts";
import { readTold, stateOf } from "../support/pushes/state.ts";
import {
  copyTarget,
  makeWorld,
  type PushWorld,
} from "../support/pushes/world.ts";
import { chosenSeeds } from "../support/seed_range.ts";
import { SERVER } from "../support/server.ts";
import { describe, it } from "../support/test.ts";

const WORLDS = 24;
const CASES = 4;
const AT_ONCE = 3;
/** So many failures of one repository are told in full. */
const TOLD = 2;

/** How often things happened, so that the test cannot become empty. */
const tally = { ok: 0, refused: 0, hooks: 0, atomic: 0, died: 0 };

describe("pushes are taken as git takes them", () => {
  for (const seed of chosenSeeds("GITSRV_DIFF_SEED", WORLDS)) {
    it(`into repository ${seed}`, { timeout: 120_000 }, () => run(seed));
  }

  it("were enough of each kind", () => {
    if (process.env.GITSRV_DIFF_SEED !== undefined) return;
    const text = JSON.stringify(tally);
    assert.ok(tally.ok >= 60 && tally.refused >= 60, text);
    assert.ok(tally.hooks >= 30 && tally.atomic >= 10, text);
  });
});

async function run(seed: number): Promise<void> {
  const root = temporaryDirectory("push");
  const world = makeWorld(seed, root);
  const failures: string[] = [];
  await inParallel(chosenSeeds("GITSRV_DIFF_CASE", CASES), async (index) => {
    const push = await makePush(world, index);
    try {
      await compare(world, push, join(root, `case${index}`));
    } catch (error) {
      failures.push(
        `seed ${seed}, case ${index} (${world.words}):\n${
          describePush(push)
        }\n` +
          (error instanceof Error ? error.message : String(error)),
      );
    }
  }, AT_ONCE);
  assert.equal(failures.length, 0, failures.slice(0, TOLD).join("\n\n"));
  removeDirectory(root);
}

async function compare(
  world: PushWorld,
  push: GeneratedPush,
  root: string,
): Promise<void> {
  const theirs = copyTarget(world, join(root, "a"));
  const own = copyTarget(world, join(root, "b"));
  const { namespace } = world;
  const isReftable = world.refStorage === "reftable" && SERVER !== "git";
  if (isReftable) await storeInReftable(own);
  const pushTo = SERVER === "git" ? pushToGit : pushToOurs;
  const expected = await pushToGit(theirs, push, namespace);
  const actual = await pushTo(own, push, namespace);
  const told = readTold(expected, push, theirs);
  const toldByOurs = readTold(actual, push, own);
  if (diedOfHook(expected.failure)) {
    tally.died++;
    assert.equal(toldByOurs.advertisement, told.advertisement);
    return assertHookRefused(toldByOurs.report, push);
  }
  assert.deepEqual(toldByOurs, told);
  const state = isReftable ? await refsOf(theirs) : stateOf(theirs);
  assert.deepEqual(isReftable ? await refsOf(own) : stateOf(own), state);
  assert.equal(actual.failure === "", expected.failure === "", actual.failure);
  const proof = isReftable ? { code: 0 } : await fsck(own);
  if (proof.code !== 0) {
    assert.equal(proof.code, (await fsck(theirs)).code, JSON.stringify(proof));
  }
  tally.ok += told.report.filter((line) => line.startsWith("ok ")).length;
  tally.refused += told.report.filter((line) => line.startsWith("ng ")).length;
  tally.hooks += state["hooks.log"]?.split("\n= ").length ?? 0;
  tally.atomic += push.capabilities.includes("atomic") ? 1 : 0;
}
