/**
 * Scenarios of pushes over HTTP, taken and refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { git, gitSync } from "../git.ts";
import { refs } from "../git_repository.ts";
import { seeded } from "../random.ts";
import {
  assertSound,
  commit,
  type HttpWorld,
  idOf,
  lengthsSent,
  type Scenario,
  setHook,
} from "./world.ts";

const CURL_TRACE = { GIT_TRACE_CURL: "1", GIT_TRACE_CURL_NO_DATA: "1" };

async function changes(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const path = await world.clone(origin.url);
  const push = (...args: string[]) =>
    world.git(["push", "--quiet", "origin", ...args], path);
  const head = await commit(path, "new");
  await git(["tag", "-a", "-m", "annotated", "v3"], { cwd: path });
  await push("--follow-tags", "main", "main~2:refs/heads/older");
  assert.equal(await idOf(origin.path, "main"), head);
  assert.equal(await idOf(origin.path, "v3"), await idOf(path, "v3"));
  await push("--force", "main~3:older", ":gone", "--delete", "light")
    .then(() => assert.fail(), () => {});
  await push("--force", "main~5:older", "main~4:topic", ":gone", ":light");
  assert.deepEqual(
    await refs(origin.path, "refs/heads", "refs/tags/light"),
    [
      `${head} refs/heads/main`,
      `${await idOf(path, "main~5")} refs/heads/older`,
      `${await idOf(path, "main~4")} refs/heads/topic`,
    ],
  );
  const stale = await world.tryGit(["push", "origin", "main~1:main"], path);
  assert.equal(stale.code, 1);
  assert.match(stale.stderr, /! \[rejected\] +main~1 -> main/);
  const lease = await world.tryGit([
    ...["push", `--force-with-lease=main:${await idOf(path, "main~1")}`],
    ...["origin", "main~1:main"],
  ], path);
  assert.match(lease.stderr, /stale info/);
  assert.equal(await idOf(origin.path, "main"), head);
  const nothing = await world.tryGit(["push", "origin", "main"], path);
  assert.deepEqual(
    [nothing.code, nothing.stderr],
    [0, "Everything up-to-date\n"],
  );
  await assertSound(origin.path);
}

async function atomic(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  setHook(origin.path, "update", `test "$1" != refs/heads/no`);
  const path = await world.clone(origin.url);
  await commit(path, "new");
  const before = await refs(origin.path);
  const refused = await world.tryGit(
    ["push", "--atomic", "origin", "main", "main:no", "main:yes"],
    path,
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /main -> no \(hook declined\)/);
  assert.match(refused.stderr, /main -> yes \(atomic push failure\)/);
  assert.deepEqual(await refs(origin.path), before);
  const partly = await world.tryGit(
    ["push", "origin", "main", "main:no", "main:yes"],
    path,
  );
  assert.equal(partly.code, 1);
  const head = await idOf(path, "HEAD");
  assert.deepEqual(await refs(origin.path, "refs/heads/[mny]*"), [
    `${head} refs/heads/main`,
    `${head} refs/heads/yes`,
  ]);
  await world.git(
    ["push", "--quiet", "--atomic", "origin", "HEAD:a", ":yes"],
    path,
  );
  assert.equal(await idOf(origin.path, "a"), head);
  await assertSound(origin.path);
}

async function hooks(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  gitSync(["config", "receive.advertisePushOptions", "true"], {
    cwd: origin.path,
  });
  setHook(
    origin.path,
    "pre-receive",
    `echo "option $GIT_PUSH_OPTION_0" >&2
while read -r old new ref; do
  test "$ref" != refs/heads/refused || { echo "not on a Friday"; exit 1; }
done`,
  );
  const path = await world.clone(origin.url);
  const head = await commit(path, "new");
  const before = await refs(origin.path);
  const refused = await world.tryGit(
    ["push", "-o", "why=because", "origin", "main:refused"],
    path,
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^remote: option why=because *$/m);
  assert.match(refused.stderr, /^remote: not on a Friday *$/m);
  assert.match(
    refused.stderr,
    /! \[remote rejected\] main -> refused \(pre-receive hook declined\)/,
  );
  assert.deepEqual(await refs(origin.path), before);
  const missing = await world.tryGit(
    ["cat-file", "-e", head],
    origin.path,
  );
  assert.notEqual(missing.code, 0, "what was refused is stored");
  await world.git(["push", "--quiet", "-o", "x", "origin", "main"], path);
  assert.equal(await idOf(origin.path, "main"), head);
  await assertSound(origin.path);
}

async function manyRefs(world: HttpWorld): Promise<void> {
  const origin = world.origin("many");
  const target = world.origin("empty");
  const pushed = await world.tryGit(
    ["push", "--quiet", target.url, "refs/pull/2*:refs/pull/2*"],
    origin.path,
  );
  assert.equal(pushed.code, 0, pushed.stderr);
  const expected = await refs(origin.path, "refs/pull/2*", "refs/pull/2*/head");
  assert.equal(expected.length, 111);
  assert.deepEqual(await refs(target.path), expected);
  await assertSound(target.path);
}

/** Several MB by a small buffer: first `0000` alone, then in chunks. */
async function large(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const path = await world.clone(origin.url);
  for (const [index, buffer] of ["1000", "100m"].entries()) {
    writeFileSync(join(path, `big${index}`), seeded(index).bytes(3 << 20));
    const head = await commit(path, `small${index}`);
    await git(["add", "."], { cwd: path });
    await git(["commit", "-q", "-m", "big"], { cwd: path });
    const pushed = await world.tryGit(
      ["-c", `http.postBuffer=${buffer}`, "push", "origin", "main"],
      path,
      CURL_TRACE,
    );
    assert.equal(pushed.code, 0, pushed.stderr);
    const lengths = lengthsSent(pushed.stderr);
    if (index === 0) assert.deepEqual(lengths, [4, "unknown"]);
    else assert.ok(lengths.length === 1 && Number(lengths[0]) > 3 << 20);
    assert.equal(await idOf(origin.path, "main^"), head);
  }
  await assertSound(origin.path);
}

async function notEnabled(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  gitSync(["config", "http.receivepack", "false"], { cwd: origin.path });
  const path = await world.clone(origin.url);
  await commit(path, "new");
  const refused = await world.tryGit(["push", "origin", "main"], path);
  assert.equal(refused.code, 128);
  assert.match(refused.stderr, /The requested URL returned error: 403\n$/);
  assert.notEqual(await idOf(origin.path, "main"), await idOf(path, "main"));
}

async function sha256(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha256");
  const path = await world.clone(origin.url);
  const head = await commit(path, "new");
  await world.git(["push", "--quiet", "origin", "main", "main:x"], path);
  assert.equal(await idOf(origin.path, "x"), head);
  await assertSound(origin.path);
}

/** What real clients do that write. */
export const PUSHING: readonly Scenario[] = [
  {
    title: "creates, moves, rewinds and deletes refs",
    versions: [0, 1, 2],
    run: changes,
  },
  {
    title: "changes all refs or none",
    run: atomic,
  },
  {
    title: "sends push options, and reads why a hook refuses",
    versions: [0, 1, 2],
    run: hooks,
  },
  { title: "pushes a hundred refs to nothing", run: manyRefs },
  {
    title: "pushes megabytes in chunks after a probe, and at once",
    run: large,
  },
  { title: "hears 403 where pushes are not enabled", run: notEnabled },
  { title: "pushes SHA-256", run: sha256 },
];
