/**
 * Partial clones by real git clients: what they get under each filter, what
 * they then fetch on demand, and that both is what git's own server gives.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitSync } from "../support/git.ts";
import { itInParallel, type Job } from "../support/git_jobs.ts";
import { fsck, lines } from "../support/git_repository.ts";
import { type Daemon, startDaemon } from "../support/server.ts";

const root = temporaryDirectory("partial");
const origin = smallRepository(join(root, "origin.git"));
for (
  const setting of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"]
) gitSync(["config", setting, "true"], { cwd: origin.path });

const PATTERNS = "/*\n!/*/\n/dir/[135]\n";
const sparse = gitSync(["hash-object", "-w", "--stdin"], {
  cwd: origin.path,
  input: PATTERNS,
}).trim();

const FILTERS: readonly string[] = [
  "blob:none",
  "blob:limit=14",
  "tree:0",
  "tree:2",
  `sparse:oid=${sparse}`,
  "object:type=commit",
  "combine:blob:none+tree:3",
  `combine:blob:limit=9+sparse:oid=${sparse}`,
];

const args = [`--base-path=${root}`, "--export-all"];
const ours: Daemon = await startDaemon({ args });
const theirs: Daemon = await startDaemon({ args, kind: "git" });

/** A partial clone without a work tree. */
async function clone(
  daemon: Daemon,
  name: string,
  { filter, version }: { readonly filter: string; readonly version: 0 | 2 },
): Promise<string> {
  const path = join(root, name);
  await git([
    "-c",
    `protocol.version=${version}`,
    "clone",
    "--quiet",
    "--no-checkout",
    `--filter=${filter}`,
    daemon.url("/origin.git"),
    path,
  ]);
  return path;
}

/** Ids of what a clone has and of what it knows that it lacks. */
async function contents(path: string): Promise<string[]> {
  const listed = await git([
    "rev-list",
    "--objects",
    "--all",
    "--no-object-names",
    "--missing=print",
  ], { cwd: path });
  return [...new Set(lines(listed))].sort();
}

async function compare(filter: string): Promise<void> {
  const index = FILTERS.indexOf(filter);
  const reference = await clone(theirs, `git-${index}`, {
    filter,
    version: 2,
  });
  const expected = await contents(reference);
  for (const version of [0, 2] as const) {
    const path = await clone(ours, `v${version}-${index}`, { filter, version });
    assert.deepEqual(await contents(path), expected, `v${version}`);
    // The work tree needs what was left out: git fetches it by its ids.
    const config = ["-c", `protocol.version=${version}`];
    await git([...config, "checkout", "--quiet", "HEAD"], { cwd: path });
    assert.equal(await git(["status", "--porcelain"], { cwd: path }), "");
    assert.equal((await fsck(path)).code, 0, `v${version}`);
  }
}

const jobs: readonly Job[] = FILTERS.map((filter) => ({
  title: `--filter=${filter.replace(sparse, "<id>")} in v0 and v2`,
  run: () => compare(filter),
}));

describe("partial clones", () => {
  after(async () => {
    await ours.stop();
    await theirs.stop();
  });
  itInParallel(jobs);
});
