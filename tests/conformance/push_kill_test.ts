/**
 * The server is killed (SIGKILL) at random moments of pushes: afterwards the
 * repository is whole, what was acknowledged holds, refs are old or new and
 * nothing between, and the next push succeeds.
 *
 * `GITSRV_TEST_KILLS=<n>` kills so many times instead of a hundred;
 * `GITSRV_TEST_KILL_SEED=<n>` chooses other moments.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { oneCommitPushes } from "../../bench/push_client.ts";
import { FileSystemBackend, serveCommand } from "../../mod.ts";
import { emptyRepository } from "../support/fixture.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import { fsck } from "../support/git_repository.ts";
import {
  type RawCommand,
  rawPush,
  reportIn,
  ZERO,
} from "../support/pushes/raw_push.ts";
import { rawPack } from "../support/pushes/raw_pack.ts";
import { convertToReftable } from "../support/reftable.ts";
import { type Random, seeded } from "../support/random.ts";
import { serverEnvironment, serviceCommand } from "../support/server.ts";
import { describe, it } from "../support/test.ts";

const KILLS = Number(process.env.GITSRV_TEST_KILLS ?? 100);
const SEED = Number(process.env.GITSRV_TEST_KILL_SEED ?? 1);

/** How a repository is kept and pushed to. */
interface Mode {
  readonly words: string;
  readonly settings: readonly string[];
  readonly capabilities: string;
  /** Where its refs are: in files unless told. */
  readonly refs?: "reftable";
  /** So many creations more in each push. */
  readonly creations?: number;
}

const MODES: readonly Mode[] = [
  {
    words: "loose objects, loose refs",
    settings: [],
    capabilities: "report-status quiet",
  },
  {
    words: "packs, reflogs, atomic",
    settings: ["receive.unpackLimit=1", "core.logAllRefUpdates=true"],
    capabilities: "report-status quiet atomic",
  },
  {
    words: "packs, everything pressed to the disk, side effects",
    settings: ["receive.unpackLimit=1", "receive.updateServerInfo=true"],
    capabilities: "report-status quiet",
  },
  {
    words: "loose objects, as git presses them",
    settings: ["gitsrv.fsync=git", "core.logAllRefUpdates=always"],
    capabilities: "report-status quiet atomic",
  },
  {
    words: "packs, reftables, reflogs",
    settings: ["receive.unpackLimit=1", "core.logAllRefUpdates=true"],
    capabilities: "report-status quiet",
    refs: "reftable",
  },
  {
    words: "loose objects, more than a thousand creations",
    settings: [],
    capabilities: "report-status quiet",
    creations: 1001,
  },
];

describe("a server that is killed while it takes a push", () => {
  for (const [i, mode] of MODES.entries()) {
    const kills = Math.ceil(KILLS / MODES.length);
    it(
      `loses nothing: ${mode.words}`,
      { timeout: 600_000 },
      () => run(mode, kills, seeded(SEED * 97 + i)),
    );
  }
});

async function run(mode: Mode, kills: number, random: Random): Promise<void> {
  const where = () => `seed ${random.seed}, kill ${kill}: ${mode.words}`;
  const directory = await makeRepository(mode);
  const tip = (await refsOf(directory)).get("refs/heads/main") ?? "";
  const chain = oneCommitPushes(tip, 2 * kills + 1);
  let [kill, now, at] = [0, ZERO, 0];
  // How long one takes: moments are drawn from a little more than that.
  let whole = 0;
  let reached = 0;
  for (; kill < kills; kill++) {
    const step = chain[at];
    assert.ok(step !== undefined);
    const before = await refsOf(directory);
    const commands = commandsOf(mode, before, {
      ...{ old: now, to: step.new, kill },
    });
    const input = rawPush(commands, step.pack, mode.capabilities);
    // The first is let through, to know the time.
    const delay = kill === 0 ? Infinity : random.next() * whole * 1.1;
    const { output, took, wasKilled } = await pushAndKill(
      directory,
      input,
      delay,
    );
    if (!wasKilled) whole = Math.max(whole, took);
    const report = reportIn(output);
    if (report.length > 0) reached++;
    const after = await refsOf(directory);
    for (const { name, new: to } of commands) {
      const value = after.get(name) ?? ZERO;
      if (report.includes(`ok ${name}`)) assert.equal(value, to, where());
    }
    const states = commands.map(({ name, old, new: to }) => {
      const value = after.get(name) ?? ZERO;
      assert.ok(value === old || value === to, `${where()}: ${name} ${value}`);
      return value === to;
    });
    assert.equal(await fsckCode(directory, after), 0, where());
    if (states[0] === true) [now, at] = [step.new, at + 1];
    // The next push succeeds, locks of the dead or not.
    const next = chain[at];
    assert.ok(next !== undefined);
    const answer = await pushHere(
      directory,
      rawPush(
        [{ name: "refs/heads/pushed", old: now, new: next.new }],
        next.pack,
        "report-status quiet",
      ),
    );
    assert.deepEqual(
      reportIn(answer),
      ["unpack ok", "ok refs/heads/pushed"],
      where(),
    );
    [now, at] = [next.new, at + 1];
    assert.equal(leftovers(directory), "", where());
  }
  const end = await refsOf(directory);
  assert.equal(await fsckCode(directory, end), 0, where());
  // Some came so far that they could say so; else the moments are too early.
  assert.ok(reached >= 1, `${where()}: ${reached} reports`);
}

