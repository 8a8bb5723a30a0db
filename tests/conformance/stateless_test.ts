/**
 * Sessions of one request and its answer, as transports have them whose
 * requests come one by one: the same bytes to ours and to
 * `git upload-pack --stateless-rpc`, whole, cut off, and with more behind them
 * than one request. What must be equal is said in
 * `tests/support/differential/judge.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { Client, Packer } from "../support/differential/client.ts";
import { judge, type Verdict } from "../support/differential/judge.ts";
import {
  describeSpecimen,
  makeSpecimen,
  type Specimen,
} from "../support/differential/repository.ts";
import {
  describeFetch,
  type Fetch,
  makeFetch,
} from "../support/differential/request.ts";
import type { Outcome } from "../support/differential/servers.ts";
import { readFetchAnswer } from "../support/fetch_answer.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { type Random, seeded } from "../support/random.ts";
import { askGit, askOurs, type Said } from "../support/terms_session.ts";
import { describe, it } from "../support/test.ts";
import { packets, parsePackets } from "../support/wire_client.ts";

const CASES = 32;

describe("stateless requests", () => {
  const tally = new Map<Verdict, number>();
  // Of a repository that is whole, one that is shallow, one of SHA-256.
  for (const seed of [0, 20, 4]) {
    it(`are answered as git answers them, ${describeSpecimen(seed)}`, async () => {
      const root = temporaryDirectory("stateless");
      const specimen = makeSpecimen(seed, join(root, "origin.git"));
      const client = new Client(join(root, "client"), specimen.format);
      const packer = new Packer(specimen.objects, specimen.format);
      for (let index = 0; index < CASES; index++) {
        const verdict = await run(specimen, index, client, packer);
        tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
      }
      removeDirectory(root);
    });
  }

  it("were with and without packs", () => {
    const text = JSON.stringify(Object.fromEntries(tally));
    assert.ok((tally.get("equal") ?? 0) >= CASES, text);
    assert.ok((tally.get("no pack") ?? 0) >= CASES / 2, text);
  });
});

async function run(
  specimen: Specimen,
  index: number,
  client: Client,
  packer: Packer,
): Promise<Verdict> {
  const seed = specimen.seed * 10_000 + index;
  const whole = makeFetch(specimen, seed);
  // Here git loses its own boundary; without a pack that fails of it, its lines
  // tell nothing.
  const isLost = specimen.shallow.length > 0 &&
    whole.depth.some((line) => !line.startsWith("deepen "));
  if (isLost) return "refused";
  const fetch = cut(whole, seeded(seed + 1));
  const session = {
    path: specimen.path,
    protocol: fetch.protocol,
    input: fetch.input,
    stateless: true,
  };
  const settings = [
    `pack.useSparse=${fetch.sparse}`,
    // See askGit of tests/support/differential/servers.ts.
    ...(fetch.shallow.length + fetch.depth.length > 0
      ? ["core.commitGraph=false"]
      : []),
  ];
  const again = async (...more: readonly string[]): Promise<Outcome> =>
    outcome(await askGit(session, [...settings, ...more]));
  try {
    const [ours, theirs] = await Promise.all([askOurs(session), again()]);
    return await judge(
      { specimen, fetch, ours: outcome(ours), theirs, again },
      client,
      packer,
    );
  } catch (error) {
    throw new Error(
      `seed ${specimen.seed}, case ${index}: ` +
        `${error instanceof Error ? error.message : error}\n` +
        describeFetch(fetch),
      { cause: error },
    );
  }
}

/** Most requests of such clients are no whole conversation. */
function cut(fetch: Fetch, random: Random): Fetch {
  const lines = parsePackets(fetch.input).map((packet) =>
    packet.type === "data"
      ? packet.text
      : packet.type === "flush"
      ? "0000"
      : "0001"
  );
  if (fetch.protocol === 2) {
    // Another request, which is not read.
    const more = random.int(2) === 0 ? [] : ["command=none\n", "0000"];
    return { ...fetch, input: packets(...lines, ...more) };
  }
  const flush = lines.indexOf("0000");
  const kept = random.pick([
    lines,
    // A client that has heard of its boundary comes again with its haves.
    lines.slice(0, flush + 1),
    [...lines.slice(0, -1), "0000"],
    [...lines.slice(0, -1), "0000"],
    [...lines.slice(0, -1), "0000", "done\n"],
  ]);
  return { ...fetch, input: packets(...kept) };
}

/** The answer as one behind an advertisement, which is not there. */
function outcome({ text, failure }: Said): Outcome {
  if (failure !== "") {
    const why = failure.split("fatal: ")[1] ?? failure;
    return { failure: `${why}\n` };
  }
  return { answer: readFetchAnswer(Buffer.from(`0000${text}`, "latin1")) };
}
