/**
 * Good pushes with bytes flipped, put in and left out at random, through the
 * whole service: errors are the peer's and have words of their own, and a
 * repository changes where the report says so and nowhere else.
 *
 * `GITSRV_PUSH_MUTATIONS` sets how many, `GITSRV_PUSH_MUTATION_SEED` the first
 * seed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { cpSync, rmSync } from "node:fs";
import { gitSync } from "../support/git.ts";
import { KEPT, PackTrial } from "../support/pushes/pack_trial.ts";
import { rawPush, ZERO } from "../support/pushes/raw_push.ts";
import { type Random, seeded } from "../support/random.ts";
import { after, describe, it } from "../support/test.ts";

const COUNT = Number(process.env.GITSRV_PUSH_MUTATIONS ?? 200);
const SEED = Number(process.env.GITSRV_PUSH_MUTATION_SEED ?? 1);
/** Pushes under way at a time, each into its own repository. */
const AT_ONCE = 4;

// Set up here, not in a hook: the tests below take these as constants.
const trial = await PackTrial.start("push-mutations", {
  args: ["--timeout=10"],
});
const { good } = trial;

after(() => trial.stop());

const NAME = "refs/heads/pushed";

/** A push of commits with deltas, thin and whole. */
function goodPush(random: Random): Uint8Array {
  const cwd = trial.path("good.git");
  const isThin = random.int(2) === 0;
  const args = ["pack-objects", "--stdout", "--revs", "--thin", "-q"];
  if (random.int(2) === 0) args.push("--delta-base-offset");
  const to = isThin ? good.hidden : good.unreachable;
  const input = `${to}\n${random.int(2) === 0 ? `^${good.main}\n` : ""}`;
  const pack = Buffer.from(gitSync(args, { cwd, input }), "latin1");
  const capabilities = random.pick([
    "report-status side-band-64k",
    "report-status-v2 side-band-64k atomic",
    "report-status quiet",
  ]);
  return rawPush(
    [
      { name: NAME, old: ZERO, new: to },
      { name: "refs/heads/main", old: good.main, new: to },
    ].slice(0, 1 + random.int(2)),
    pack,
    capabilities,
  );
}

const GOOD = Array.from({ length: 12 }, (_, i) => goodPush(seeded(SEED + i)));

/** Some bytes are others, more or fewer. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let out = Buffer.from(bytes);
  for (let n = 1 + random.int(3); n > 0; n--) {
    // Commands, the pack's head and the rest get as many.
    const at = random.int(
      random.pick([200, 300, out.length, out.length]),
    ) % out.length;
    switch (random.int(4)) {
      case 0:
        out[at] = (out[at] as number) ^ (1 << random.int(8));
        break;
      case 1:
        out[at] = random.int(256);
        break;
      case 2: {
        const more = random.bytes(1 + random.int(8));
        out = Buffer.concat([out.subarray(0, at), more, out.subarray(at)]);
        break;
      }
      default: {
        const to = at + 1 + random.int(8);
        out = Buffer.concat([out.subarray(0, at), out.subarray(to)]);
      }
    }
  }
  return out;
}

async function tryOne(repository: string, from: string, seed: number) {
  const random = seeded(seed);
  const bytes = mutated(random.pick(GOOD), random);
  const before = trial.filesOf(repository);
  const { text } = await trial.send(repository, bytes);
  const words = `seed ${seed}, ${from}: ${JSON.stringify(text.slice(-400))}`;
  assert.doesNotMatch(text, /internal error|BUG/, words);
  const files = trial.filesOf(repository);
  // A client whose capabilities were damaged may hear no report.
  const isUnheard = !/unpack |fatal: |ERR /.test(text);
  if (!isUnheard && !/unpack ok/.test(text)) {
    return assert.deepEqual(files, before, words);
  }
  const directory = trial.path(repository);
  gitSync(["fsck", "--strict"], { cwd: directory });
  if (!isUnheard && !/ok (refs\/|HEAD)/.test(text)) {
    // Its objects were good, and stay as they do with git.
    const isOther = (file: string) => !file.startsWith("objects/");
    assert.deepEqual(files.filter(isOther), before.filter(isOther), words);
  }
  rmSync(directory, { recursive: true });
  cpSync(trial.path(from), directory, { recursive: true });
}

describe("a push that was damaged on its way", () => {
  for (const from of KEPT) {
    it(`changes nothing unless it says so (${from})`, async () => {
      const share = Math.ceil(COUNT / KEPT.length / AT_ONCE);
      await Promise.all(Array.from({ length: AT_ONCE }, async (_, lane) => {
        const repository = trial.copy(from);
        for (let i = 0; i < share; i++) {
          const seed = SEED * 1_000_003 + lane * 100_003 + i * 2 +
            KEPT.indexOf(from);
          await tryOne(repository, from, seed);
        }
        gitSync(["fsck", "--strict"], { cwd: trial.path(repository) });
      }));
      assert.doesNotMatch(
        trial.daemon.log(),
        /BUG|internal error|TypeError|RangeError/,
      );
    });
  }
});
