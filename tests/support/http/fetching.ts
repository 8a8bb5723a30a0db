/**
 * Scenarios of clones and fetches over HTTP, whole and partial.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FastImport, FIRST_DATE } from "../fixture_history.ts";
import { importStream, type ObjectFormat } from "../fixture.ts";
import { gitSync } from "../git.ts";
import {
  headText,
  lines,
  objectSet,
  reachableSet,
  refs,
} from "../git_repository.ts";
import {
  advance,
  assertClone,
  assertMirror,
  assertSound,
  commit,
  type HttpWorld,
  idOf,
  lengthsSent,
  MAIN_COMMITS,
  missing,
  type Scenario,
} from "./world.ts";

/** Clone, then fetch what was added, moved, and deleted. */
async function cloneAndFetch(
  world: HttpWorld,
  format: ObjectFormat,
): Promise<void> {
  const origin = world.origin(format);
  const mirror = await world.clone(origin.url, "--mirror");
  await assertMirror(mirror, origin);
  assert.deepEqual(await objectSet(mirror), await reachableSet(origin.path));
  const clone = await world.clone(origin.url);
  assert.equal(headText(clone), "ref: refs/heads/main");
  assert.equal(await world.git(["status", "--porcelain"], clone), "");
  await assertClone(clone, origin);
  advance(origin.path, "refs/heads/main", 5);
  gitSync(["tag", "-a", "-m", "v2", "v2", "main~2"], { cwd: origin.path });
  gitSync(["update-ref", "--stdin"], {
    cwd: origin.path,
    input:
      "delete refs/heads/gone\ncreate refs/heads/born refs/heads/main~3\n" +
      "update refs/heads/topic refs/heads/topic~3\n",
  });
  await world.git(["remote", "update", "--prune"], clone);
  await assertClone(clone, origin);
  await world.git(["fetch", "--quiet", "--prune"], mirror);
  await assertMirror(mirror, origin);
  const again = await world.tryGit(["fetch"], clone);
  assert.deepEqual([again.code, again.stderr], [0, ""]);
}

/** Local commits that the server does not know: a request beyond 1 KiB. */
async function fetchWithManyHaves(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const mirror = await world.clone(origin.url, "--bare");
  const stream = new FastImport();
  for (let branch = 0; branch < 6; branch++) {
    let parent: number | string = `refs/heads/main~${branch * 4}`;
    for (let i = 0; i < 40; i++) {
      parent = stream.commit({
        ref: `refs/heads/local${branch}`,
        parents: [parent],
        date: FIRST_DATE + 50_000 + i * 60,
        changes: [stream.file("local", `${branch} ${i}\n`)],
      }).mark;
    }
  }
  importStream(mirror, stream, "packed");
  advance(origin.path, "refs/heads/main", 3);
  const fetched = await world.tryGit(
    ["fetch", origin.url, "+main:refs/heads/fetched"],
    mirror,
    { GIT_TRACE_CURL: "1", GIT_TRACE_CURL_NO_DATA: "1" },
  );
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.match(fetched.stderr, /=> Send header: content-encoding: gzip/i);
  const rounds = fetched.stderr.match(/=> Send header: POST /gi) ?? [];
  assert.ok(rounds.length > 1, "one round of negotiation was enough");
  assert.equal(await idOf(mirror, "fetched"), await idOf(origin.path, "main"));
  await assertSound(mirror);
}

/**
 * 1,600 wants: more than the buffer, so the body is chunked. A smaller buffer
 * than this makes git 2.39 abort in version 2.
 */
async function cloneManyRefs(world: HttpWorld): Promise<void> {
  const origin = world.origin("many");
  const path = world.place();
  const cloned = await world.tryGit(
    [
      ...["-c", "http.postBuffer=66000"],
      ...["clone", "--quiet", "--mirror", origin.url, path],
    ],
    undefined,
    { GIT_TRACE_CURL: "1", GIT_TRACE_CURL_NO_DATA: "1" },
  );
  assert.equal(cloned.code, 0, cloned.stderr);
  assert.deepEqual(lengthsSent(cloned.stderr).at(-1), "unknown");
  await assertMirror(path, origin);
}

async function partialClone(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  for (const filter of ["blob:none", "blob:limit=1k", "tree:0"]) {
    const path = await world.clone(
      origin.url,
      ...["--no-checkout", `--filter=${filter}`],
    );
    const before = await missing(path);
    assert.notEqual(before.length, 0, filter);
    await world.git(["checkout", "--quiet", "HEAD"], path);
    assert.equal(await world.git(["status", "--porcelain"], path), "", filter);
    const after = await missing(path);
    assert.ok(after.length < before.length, filter);
    // What one more commit needs comes when it is asked for, alone.
    await world.git(["cat-file", "blob", "HEAD~5:file"], path);
    assert.ok((await missing(path)).length < after.length, filter);
    advance(origin.path, "refs/heads/main", 1);
    await world.git(["fetch", "--quiet"], path);
    await assertSound(path);
  }
}