async function makeRepository({ settings, refs }: Mode): Promise<string> {
  const directory = emptyRepository(
    join(temporaryDirectory("kill"), "killed.git"),
    "sha1",
  );
  const tree = gitSync(["mktree"], { cwd: directory, input: "" }).trim();
  const commit = gitSync(["commit-tree", "-m", "first", tree], {
    cwd: directory,
  }).trim();
  const names = ["refs/heads/main", "refs/heads/packed"];
  if (refs === "reftable") {
    convertToReftable(directory);
    const commands = names.map((name) => ({ name, old: ZERO, new: commit }));
    const bytes = rawPush(commands, rawPack([]), "report-status");
    assert.equal(reportIn(await pushHere(directory, bytes)).length, 3);
  } else {
    for (const name of names) {
      gitSync(["update-ref", name, commit], { cwd: directory });
    }
    gitSync(["pack-refs", "--all"], { cwd: directory });
  }
  for (const setting of settings) {
    const [key = "", value = ""] = setting.split("=");
    gitSync(["config", "--file", join(directory, "config"), key, value]);
  }
  return directory;
}

/** All refs, as we read them: git 2.39 reads no reftables. */
async function refsOf(
  directory: string,
): Promise<ReadonlyMap<string, string>> {
  const backend = new FileSystemBackend("/");
  const repository = await backend.openRepository(directory);
  using snapshot = await repository.snapshot();
  const all = [...snapshot.refs.list("")];
  return new Map(all.map(({ name, oid }) => [name, oid]));
}

/** What `git fsck` ends with; of reftables it sees the objects alone. */
async function fsckCode(
  directory: string,
  refs: ReadonlyMap<string, string>,
): Promise<number | null> {
  if (!existsSync(join(directory, "reftable"))) {
    return (await fsck(directory)).code;
  }
  const shadow = join(temporaryDirectory("shadow"), "s.git");
  emptyRepository(shadow, "sha1");
  mkdirSync(join(shadow, "objects/info"), { recursive: true });
  writeFileSync(
    join(shadow, "objects/info/alternates"),
    `${directory}/objects\n`,
  );
  const lines = [...refs].sort().map(([name, oid]) => `${oid} ${name}\n`);
  writeFileSync(
    join(shadow, "packed-refs"),
    `# pack-refs with: sorted \n${lines.join("")}`,
  );
  const { code } = await fsck(shadow);
  removeDirectory(join(shadow, ".."));
  return code;
}

/** An update, a creation, and in turn a deletion or a second update. */
function commandsOf(
  { creations = 0 }: Mode,
  refs: ReadonlyMap<string, string>,
  { old, to, kill }: { old: string; to: string; kill: number },
): RawCommand[] {
  const other = refs.get("refs/heads/packed") ?? ZERO;
  const gone = kill % 2 === 0 && other !== ZERO;
  return [
    { name: "refs/heads/pushed", old, new: to },
    { name: `refs/heads/made/${kill}`, old: ZERO, new: to },
    { name: "refs/heads/packed", old: other, new: gone ? ZERO : to },
    ...Array.from({ length: creations }, (_, i) => ({
      name: `refs/tags/many/${kill}/${i}`,
      old: ZERO,
      new: to,
    })),
  ];
}

interface Killed {
  readonly output: Uint8Array;
  /** From the input to the end, milliseconds. */
  readonly took: number;
  readonly wasKilled: boolean;
}

/**
 * Pushes by a process of its own, which is killed `delay` milliseconds after
 * it was given everything.
 */
function pushAndKill(
  directory: string,
  input: Uint8Array,
  delay: number,
): Promise<Killed> {
  const { program, args } = serviceCommand("git-receive-pack");
  const child = spawn(program, [...args, directory], {
    env: serverEnvironment(),
    stdio: ["pipe", "pipe", "ignore"],
  });
  const chunks: Buffer[] = [];
  let begin = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // A killed process no longer reads.
  child.stdin.on("error", () => {});
  child.stdout.on("data", (chunk: Buffer) => {
    if (begin === 0) {
      // It has begun: the time of starting a runtime is not what is tested.
      begin = performance.now();
      if (delay !== Infinity) {
        timer = setTimeout(() => child.kill("SIGKILL"), delay);
      }
      child.stdin.end(input);
    }
    chunks.push(chunk);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (_code, signal) => {
      clearTimeout(timer);
      resolve({
        output: Buffer.concat(chunks),
        took: performance.now() - begin,
        wasKilled: signal === "SIGKILL",
      });
    });
  });
}

async function pushHere(
  directory: string,
  input: Uint8Array,
): Promise<Uint8Array> {
  const said: Uint8Array[] = [];
  await serveCommand({
    backend: new FileSystemBackend("/"),
    service: "git-receive-pack",
    path: directory,
    input: new Blob([new Uint8Array(input)]).stream(),
    output: new WritableStream<Uint8Array>({
      write: (chunk) => {
        said.push(chunk.slice());
      },
    }),
    protocol: "",
  });
  return Buffer.concat(said);
}

/** Locks and temporary files that are still there, by name. */
function leftovers(directory: string): string {
  const found: string[] = [];
  const queue = [directory];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const name of readdirSync(next)) {
      const path = join(next, name);
      if (/\.lock$|^tmp_|\.keep$|^gitsrv-locks/.test(name)) found.push(path);
      else if (statSync(path).isDirectory()) queue.push(path);
    }
  }
  return found.join("\n");
}
