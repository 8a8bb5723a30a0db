/**
 * Who may have what: each kind of object, under each key that allows more than
 * what was advertised, in each version, for stateful and stateless clients,
 * with and without a namespace. The outcome is git's, to the words of the
 * refusal and the objects of the pack.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { appendFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { readFetchAnswer } from "../support/fetch_answer.ts";
import { emptyRepository } from "../support/fixture.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { packedIds } from "../support/pack_contents.ts";
import { v2Command } from "../support/server_session.ts";
import {
  askGit,
  askOurs,
  type Said,
  type TermsSession,
} from "../support/terms_session.ts";
import { after, describe, it } from "../support/test.ts";
import { packets } from "../support/wire_client.ts";

const SETTINGS: readonly (readonly string[])[] = [
  [],
  ["allowTipSHA1InWant = true"],
  ["allowReachableSHA1InWant = true"],
  ["allowAnySHA1InWant = true"],
  ["allowAnySHA1InWant = true", "allowTipSHA1InWant = false"],
];

const root = temporaryDirectory("wants");
const wants = build(join(root, "0.git"));
for (const index of SETTINGS.keys()) {
  const path = join(root, `${index}.git`);
  if (index > 0) cpSync(join(root, "0.git"), path, { recursive: true });
}
for (const [index, settings] of SETTINGS.entries()) {
  appendFileSync(
    join(root, `${index}.git`, "config"),
    `[uploadpack]\n${settings.map((line) => `\t${line}\n`).join("")}`,
  );
}
/** How often each outcome was seen. */
const seen = { pack: 0, refusal: 0 };

after(() => removeDirectory(root));

describe("wants", () => {
  itInParallel(
    SETTINGS.flatMap((settings, index) =>
      ["", "n"].map((namespace) => ({
        title: `are granted and refused as by git: ${
          settings.join(", ") || "no setting"
        }, ${namespace === "" ? "no namespace" : "in a namespace"}`,
        async run() {
          for (const [what, oid] of wants) {
            for (const session of sessions(oid, index, namespace)) {
              await compare(what, session);
            }
          }
        },
      }))
    ),
  );

  it("were of both kinds", () => {
    assert.ok(seen.pack > 100 && seen.refusal > 50, JSON.stringify(seen));
  });
});

function* sessions(
  oid: string,
  index: number,
  namespace: string,
): Generator<TermsSession> {
  const common = { path: join(root, `${index}.git`), namespace };
  const input = packets(
    `want ${oid} side-band-64k no-progress ofs-delta agent=test/1\n`,
    "0000",
    "done\n",
  );
  yield { ...common, protocol: 0, input };
  yield { ...common, protocol: 0, input, stateless: true };
  // Its wants are not limited, whatever the keys say.
  if (index > 0) return;
  const fetch = v2Command("fetch", "sha1", [
    `want ${oid}`,
    "no-progress",
    "ofs-delta",
    "done",
  ]);
  yield { ...common, protocol: 2, input: fetch };
  yield { ...common, protocol: 2, input: fetch, stateless: true };
}

async function compare(what: string, session: TermsSession): Promise<void> {
  const [ours, git] = await Promise.all([askOurs(session), askGit(session)]);
  const expected = outcome(git, session);
  const { input: _, ...terms } = session;
  assert.deepEqual(
    outcome(ours, session),
    expected,
    `${what}, ${JSON.stringify(terms)}\n${ours.failure}\n${git.failure}`,
  );
  seen[expected.ids === undefined ? "refusal" : "pack"]++;
}

function outcome(
  { text, failure }: Said,
  { stateless }: TermsSession,
): { hasFailed: boolean; lines: readonly string[]; ids?: string[] } {
  const answer = Buffer.from(stateless ? `0000${text}` : text, "latin1");
  const { lines, pack } = readFetchAnswer(answer);
  const hasFailed = failure !== "";
  return pack === undefined
    ? { hasFailed, lines }
    : { hasFailed, lines, ids: packedIds(pack) };
}

/** Builds the repository; tells its objects by what is special about them. */
function build(path: string): ReadonlyMap<string, string> {
  emptyRepository(path, "sha1");
  const run = (args: readonly string[], input = ""): string =>
    gitSync(args, { cwd: path, input }).trim();
  const blobOf = (text: string): string =>
    run(["hash-object", "-w", "--stdin"], text);
  const commit = (name: string, ...parents: readonly string[]): string => {
    const tree = run(["mktree"], `100644 blob ${blobOf(name)}\tfile\n`);
    const from = parents.flatMap((parent) => ["-p", parent]);
    return run(["commit-tree", "-m", name, ...from, tree]);
  };
  const tag = (target: string): string =>
    run(
      ["mktag"],
      `object ${target}\ntype commit\ntag t\n` +
        "tagger T <t@example.com> 1700000000 +0000\n\nt\n",
    );
  const base = commit("base");
  const main = commit("main", base);
  const tagged = commit("tagged", base);
  const v1 = tag(tagged);
  const behind = commit("behind hidden", base);
  const hidden = commit("hidden", behind);
  const elsewhere = commit("elsewhere");
  const ofBoth = commit("hidden and shown");
  const unreachable = commit("unreachable", base);
  for (const prefix of ["", "refs/namespaces/n/"]) {
    run(["update-ref", `${prefix}refs/heads/main`, main]);
    run(["update-ref", `${prefix}refs/heads/both`, ofBoth]);
    run(["update-ref", `${prefix}refs/tags/v1`, v1]);
    run(["update-ref", `${prefix}refs/hidden/one`, hidden]);
    run(["update-ref", `${prefix}refs/hidden/both`, ofBoth]);
  }
  run([
    "symbolic-ref",
    "refs/namespaces/n/HEAD",
    "refs/namespaces/n/refs/heads/main",
  ]);
  // Shown to whoever has no namespace, as are all the others.
  run(["update-ref", "refs/namespaces/o/refs/heads/main", elsewhere]);
  const fully = "^refs/namespaces/n/refs/hidden";
  run(["config", "transfer.hideRefs", "refs/hidden"]);
  run(["config", "--add", "uploadpack.hideRefs", fully]);
  return new Map([
    ["an advertised tip", main],
    ["an advertised tag", v1],
    ["what only a tag peels to", tagged],
    ["a commit behind a tip", base],
    ["a blob behind a tip", run(["rev-parse", `${base}:file`])],
    ["a hidden tip", hidden],
    ["a commit behind a hidden tip", behind],
    ["a tip that is hidden and shown", ofBoth],
    ["a tip of another namespace", elsewhere],
    ["an unreachable commit", unreachable],
    [
      "an unreachable tag of a tip",
      run(
        ["mktag"],
        `object ${main}\ntype commit\ntag u\ntagger T <t@example.com> 1700000000 +0000\n\nu\n`,
      ),
    ],
    ["an unreachable blob", blobOf("lone\n")],
    ["an absent object", "1".repeat(40)],
  ]);
}
