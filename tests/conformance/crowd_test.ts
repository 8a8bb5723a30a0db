/**
 * Many clients at once, clients that vanish, and a repository that git
 * changes under the server: everybody else is served as ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, it } from "../support/test.ts";
import { buildFixture, copyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { lines, refs } from "../support/git_repository.ts";
import { eventually, SERVER, startDaemon } from "../support/server.ts";
import { residentBytes } from "../support/server_refusal.ts";
import {
  connectWire,
  gitRequest,
  packets,
  type WireClient,
} from "../support/wire_client.ts";

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
/** Connections that say nothing, or half of something. */
const IDLE = 1_000;
/** How much memory they may take together. */
const IDLE_BYTES = 100 << 20;

// Set up here, not in a hook: the tests below take these as constants.
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
    const before = resident(daemon.pid);
    for (let i = 0; i < ROUNDS; i++) await round(want);
    await eventually(
      `the server grows by less than ${GROWTH_BYTES} bytes; it grew by ${
        resident(daemon.pid) - before
      }`,
      () => resident(daemon.pid) - before < GROWTH_BYTES,
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

// git's daemon starts a process for each of them.
if (SERVER === "ours") {
  it(`serves a clone beside ${IDLE} idle connections`, async () => {
    const lone = await startDaemon({
      args: [`--base-path=${root}`, "--export-all", "--max-connections=0"],
    });
    try {
      const url = lone.url("/origin.git");
      assert.equal((await cloneOnce(url)).code, 0);
      const before = resident(lone.pid);
      const idle: WireClient[] = [];
      for (let i = 0; i < IDLE; i++) {
        const client = await connectWire(lone.port);
        if (i % 2 === 1) await client.send("003");
        idle.push(client);
      }
      const { code, stderr } = await cloneOnce(url);
      assert.equal(code, 0, stderr);
      const grown = resident(lone.pid) - before;
      assert.ok(grown < IDLE_BYTES, `grown by ${grown} bytes`);
      for (const client of idle) {
        assert.equal(client.ending, undefined);
        client.close();
      }
    } finally {
      await lone.stop();
    }
  });
}

const damages: readonly (readonly [string, (pack: string) => void])[] = [
  ["garbage", (pack) => {
    const garbage = new Uint8Array(statSync(pack).size).fill(0xaa);
    // In place: the server has the file open.
    writeFileSync(pack, garbage, { flag: "r+" });
  }],
  ["nothing", (pack) => truncateSync(pack)],
];
for (const [what, damage] of damages) {
  it(`ends one session when its pack turns to ${what}`, async () => {
    const name = `/to-${what}.git`;
    const { path, main } = smallRepository(join(root, name), {
      bigMebibytes: 24,
    });
    const neighbour = await opened("/busy.git");
    const client = await opened(name);
    try {
      await client.send(packets(
        `want ${main} side-band-64k ofs-delta\n`,
        "0000",
        "done\n",
      ));
      await client.atLeast(100_000);
      client.pause();
      const packs = join(path, "objects/pack");
      const pack = readdirSync(packs).find((file) => file.endsWith(".pack"));
      assert.ok(pack !== undefined);
      chmodSync(join(packs, pack), 0o644);
      damage(join(packs, pack));
      client.resume();
      const answer = new TextDecoder("latin1").decode(
        await client.untilClosed(),
      );
      // git checks what it copies before it begins, and never again.
      if (SERVER === "ours" || what === "nothing") {
        assert.ok(answer.includes("\x03aborting due to possible repository "));
      }
      await finishes(neighbour, "/busy.git");
      assert.equal((await cloneOnce(daemon.url("/origin.git"))).code, 0);
    } finally {
      client.close();
      neighbour.close();
    }
  });
}

/** A session that has read the advertisement. */
async function opened(path: string): Promise<WireClient> {
  const client = await connectWire(daemon.port);
  await client.send(gitRequest(path));
  await client.untilFlush();
  client.forget();
  return client;
}

/** Fetches main of a repository by a session that is {@linkcode opened}. */
async function finishes(client: WireClient, path: string): Promise<void> {
  const main = (await git(["rev-parse", "main"], { cwd: join(root, path) }))
    .trim();
  await client.send(packets(`want ${main} ofs-delta\n`, "0000", "done\n"));
  const answer = new TextDecoder("latin1").decode(await client.untilClosed());
  assert.ok(answer.startsWith("0008NAK\nPACK"));
}

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

function resident(pid: number): number {
  return residentBytes(readFileSync(`/proc/${pid}/status`, "latin1"));
}
