/**
 * What receive-pack tells before a push, over generated repositories,
 * configurations, namespaces and alternates: in every protocol version, and on
 * the terms of every transport, the bytes of the real `git receive-pack`, but
 * for who is speaking.
 *
 * `GITSRV_REFS_SEED=<n>` or `<from>-<to>` runs the repositories of those seeds
 * alone, in this range or beyond.
 *
 * @module
 */

import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { OBJECT_FORMATS } from "../support/fixture.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import {
  NAMESPACES,
  type OddObjects,
  oddObjects,
  oddRepository,
} from "../support/odd_refs.ts";
import { type Random, seeded } from "../support/random.ts";
import { chosenSeeds, itHasGitsBytes } from "../support/seed_range.ts";
import { withoutIdentity } from "../support/server_session.ts";
import {
  askGit,
  askOurs,
  type TermsSession,
} from "../support/terms_session.ts";
import { after, describe, it } from "../support/test.ts";

/** Seeds of the suite, in parts that tell where something is wrong. */
const SEEDS = 24;
const PARTS = 4;

const root = temporaryDirectory("push-refs");
const bases = OBJECT_FORMATS.map((format) =>
  oddObjects(join(root, `${format}.git`), format)
);
const lenders = bases.map(lenderOf);
/** How often there was something of each kind to compare. */
const tally = { have: 0, shallow: 0, none: 0 };

after(() => removeDirectory(root));

describe("what is told before a push", () => {
  const seeds = chosenSeeds("GITSRV_REFS_SEED", SEEDS);
  itHasGitsBytes(seeds, PARTS, compareAll);

  it("was enough of each kind", () => {
    if (process.env.GITSRV_REFS_SEED !== undefined) return;
    for (const [kind, count] of Object.entries(tally)) {
      assert.ok(count >= 4, `${kind}: ${count}`);
    }
  });
});

/** A repository of the same objects, with refs that others may borrow from. */
function lenderOf({ path, format, commits, tags }: OddObjects): string {
  const lender = join(root, `lender-${format}.git`);
  cpSync(path, lender, { recursive: true });
  const names = ["refs/heads/b", "refs/heads/a", "refs/tags/a", "refs/x/y"];
  const oids = [...commits, ...tags.keys()];
  names.forEach((name, i) =>
    gitSync(["update-ref", name, oids[(i * 2) % oids.length] as string], {
      cwd: lender,
    })
  );
  gitSync(["update-ref", "refs/tags/t", oids.at(-1) as string], {
    cwd: lender,
  });
  return lender;
}

/** Adds what only those who push are told of. */
function forPushes(
  random: Random,
  path: string,
  { from, lender }: { readonly from: OddObjects; readonly lender: string },
): string {
  const lines: string[] = [];
  const maybe = (percent: number, section: string, line: string) => {
    if (random.int(100) < percent) lines.push(`[${section}]\n\t${line}\n`);
  };
  maybe(30, "receive", "advertiseAtomic = false");
  maybe(40, "receive", "advertisePushOptions = true");
  maybe(25, "repack", "useDeltaBaseOffset = false");
  maybe(30, "receive", `hideRefs = ${random.pick(["refs/x", "refs/tags"])}`);
  maybe(15, "receive", "hideRefs = .have");
  maybe(10, "transfer", "hideRefs = ^refs/heads/a");
  if (random.int(6) === 0) {
    // Told, so that it can be taken away.
    const lost = from.commits[0]?.replaceAll(/./g, "3");
    mkdirSync(join(path, "refs/heads"), { recursive: true });
    writeFileSync(join(path, "refs/heads/lost"), `${lost}\n`);
    lines.push("# a ref to nothing\n");
  }
  if (random.int(2) === 0) {
    mkdirSync(join(path, "objects/info"), { recursive: true });
    writeFileSync(
      join(path, "objects/info/alternates"),
      `${join(lender, "objects")}\n`,
    );
    lines.push("# alternates\n");
    const prefixes = ["refs/heads", "refs/heads refs/tags", "refs/none"];
    maybe(30, "core", `alternateRefsPrefixes = ${random.pick(prefixes)}`);
  }
  appendFileSync(join(path, "config"), lines.join(""));
  return lines.join("");
}

async function compareAll(seed: number): Promise<void> {
  const random = seeded(seed + 2_000_000);
  const which = seed % 4 === 3 ? 1 : 0;
  const path = join(root, `case-${seed}.git`);
  const from = bases[which] as OddObjects;
  const { story } = oddRepository(seed, from, path);
  const lender = lenders[which] as string;
  const more = forPushes(random, path, { from, lender });
  for (const session of sessions(random, path)) {
    try {
      await compare(session);
    } catch (error) {
      throw new Error(
        `GITSRV_REFS_SEED=${seed}, ${JSON.stringify(session)}\n${story}\n` +
          `${more}\n${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
  }
  removeDirectory(path);
}

function* sessions(random: Random, path: string): Generator<TermsSession> {
  const service = "git-receive-pack";
  const some = (): Pick<TermsSession, "path" | "service" | "namespace"> => ({
    ...{ path, service },
    namespace: random.pick(NAMESPACES),
  });
  const protocol = (): 0 | 1 | 2 => random.pick([0, 1, 2]);
  yield { ...some(), protocol: 0, input: "0000" };
  yield { ...some(), protocol: 1, input: "0000" };
  yield { ...some(), protocol: 2, input: "0000" };
  yield { ...some(), protocol: protocol(), input: "", advertiseOnly: true };
  yield {
    ...{ ...some(), protocol: protocol(), input: "" },
    ...{ advertiseOnly: true, stateless: true },
  };
  // What is asked without being told first.
  yield { ...some(), protocol: protocol(), input: "0000", stateless: true };
}

async function compare(session: TermsSession): Promise<void> {
  const [ours, git] = await Promise.all([askOurs(session), askGit(session)]);
  assert.equal(ours.failure, git.failure);
  assert.equal(withoutIdentity(ours.text), withoutIdentity(git.text));
  if (git.text.includes(" .have")) tally.have++;
  if (git.text.includes("shallow ")) tally.shallow++;
  if (git.text.includes(" capabilities^{}")) tally.none++;
}
