/**
 * Scenarios of shallow clones over HTTP. Each step must leave what the same
 * step over a local pipe to git leaves.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FIRST_DATE } from "../fixture_history.ts";
import { reachableSet, refs, shallowFile } from "../git_repository.ts";
import {
  advance,
  assertClone,
  assertSound,
  commit,
  type HttpWorld,
  idOf,
  type Scenario,
} from "./world.ts";

const CLONES: readonly (readonly string[])[] = [
  ["--depth=1"],
  ["--depth=3", "--no-single-branch"],
  [`--shallow-since=${FIRST_DATE + 30 * 60}`, "--no-single-branch"],
  ["--shallow-exclude=v1"],
];

const FETCHES: readonly (readonly string[])[] = [
  [],
  ["--deepen=2"],
  ["--depth=8"],
  [`--shallow-since=${FIRST_DATE + 25 * 60}`],
  ["--shallow-exclude=v1"],
  ["--unshallow"],
];

async function stateOf(path: string) {
  return {
    shallow: shallowFile(path),
    refs: await refs(path),
    objects: await reachableSet(path),
  };
}

async function clones(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  for (const options of CLONES) {
    const path = await world.clone(origin.url, ...options);
    const local = await world.clone(`file://${origin.path}`, ...options);
    assert.deepEqual(await stateOf(path), await stateOf(local), `${options}`);
    assert.notDeepEqual(shallowFile(path), [], `${options}`);
    await assertSound(path);
  }
}

async function fetches(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const options = ["--depth=1", "--no-single-branch"];
  const path = await world.clone(origin.url, ...options);
  const local = await world.clone(`file://${origin.path}`, ...options);
  for (const args of FETCHES) {
    advance(origin.path, "refs/heads/main", 1);
    for (const each of [path, local]) {
      await world.git(["fetch", "--quiet", ...args], each);
    }
    assert.deepEqual(await stateOf(path), await stateOf(local), `${args}`);
  }
  assert.deepEqual(shallowFile(path), []);
  await assertClone(path, origin);
}

async function pushes(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const path = await world.clone(origin.url, "--depth=2");
  const head = await commit(path, "from a shallow clone");
  await world.git(["push", "--quiet", "origin", "main"], path);
  assert.equal(await idOf(origin.path, "main"), head);
  await assertSound(origin.path);
}

/** What real clients do with histories that are cut off. */
export const SHALLOW: readonly Scenario[] = [
  { title: "clones shallow by depth, date and ref", run: clones },
  { title: "deepens until nothing is left", run: fetches },
  { title: "pushes from a shallow clone", run: pushes },
];
