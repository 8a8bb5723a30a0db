/**
 * Real git clients in random states fetch from random histories: what they
 * hold afterwards must be what `git upload-pack` would have given them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "../support/test.ts";
import {
  copyRepository,
  emptyRepository,
  importStream,
  OBJECT_FORMATS,
} from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import {
  FastImport,
  FIRST_DATE,
  randomHistory,
} from "../support/fixture_history.ts";
import { git, tryGit } from "../support/git.ts";
import { itInParallel, type Job } from "../support/git_jobs.ts";
import {
  fsck,
  lines,
  objectSet,
  refs,
  shallowFile,
} from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import { startDaemon } from "../support/server.ts";

/** Seeds of the histories; each gives one client of every kind. */
const SEEDS = [11, 12, 13, 14, 15, 16];

const CLIENTS = ["behind", "diverged", "shallow", "shallow-diverged"] as const;
type ClientKind = typeof CLIENTS[number];

/** A client that is to fetch, and how. */
interface Scenario {
  readonly seed: number;
  readonly origin: string;
  readonly client: string;
  readonly kind: ClientKind;
  /** Options of the fetch. */
  readonly args: readonly string[];
}

/** What is compared after the fetch. */
interface Outcome {
  /** Whether git said yes: it refuses to exclude all that is wanted. */
  readonly code: number | null;
  readonly refs: readonly string[];
  readonly shallow: readonly string[];
  readonly objects: readonly string[];
  readonly fsck: unknown;
}

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("negotiation");
const scenarios: Scenario[] = [];
for (const seed of SEEDS) scenarios.push(...await buildScenarios(seed));
const daemon = await startDaemon({
  args: ["--export-all", `--base-path=${root}`],
});
let nextClient = 0;

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

for (const seed of SEEDS) {
  describe(`clients of a random history, seed ${seed}`, () => {
    itInParallel(
      scenarios.filter((each) => each.seed === seed).flatMap((scenario) =>
        ([0, 1, 2] as const).map((protocol): Job => ({
          title: `${scenario.kind}: fetch ${
            scenario.args.join(" ")
          } with v${protocol} ends as it does with git`,
          run: () => check(scenario, protocol),
        }))
      ),
    );
  });
}

async function check(scenario: Scenario, protocol: 0 | 1 | 2): Promise<void> {
  const path = scenario.origin.slice(root.length);
  const got = await fetch(scenario, daemon.url(path), protocol);
  const want = await fetch(scenario, `file://${scenario.origin}`, protocol);
  const context = `seed ${scenario.seed}, ${scenario.kind}, v${protocol}, ` +
    scenario.args.join(" ");
  assert.equal(got.code, want.code, `exit code: ${context}`);
  assert.deepEqual(got.refs, want.refs, `refs: ${context}`);
  assert.deepEqual(got.shallow, want.shallow, `shallow: ${context}`);
  assert.deepEqual(
    difference(got.objects, want.objects),
    { missing: [], extra: [] },
    `stored objects: ${context}`,
  );
  assert.deepEqual(got.fsck, want.fsck, `fsck: ${context}`);
}

async function fetch(
  scenario: Scenario,
  url: string,
  protocol: 0 | 1 | 2,
): Promise<Outcome> {
  const client = join(root, `client-${nextClient++}`);
  copyRepository(scenario.client, client);
  // Not by `-c`: that would add a second URL, and git takes the first.
  await git(["config", "remote.origin.url", url], { cwd: client });
  const { code, stderr } = await tryGit([
    "fetch",
    "--quiet",
    ...scenario.args,
    "origin",
  ], { cwd: client, protocol });
  const mayFail = scenario.args.some((arg) => arg.includes("-exclude="));
  if (!mayFail) assert.equal(code, 0, stderr);
  const outcome = {
    code,
    refs: await refs(client),
    shallow: shallowFile(client),
    objects: await objectSet(client),
    fsck: await fsck(client),
  };
  rmSync(client, { recursive: true, force: true });
  return outcome;
}

function difference(
  got: readonly string[],
  want: readonly string[],
): { missing: string[]; extra: string[] } {
  const gotSet = new Set(got);
  const wantSet = new Set(want);
  return {
    missing: want.filter((oid) => !gotSet.has(oid)),
    extra: got.filter((oid) => !wantSet.has(oid)),
  };
}

