/**
 * What is told of refs, over generated repositories, configurations and
 * namespaces: in every protocol version, and on the terms of every transport,
 * the bytes of the real `git upload-pack`, but for who is speaking.
 *
 * `GITSRV_REFS_SEED=<n>` or `<from>-<to>` runs the repositories of those seeds
 * alone, in this range or beyond.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { OBJECT_FORMATS } from "../support/fixture.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import {
  NAMESPACES,
  type OddObjects,
  oddObjects,
  oddRepository,
} from "../support/odd_refs.ts";
import { type Random, seeded } from "../support/random.ts";
import { chosenSeeds, itHasGitsBytes } from "../support/seed_range.ts";
import { v2Command, withoutIdentity } from "../support/server_session.ts";
import {
  askGit,
  askOurs,
  type Said,
  type TermsSession,
} from "../support/terms_session.ts";
import { after, describe } from "../support/test.ts";
import { parsePackets, toBuffer } from "../support/wire_client.ts";

/** Seeds of the suite, in parts that tell where something is wrong. */
const SEEDS = 60;
const PARTS = 6;

const root = temporaryDirectory("matrix");
const bases = OBJECT_FORMATS.map((format) =>
  oddObjects(join(root, `${format}.git`), format)
);

after(() => removeDirectory(root));

describe("what is told of generated refs", () => {
  const seeds = chosenSeeds("GITSRV_REFS_SEED", SEEDS);
  itHasGitsBytes(seeds, PARTS, compareAll);
});

async function compareAll(seed: number): Promise<void> {
  const random = seeded(seed + 1_000_000);
  const from = bases[seed % 4 === 3 ? 1 : 0] as OddObjects;
  const path = join(root, `case-${seed}.git`);
  const { story } = oddRepository(seed, from, path);
  for (const session of sessions(random, path, from)) {
    try {
      await compare(session);
    } catch (error) {
      const { input, ...terms } = session;
      throw new Error(
        `GITSRV_REFS_SEED=${seed}, ${JSON.stringify(terms)}, input ` +
          `${JSON.stringify(toBuffer(input).toString("latin1"))}\n${story}\n` +
          `${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
  }
  removeDirectory(path);
}

/** One of each way to be told of refs. */
function* sessions(
  random: Random,
  path: string,
  { format }: OddObjects,
): Generator<TermsSession> {
  const namespace = (): { namespace: string } => ({
    namespace: random.pick(NAMESPACES),
  });
  for (const protocol of [0, 1, 2] as const) {
    yield {
      path,
      protocol,
      input: "",
      advertiseOnly: true,
      stateless: random.int(2) === 0,
      ...namespace(),
    };
  }
  const protocol = random.pick([0, 1] as const);
  yield { path, protocol, input: "0000", ...namespace() };
  const asked = Array.from({ length: 4 }, () => lsRefs(random, format));
  const all = toBuffer(
    asked.map((each) => toBuffer(each).toString("latin1")).join("") + "0000",
  );
  yield { path, protocol: 2, input: all, ...namespace() };
  // The second request is not read.
  yield { path, protocol: 2, input: all, stateless: true, ...namespace() };
}

function lsRefs(random: Random, format: string): Uint8Array {
  const flags = ["peel", "symrefs", "unborn"].filter(() => random.int(3) > 0);
  const prefixes = Array.from({ length: random.int(4) }, () =>
    random.pick([
      ...["HEAD", "H", "", "refs/", "refs/heads/", "refs/heads/main", "st"],
      ...["refs/tags/", "refs/tags/v", "refs/names", "refs/namespaces/m/"],
    ]));
  return v2Command("ls-refs", format, [
    ...flags,
    ...prefixes.map((prefix) => `ref-prefix ${prefix}`),
  ]);
}

async function compare(session: TermsSession): Promise<void> {
  const [ours, git] = await Promise.all([askOurs(session), askGit(session)]);
  // It asks for the place of a HEAD that leads out of the namespace.
  if (git.failure === "crashed") {
    assert.notEqual(session.protocol, 2);
    assert.equal(ours.failure, "");
    assert.doesNotMatch(ours.text, / symref=/);
    return;
  }
  assert.equal(ours.failure, git.failure);
  assert.equal(
    known(ours),
    known(session.protocol === 2 ? git : told(git, ours)),
  );
}

/**
 * What git says, with the line that holds the capabilities where there is no
 * ref, as it is from 2.41 on, so that a client learns the object format.
 */
function told(git: Said, ours: Said): Said {
  const [first, second] = parsePackets(toBuffer(ours.text));
  const line = first?.type === "data" && first.text === "version 1\n"
    ? second
    : first;
  if (line?.type !== "data" || !line.text.includes(" capabilities^{}\0")) {
    return git;
  }
  assert.doesNotMatch(git.text, / (HEAD|refs\/)/);
  const length = (line.text.length + 4).toString(16).padStart(4, "0");
  const at = first === line ? 0 : "000eversion 1\n".length;
  return {
    ...git,
    text: git.text.slice(0, at) + length + line.text + git.text.slice(at),
  };
}

/** A text without who speaks, and without what leads out of a namespace. */
function known({ text }: Said): string {
  const bare = withoutIdentity(text)
    // Of refs out of the namespace nothing is told.
    .replaceAll("[0025]unborn HEAD symref-target:(null)\n", "");
  return without(bare, / symref-target:\(null\)/);
}

/** Lines without what matches, and with the length that they then have. */
function without(text: string, pattern: RegExp): string {
  return text.replaceAll(/\[([^\]]*)\]([^\n]*\n)/g, (_, length, line) => {
    const rest = line.replace(pattern, "");
    const left = length === "*"
      ? length
      : (parseInt(length, 16) - (line.length - rest.length)).toString(16)
        .padStart(4, "0");
    return `[${left}]${rest}`;
  });
}
