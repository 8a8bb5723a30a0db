/**
 * Many clients at once, clients that vanish, and a repository that git
 * changes under the server: everybody else is served as ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "../support/test.ts";
import { buildFixture, copyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { lines, refs } from "../support/git_repository.ts";
import { eventually, startDaemon } from "../support/server.ts";
import { residentBytes } from "../support/server_refusal.ts";
import { connectWire, gitRequest, packets } from "../support/wire_client.ts";

/** Clients of one round. */
const CROWD = 32;
/** Rounds after the first, which warms every cache. */
const ROUNDS = 3;
/** How much the server may hold more after all rounds than after the first. */
const GROWTH_BYTES = 64 << 20;
/** Pushes beside the clones of the second test, at least and at most. */
const PUSHES = [12, 100] as const;
/** Clones beside the pushes, at least. */
const CLONES = 16;

// Set up here, not in a hook: Bun gives a hook five seconds whatever it asks.
const root = temporaryDirectory("crowd");
const fixture = buildFixture({
  path: join(root, "origin.git"),
  format: "sha1",
  pulls: 50,
});
copyRepository(fixture.path, join(root, "busy.git"));
const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all", "--max-connections=64"],
});
let nextClone = 0;

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

it(
  `serves ${CROWD} clones at once while three clients vanish, and keeps its memory`,
  {
    timeout: 300_000,
  },
  async () => {
    const want = (await refs(fixture.path)).length;
    await round(want);
    const before = resident();
    for (let i = 0; i < ROUNDS; i++) await round(want);
    await eventually(
      `the server grows by less than ${GROWTH_BYTES} bytes; it grew by ${
        resident() - before
      }`,
      () => resident() - before < GROWTH_BYTES,
      15_000,
    );
  },
);

it("fails no clone of a repository that is pushed to, repacked and gc'ed", {
  timeout: 300_000,
}, async () => {
  const busy = join(root, "busy.git");
  const failures: string[] = [];
  let isOver = false;
  let count = 0;
  const cloner = async (): Promise<void> => {
    while (!isOver) {
      const result = await cloneOnce(daemon.url("/busy.git"));
      if (result.code !== 0) failures.push(result.stderr);
      count++;
    }
  };
  const writer = async (): Promise<void> => {
    try {
      await writeAndTidy(busy, () => count >= CLONES);
    } finally {
      isOver = true;
    }
  };
  await Promise.all([writer(), cloner(), cloner()]);
  assert.deepEqual(failures, []);
  assert.ok(count >= CLONES, `only ${count} clones`);
  // What was written last is what is served now.
  const served = await git(["ls-remote", "--refs", daemon.url("/busy.git")]);
  assert.deepEqual(
    lines(served).map((line) => line.replace("\t", " ")),
    await refs(busy),
  );
});

/** One crowd: clones, and three clients that reset amid their packs. */
async function round(refCount: number): Promise<void> {
  const url = daemon.url("/origin.git");
  const vanishing = inParallel([1, 2, 3], vanish, 3);
  const clones = await inParallel(
    Array.from({ length: CROWD }, (_, index) => index),
    async () => {
      const target = join(root, `clone-${nextClone++}`);
      const result = await tryGit([
        "clone",
        "--quiet",
        "--mirror",
        url,
        target,
      ], { timeout: 120_000 });
      const found = result.code === 0 ? (await refs(target)).length : 0;
      rmSync(target, { recursive: true, force: true });
      return { ...result, found };
    },
    CROWD,
  );
  await vanishing;
  for (const { code, stderr, found } of clones) {
    assert.equal(code, 0, stderr);
    assert.equal(found, refCount);
  }
}

/** A client whose process is killed when a part of the pack is there. */
async function vanish(): Promise<void> {
  const client = await connectWire(daemon.port);
  await client.send(gitRequest("/origin.git"));
  const ids = new Set<string>();
  for (const packet of await client.untilFlush(60_000)) {
    const isTip = packet.type === "data" && !packet.text.includes("^{}");
    if (isTip) ids.add(packet.text.slice(0, 40));
  }
  const [first, ...rest] = [...ids];
  client.forget();
  await client.send(packets(
    `want ${first} side-band-64k ofs-delta\n`,
    rest.map((oid) => `want ${oid}\n`),
    "0000",
    "done\n",
  ));
  await client.atLeast(200_000, 60_000);
  client.reset();
}

/** Pushes commits with git and lets git tidy up in every way it has. */
async function writeAndTidy(
  path: string,
  isEnough: () => boolean,
): Promise<void> {
  const work = join(root, "work");
  await git(["clone", "--quiet", "--no-checkout", path, work]);
  const chores = [
    ["repack", "-a", "-d", "-q"],
    ["pack-refs", "--all", "--prune"],
    ["gc", "-q", "--prune=now"],
    ["repack", "-d", "-q", "-A", "--unpack-unreachable=now"],
    ["prune-packed", "-q"],
    ["multi-pack-index", "write"],
  ];
  const [least, most] = PUSHES;
  for (let i = 0; i < least || (i < most && !isEnough()); i++) {
    const tree = (await git(["rev-parse", "HEAD^{tree}"], { cwd: work }))
      .trim();
    const commit = (await git(
      ["commit-tree", "-p", "HEAD", "-m", `push ${i}`, tree],
      { cwd: work },
    )).trim();
    await git(["update-ref", "HEAD", commit], { cwd: work });
    await git(
      ["push", "--quiet", path, "HEAD:main", `HEAD:refs/tags/push/${i}`],
      { cwd: work },
    );
    await git(chores[i % chores.length] ?? [], { cwd: path });
  }
}

async function cloneOnce(
  url: string,
): Promise<{ code: number | null; stderr: string }> {
  const target = join(root, `clone-${nextClone++}`);
  const result = await tryGit(["clone", "--quiet", "--mirror", url, target]);
  rmSync(target, { recursive: true, force: true });
  return result;
}

function resident(): number {
  return residentBytes(readFileSync(`/proc/${daemon.pid}/status`, "latin1"));
}
