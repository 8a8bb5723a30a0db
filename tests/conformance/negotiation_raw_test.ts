/**
 * Hand-made fetch requests with random wants, haves and depths: the answer's
 * lines are git's, and the pack holds what the client lacks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "../support/test.ts";
import { emptyRepository, importStream } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { readFetchAnswer } from "../support/fetch_answer.ts";
import {
  FastImport,
  FIRST_DATE,
  randomHistory,
} from "../support/fixture_history.ts";
import { git } from "../support/git.ts";
import { itInParallel, type Job } from "../support/git_jobs.ts";
import { lines, refs } from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import { runSession } from "../support/server_session.ts";
import type { ServerKind } from "../support/server.ts";
import {
  describePackets,
  packets,
  parsePackets,
  toBuffer,
  type Wire,
} from "../support/wire_client.ts";

const SEEDS = [21, 22, 23, 24];
const FORMAT = "sha1";

/** A request, and what its sender has. */
interface Question {
  readonly protocol: 0 | 2;
  readonly input: Wire;
  /** Commits that the client has; it has all they reach but the shallow cut. */
  readonly haves: readonly string[];
  readonly label: string;
}

/** An answer taken apart. */
interface Answer {
  /** Lines of the acknowledgement and shallow sections, in their order. */
  readonly lines: readonly string[];
  /** The ids of all objects in the pack; `undefined` without a pack. */
  readonly objects: readonly string[] | undefined;
  /** What the server said when it refused. */
  readonly failure?: string;
}

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("negotiation-raw");
let nextPack = 0;

after(() => rmSync(root, { recursive: true, force: true }));

for (const seed of SEEDS) {
  const random = seeded(seed);
  const origin = emptyRepository(join(root, `${seed}.git`), FORMAT);
  const stream = new FastImport();
  const commits = randomHistory(stream, random, {
    commits: 120,
    branches: ["main", "a", "b", "c"],
    oddDates: 7,
  });
  for (let i = 0; i < 5; i++) {
    stream.tag(`t${i}`, random.pick(commits).mark, FIRST_DATE);
  }
  importStream(origin, stream, "packed");
  const tips = (await refs(origin)).map((line) => line.split(" ")[0] ?? "");
  const all = lines(await git(["rev-list", "--all"], { cwd: origin }));
  const questions = [
    ...Array.from({ length: 8 }, () => askV0(random, tips, all)),
    ...Array.from({ length: 8 }, () => askV2(random, tips, all)),
  ];
  describe(`raw requests to a random history, seed ${seed}`, () => {
    itInParallel(
      questions.map((question, index): Job => ({
        title: `${index}: ${question.label} is answered as git does`,
        run: () => check(origin, question, seed),
      })),
      2,
    );
  });
}

async function check(
  origin: string,
  question: Question,
  seed: number,
): Promise<void> {
  const [got, want] = await Promise.all([
    ask(origin, question),
    ask(origin, question, "git"),
  ]);
  const context = `seed ${seed}, ${question.label}`;
  assert.equal(got.failure === undefined, want.failure === undefined, context);
  if (want.failure !== undefined) {
    // The words of git's last line must be among ours, however we send them.
    assert.ok(got.failure?.includes(want.failure.trim()), context);
    return;
  }
  assert.deepEqual(got.lines, want.lines, context);
  assert.equal(got.objects === undefined, want.objects === undefined, context);
  if (got.objects === undefined || want.objects === undefined) return;
  const gotSet = new Set(got.objects);
  const wantSet = new Set(want.objects);
  const extra = got.objects.filter((oid) => !wantSet.has(oid));
  assert.deepEqual(extra, [], `objects that git does not send: ${context}`);
  // git sends some objects again that only its older commits still hold: a
  // more exact server may leave out what the client has.
  const missing = want.objects.filter((oid) => !gotSet.has(oid));
  if (missing.length === 0) return;
  const has = question.haves.length === 0 ? [] : lines(
    await git(
      ["rev-list", "--objects", "--no-object-names", ...question.haves],
      { cwd: origin },
    ),
  );
  const owned = new Set(has);
  assert.deepEqual(
    missing.filter((oid) => !owned.has(oid)),
    [],
    `objects that the client lacks: ${context}`,
  );
}

async function ask(
  origin: string,
  question: Question,
  kind?: ServerKind,
): Promise<Answer> {
  const { stdout, code, stderr } = await runSession({
    path: origin,
    protocol: question.protocol,
    input: question.input,
  }, kind);
  if (code !== 0) {
    const words = stderr.split("fatal: ")[1] ?? stderr;
    const lines = parsePackets(toBuffer(stdout), "lenient").slice(-1);
    const all = [words, ...describePackets(lines)].join("\n");
    return { lines: [], objects: undefined, failure: kind ? words : all };
  }
  return await takeApart(stdout, origin);
}