async function singleBranch(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const path = await world.clone(
    origin.url,
    ...["--single-branch", "--branch=topic", "--no-tags"],
  );
  const topic = await idOf(origin.path, "topic");
  assert.deepEqual(
    await refs(path),
    [`${topic} refs/heads/topic`, `${topic} refs/remotes/origin/topic`],
  );
  await world.git(["fetch", "--quiet", "origin", "tag", "v1"], path);
  assert.equal(await idOf(path, "v1"), await idOf(origin.path, "v1"));
  await assertSound(path);
}

async function lsRemote(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  for (
    const args of [
      [],
      ["--symref"],
      ["--heads"],
      ["--tags", "--refs"],
      ["--exit-code", "REMOTE", "topic", "v*"],
      ["--exit-code", "REMOTE", "no-such-name"],
    ]
  ) {
    const ask = async (remote: string) => {
      const words = args.map((arg) => arg === "REMOTE" ? remote : arg);
      const at = args.includes("REMOTE") ? [] : [remote];
      const done = await world.tryGit(["ls-remote", ...words, ...at]);
      return [done.code, done.stdout];
    };
    assert.deepEqual(await ask(origin.url), await ask(origin.path), `${args}`);
  }
}

async function withReference(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const first = await world.clone(origin.url, "--bare");
  advance(origin.path, "refs/heads/main", 2);
  const second = await world.clone(origin.url, `--reference=${first}`);
  await assertClone(second, origin);
  const count = await world.git(["count-objects", "-v"], second);
  const packed = Number(/in-pack: (\d+)/.exec(count)?.[1]);
  assert.ok(packed < MAIN_COMMITS, `${packed} objects came again`);
  const third = await world.clone(
    origin.url,
    ...[`--reference=${first}`, "--dissociate"],
  );
  assert.ok(!existsSync(join(third, ".git/objects/info/alternates")));
  await assertClone(third, origin);
}

async function submodule(world: HttpWorld): Promise<void> {
  const inner = world.origin("sha1");
  const outer = world.origin("sha1");
  const work = await world.clone(outer.url);
  await world.git(["submodule", "--quiet", "add", inner.url, "sub"], work);
  await commit(work, "with a submodule");
  await world.git(["push", "--quiet", "origin", "main"], work);
  const clone = await world.clone(
    outer.url,
    ...["--recurse-submodules", "--shallow-submodules", "--jobs=2"],
  );
  assert.equal(
    await idOf(join(clone, "sub"), "HEAD"),
    await idOf(inner.path, "main"),
  );
  await assertSound(clone);
}

async function cloneEmpty(world: HttpWorld): Promise<void> {
  const origin = world.origin("empty");
  const path = world.place();
  const cloned = await world.tryGit(["clone", origin.url, path]);
  assert.equal(cloned.code, 0, cloned.stderr);
  assert.match(cloned.stderr, /You appear to have cloned an empty repository/);
  // Only version 2 tells where HEAD will be.
  const branch = world.version === 2 ? "trunk" : "main";
  assert.equal(headText(path), `ref: refs/heads/${branch}`);
  await commit(path, "first");
  await world.git(["push", "--quiet", "origin", "HEAD:trunk"], path);
  rmSync(path, { recursive: true, force: true });
  await assertClone(await world.clone(origin.url), origin);
}

async function unknown(world: HttpWorld): Promise<void> {
  const url = world.server.url("/no/such.git");
  const failed = await world.tryGit(["ls-remote", url]);
  assert.equal(failed.code, 128);
  assert.match(failed.stderr, /fatal: repository '.*' not found\n$/);
}

async function byId(world: HttpWorld): Promise<void> {
  const origin = world.origin("sha1");
  const path = world.place();
  await world.git(["init", "--quiet", path]);
  const id = await idOf(origin.path, "main~7");
  await world.git(["fetch", "--quiet", origin.url, id], path);
  assert.equal(await idOf(path, "FETCH_HEAD"), id);
  const got = await world.git(
    ["rev-list", "--objects", "--no-object-names", "FETCH_HEAD"],
    path,
  );
  const all = new Set(await reachableSet(origin.path));
  assert.ok(lines(got).every((each) => all.has(each)));
  await assertSound(path);
}

/** What real clients do that only read. */
export const FETCHING: readonly Scenario[] = [
  {
    title: "clones and fetches what is new, moved and gone",
    versions: [0, 1, 2],
    run: (world) => cloneAndFetch(world, "sha1"),
  },
  {
    title: "does so in SHA-256",
    run: (world) => cloneAndFetch(world, "sha256"),
  },
  { title: "sends many haves, compressed", run: fetchWithManyHaves },
  { title: "asks for 1,600 refs in chunks", run: cloneManyRefs },
  {
    title: "clones in part and fetches what it then needs",
    run: partialClone,
  },
  { title: "clones a single branch, then fetches a tag", run: singleBranch },
  {
    title: "lists refs as of a local repository",
    versions: [0, 1, 2],
    run: lsRemote,
  },
  { title: "clones with another clone's objects", run: withReference },
  { title: "clones submodules", versions: [2], run: submodule },
  {
    title: "clones what is empty, and pushes to it",
    versions: [0, 1, 2],
    run: cloneEmpty,
  },
  { title: "hears that there is no such repository", run: unknown },
  { title: "fetches a commit by its id", run: byId },
];