async function buildScenarios(seed: number): Promise<Scenario[]> {
  const random = seeded(seed);
  const format = OBJECT_FORMATS[seed % 2] ?? "sha1";
  const origin = emptyRepository(join(root, `${seed}.git`), format);
  const stream = new FastImport();
  const commits = randomHistory(stream, random, {
    commits: 60 + random.int(160),
    branches: ["main", "a", "b", "c", "d"],
    oddDates: random.pick([0, 5, 11]),
  });
  for (let i = 0; i < 6; i++) {
    stream.tag(`t${i}`, random.pick(commits).mark, FIRST_DATE);
  }
  importStream(origin, stream, random.pick(["packed", "loose"] as const));
  const past = await earlierState(origin, `${origin}-past`, random);

  const found: Scenario[] = [];
  for (const kind of CLIENTS) {
    const client = join(root, `${seed}-${kind}`);
    const depth = `--depth=${1 + random.int(6)}`;
    const isShallow = kind.startsWith("shallow");
    await git([
      "clone",
      "--quiet",
      "--no-checkout",
      ...(isShallow ? [depth, "--no-single-branch"] : []),
      `file://${past}`,
      client,
    ]);
    if (kind.endsWith("diverged")) await addLocalWork(client, random);
    const algorithm = random.pick(["consecutive", "skipping"]);
    await git(["config", "fetch.negotiationAlgorithm", algorithm], {
      cwd: client,
    });
    for (const args of fetchOptions(kind, random)) {
      found.push({ seed, origin, client, kind, args });
    }
  }
  return found;
}

function fetchOptions(kind: ClientKind, random: Random): string[][] {
  const branch = random.pick(["main", "a", "b", "c", "d"]);
  if (kind === "behind") return [[], ["--no-tags"]];
  if (kind === "diverged") {
    return [[], ["--no-tags", `--depth=${3 + random.int(9)}`]];
  }
  return [
    [],
    [`--deepen=${1 + random.int(8)}`],
    [`--shallow-exclude=${branch}`],
    ["--unshallow"],
  ];
}

/** The same repository some time ago: every branch at a random ancestor. */
async function earlierState(
  origin: string,
  path: string,
  random: Random,
): Promise<string> {
  copyRepository(origin, path);
  const updates: string[] = [];
  for (const ref of await refs(path)) {
    const [, name = ""] = ref.split(" ");
    if (name.startsWith("refs/tags/") && random.int(2) === 0) {
      updates.push(`delete ${name}`);
    }
    if (!name.startsWith("refs/heads/")) continue;
    const line = lines(
      await git(["rev-list", "--first-parent", name], { cwd: path }),
    );
    updates.push(`update ${name} ${line[random.int(line.length)]}`);
    if (name !== "refs/heads/main" && random.int(5) === 0) {
      updates.pop();
      updates.push(`delete ${name}`);
    }
  }
  await git(["update-ref", "--stdin"], {
    cwd: path,
    input: `${updates.join("\n")}\n`,
  });
  return path;
}

/**
 * Commits of the client's own on some branches: more than the 16 haves of the
 * first flush, so that the negotiation takes rounds (fetch-pack.c:
 * INITIAL_FLUSH).
 */
async function addLocalWork(client: string, random: Random): Promise<void> {
  const stream = new FastImport();
  const heads = (await refs(client, "refs/remotes/origin"))
    .map((line) => line.split(" ")[1] ?? "")
    .filter((name) => !name.endsWith("/HEAD"));
  for (let n = 0; n < 3; n++) {
    let parent: number | string = `${random.pick(heads)}^0`;
    const count = [3, 20, 70][n] ?? 1;
    for (let i = 0; i < count; i++) {
      parent = stream.commit({
        ref: `refs/heads/local/${n}`,
        parents: [parent],
        date: FIRST_DATE + 3_000 + random.int(20_000),
        changes: [stream.file(`local${n}`, `${n} ${i}\n`)],
      }).mark;
    }
  }
  importStream(client, stream, "packed");
}