async function takeApart(stdout: string, origin: string): Promise<Answer> {
  const { lines, pack } = readFetchAnswer(toBuffer(stdout));
  return {
    lines,
    objects: pack === undefined ? undefined : await packedObjects(pack, origin),
  };
}

async function packedObjects(
  pack: Uint8Array,
  origin: string,
): Promise<string[]> {
  const store = emptyRepository(join(root, `pack-${nextPack++}`), FORMAT);
  mkdirSync(join(store, "objects/info"), { recursive: true });
  writeFileSync(
    join(store, "objects/info/alternates"),
    `${join(origin, "objects")}\n`,
  );
  await git(["index-pack", "--stdin", "--strict"], { cwd: store, input: pack });
  const directory = join(store, "objects/pack");
  const index = readdirSync(directory).find((name) => name.endsWith(".idx"));
  const text = await git(["verify-pack", "-v", join(directory, index ?? "")], {
    cwd: store,
  });
  rmSync(store, { recursive: true, force: true });
  return lines(text).filter((line) => /^[0-9a-f]{40} /.test(line))
    .map((line) => line.slice(0, 40)).sort();
}

/** Wants, haves, shallow lines and depth, chosen at random. */
interface Choice {
  readonly wants: readonly string[];
  /** What the client names, with ids that nobody has among them. */
  readonly named: readonly string[];
  readonly haves: readonly string[];
  readonly shallow: readonly string[];
  readonly label: string;
}

function choose(
  random: Random,
  tips: readonly string[],
  all: readonly string[],
): Choice {
  const wants = distinct(random, tips, 1 + random.int(3));
  const haves = distinct(random, all, random.int(5));
  const unknown = Array.from(
    { length: random.int(4) },
    () => toBuffer(random.bytes(20)).toString("hex"),
  );
  const named = [...unknown, ...haves];
  const depth = random.int(3) === 0
    ? random.pick([
      `deepen ${1 + random.int(9)}`,
      `deepen-since ${FIRST_DATE + random.int(120 * 60)}`,
      "deepen-not refs/heads/a",
    ])
    : undefined;
  const shallow = depth === undefined ? [] : [depth];
  const label = [
    `${wants.length} wants`,
    `${haves.length} haves`,
    `${unknown.length} unknown`,
    ...shallow,
  ].join(", ");
  return { wants, named, haves, shallow, label };
}

function askV0(
  random: Random,
  tips: readonly string[],
  all: readonly string[],
): Question {
  const choice = choose(random, tips, all);
  const mode = random.pick([
    "",
    " multi_ack",
    " multi_ack_detailed",
    " multi_ack_detailed no-done",
  ]);
  const tag = random.pick(["", " include-tag"]);
  const capabilities = ` side-band-64k ofs-delta${mode}${tag} agent=test/1`;
  const haves = choice.named.flatMap((oid) => [
    `have ${oid}\n`,
    ...(random.int(3) === 0 ? ["0000"] : []),
  ]);
  const input = packets(
    ...choice.wants.map((oid, index) =>
      `want ${oid}${index === 0 ? capabilities : ""}\n`
    ),
    ...choice.shallow.map((line) => `${line}\n`),
    "0000",
    ...haves,
    "done\n",
  );
  return {
    protocol: 0,
    input,
    haves: choice.haves,
    label: `v0${mode}${tag}, ${choice.label}`,
  };
}

function askV2(
  random: Random,
  tips: readonly string[],
  all: readonly string[],
): Question {
  const choice = choose(random, tips, all);
  const end = random.pick([["done\n"], ["done\n"], [], ["wait-for-done\n"]]);
  const options = ["ofs-delta\n", "include-tag\n", "no-progress\n"]
    .filter(() => random.int(2) === 0);
  const input = packets(
    "command=fetch",
    "agent=test/1",
    `object-format=${FORMAT}`,
    "0001",
    ...options,
    ...choice.wants.map((oid) => `want ${oid}\n`),
    ...choice.shallow.map((line) => `${line}\n`),
    ...choice.named.map((oid) => `have ${oid}\n`),
    ...end,
    "0000",
  );
  return {
    protocol: 2,
    input,
    haves: choice.haves,
    label: `v2 ${[...options, ...end].map((line) => line.trim()).join(" ")}, ` +
      choice.label,
  };
}

function distinct(
  random: Random,
  from: readonly string[],
  count: number,
): string[] {
  return [...new Set(Array.from({ length: count }, () => random.pick(from)))];
}
