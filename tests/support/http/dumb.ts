/**
 * What clients do that know no smart HTTP: `GIT_SMART_HTTP=0`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { gitSync } from "../git.ts";
import { headText, objectSet, reachableSet } from "../git_repository.ts";
import {
  advance,
  assertMirror,
  type HttpWorld,
  type Scenario,
} from "./world.ts";

async function git(
  world: HttpWorld,
  args: readonly string[],
  cwd?: string,
): Promise<string> {
  const done = await world.tryGit(args, cwd, { GIT_SMART_HTTP: "0" });
  assert.equal(done.code, 0, done.stderr);
  return done.stderr;
}

/** Packs at first, then loose objects and a second pack. */
async function cloneAndFetch(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const mirror = world.place();
  await git(world, ["clone", "--quiet", "--mirror", origin.url, mirror]);
  await assertMirror(mirror, origin);
  assert.equal(headText(mirror), "ref: refs/heads/main");
  assert.deepEqual(await objectSet(mirror), await reachableSet(origin.path));
  gitSync(["branch", "loose", "main"], { cwd: origin.path });
  advance(origin.path, "refs/heads/main", 3);
  gitSync(["tag", "-a", "-m", "v2", "v2", "main"], { cwd: origin.path });
  await git(world, ["fetch", "--quiet", "--prune"], mirror);
  await assertMirror(mirror, origin);
  assert.equal(await git(world, ["fetch"], mirror), "");
}

/** The scenarios; no version of the protocol is spoken in them. */
export const DUMB: readonly Scenario[] = [
  {
    title: "clones and fetches without smart HTTP",
    run: cloneAndFetch,
  },
];
