/**
 * Thousands of seeded fetches of generated repositories, kept in every way that
 * git has, answered by us and by the real `git upload-pack`: see
 * `tests/support/differential/judge.ts` for what must be equal.
 *
 * `GITSRV_DIFF_SEED=<n>` or `<from>-<to>` runs the repositories of those seeds
 * alone, in this range or beyond; `GITSRV_DIFF_CASE=<n>` one fetch of each.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { FileSystemBackend } from "../../mod.ts";
import { Client, Packer } from "../support/differential/client.ts";
import { judge, type Verdict } from "../support/differential/judge.ts";
import { LAYOUTS } from "../support/differential/layouts.ts";
import {
  describeSpecimen,
  makeSpecimen,
  type Specimen,
} from "../support/differential/repository.ts";
import { describeFetch, makeFetch } from "../support/differential/request.ts";
import { askGit, askOurs } from "../support/differential/servers.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { inParallel } from "../support/git_jobs.ts";
import { chosenSeeds } from "../support/seed_range.ts";
import { describe, it } from "../support/test.ts";

/** Three of each layout. */
const REPOSITORIES = 3 * LAYOUTS.length;
const CASES = 40;
/** Enough that both processors have work, and git's answers wait for us. */
const AT_ONCE = 3;
/** So many failures of one repository are told in full. */
const TOLD = 3;

const tally = new Map<Verdict, number>();

describe("fetches answered as git does", () => {
  const seeds = chosenSeeds("GITSRV_DIFF_SEED", REPOSITORIES);
  for (const seed of seeds) {
    it(`from repository ${seed}: ${describeSpecimen(seed)}`, () => run(seed));
  }

  it("were enough: 1,900 packs, three quarters of them of equal sets", () => {
    const count = (...verdicts: readonly Verdict[]): number =>
      verdicts.reduce((sum, each) => sum + (tally.get(each) ?? 0), 0);
    const text = JSON.stringify(Object.fromEntries(tally));
    if (process.env.GITSRV_DIFF_SEED !== undefined) {
      process.stderr.write(`${text}\n`);
      return;
    }
    const packs = count("equal", "fewer", "fewest", "more");
    assert.ok(packs >= 1_900, text);
    assert.ok(count("equal") >= packs * 0.75, text);
    assert.ok(count("refused") > 0, text);
  });
});

function chosenCases(): number[] {
  const one = process.env.GITSRV_DIFF_CASE;
  return one === undefined
    ? Array.from({ length: CASES }, (_, i) => i)
    : [Number(one)];
}

async function run(seed: number): Promise<void> {
  const root = temporaryDirectory("differential");
  const specimen = makeSpecimen(seed, join(root, "origin.git"));
  const backend = new FileSystemBackend(root);
  const packer = new Packer(specimen.objects, specimen.format);
  const clients = Array.from(
    { length: AT_ONCE },
    (_, i) => new Client(join(root, `client${i}`), specimen.format),
  );
  const failures: string[] = [];
  await inParallel(chosenCases(), async (index) => {
    const client = clients.pop() as Client;
    try {
      const verdict = await runCase(specimen, index, backend, client, packer);
      tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    } finally {
      clients.push(client);
    }
  }, AT_ONCE);
  assert.equal(
    failures.length,
    0,
    `${failures.length} failures\n${failures.slice(0, TOLD).join("\n\n")}`,
  );
  removeDirectory(root);
}

async function runCase(
  specimen: Specimen,
  index: number,
  backend: FileSystemBackend,
  client: Client,
  packer: Packer,
): Promise<Verdict> {
  const { seed, path } = specimen;
  const fetch = makeFetch(specimen, seed * 10_000 + index);
  try {
    const [ours, theirs] = await Promise.all([
      askOurs(backend, "/origin.git", fetch),
      askGit(path, fetch),
    ]);
    const again = (setting: string) => askGit(path, fetch, [setting]);
    return await judge(
      { specimen, fetch, ours, theirs, again },
      client,
      packer,
    );
  } catch (error) {
    throw new Error(
      `GITSRV_DIFF_SEED=${seed} GITSRV_DIFF_CASE=${index}: ` +
        `${error instanceof Error ? error.message : error}\n` +
        describeFetch(fetch),
      { cause: error },
    );
  }
}
