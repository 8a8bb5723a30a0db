/**
 * `serve-command http-backend` and `git http-backend` are given the same
 * environments and bodies, generated from seeds: status, headers in their
 * order, bodies, exit codes and words are the same. What differs on purpose
 * stands in `tests/support/cgi_cases.ts`, in `difference`.
 *
 * `GITSRV_CGI_SEED=<n>` or `<from>-<to>` asks for seeds in this range or
 * beyond.
 *
 * @module
 */

import assert from "node:assert/strict";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { inParallel } from "../support/git_jobs.ts";
import {
  askHere,
  askProgram,
  type CgiAnswer,
  type CgiCase,
  cgiCase,
  type CgiWorld,
  cgiWorld,
  difference,
} from "../support/cgi_cases.ts";
import { seeded } from "../support/random.ts";
import { chosenSeeds } from "../support/seed_range.ts";
import { before, describe, it } from "../support/test.ts";

/** Requests that are answered inside of this process. */
const SEEDS = 160;
/** Requests for each of which a program is started. */
const PROGRAMS = 8;
/** So many differences are told. */
const TOLD = 3;

let world: CgiWorld;
before(async () => {
  world = await cgiWorld(temporaryDirectory("http-backend"));
});

describe("one request by CGI", () => {
  it("is answered as git answers it", async () => {
    await compare(chosenSeeds("GITSRV_CGI_SEED", SEEDS), askHere);
  });

  it("is answered alike by the program", async () => {
    const seeds = Array.from({ length: PROGRAMS }, (_, i) => 10_000 + i);
    await compare(seeds, (asked) => askProgram("ours", asked));
  });
});

async function compare(
  seeds: readonly number[],
  ask: (asked: CgiCase) => Promise<CgiAnswer>,
): Promise<void> {
  const faults: string[] = [];
  await inParallel(seeds, async (seed) => {
    const asked = cgiCase(seeded(seed), world);
    const theirs = await askProgram("git", asked);
    const fault = difference(theirs, await ask(asked));
    if (fault === undefined) return;
    const body = JSON.stringify(
      String.fromCharCode(...asked.input.subarray(0, 300)),
    );
    faults.push(
      `seed ${seed}: ${JSON.stringify(asked.env)}\n${body}\n${fault}`,
    );
  });
  assert.equal(
    faults.length,
    0,
    `${faults.length} differ\n${faults.slice(0, TOLD).join("\n\n")}`,
  );
}
