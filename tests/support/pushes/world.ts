/**
 * Repositories to push to, generated from a seed: one that has all objects, and
 * one that knows a part of them, with settings, odd refs and hooks, which each
 * push gets two equal copies of.
 *
 * @module
 */

import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyRepository, importStream } from "../fixture.ts";
import { FastImport, randomHistory } from "../fixture_history.ts";
import { gitSync } from "../git.ts";
import { type Random, seeded } from "../random.ts";

/** A repository to push to, and what there is to push. */
export interface PushWorld {
  /** What it was made from. */
  readonly seed: number;
  /** The repository that has everything. */
  readonly source: string;
  /** The git directory of the one that is pushed to; copied, never changed. */
  readonly target: string;
  /** All commits of the source. */
  readonly commits: readonly string[];
  /** An annotated tag, a tree and a blob of the source. */
  readonly others: readonly string[];
  /** The refs of the target that are no symrefs, by name. */
  readonly refs: ReadonlyMap<string, string>;
  /** Names of symrefs. */
  readonly symrefs: readonly string[];
  /** Its settings and hooks, in words. */
  readonly words: string;
  /** Whether push options are taken. */
  readonly takesOptions: boolean;
  /** Whether atomic pushes are. */
  readonly takesAtomic: boolean;
}

const BRANCHES = ["main", "topic", "b1", "dir/x"];
const HISTORY = { commits: 24, branches: BRANCHES, oddDates: 0 };

/** Makes the world of a seed below `root`. */
export function makeWorld(seed: number, root: string): PushWorld {
  const random = seeded(seed);
  const source = emptyRepository(join(root, "source.git"), "sha1");
  const stream = new FastImport();
  randomHistory(stream, random, HISTORY);
  importStream(source, stream, "packed");
  const ask = (...args: string[]) =>
    gitSync(["-C", source, ...args]).trim().split("\n");
  gitSync(["-C", source, "tag", "-a", "-m", "annotated", "v1", "main~2"]);
  const commits = ask("rev-list", "--all");
  const others = [
    ...ask("rev-parse", "refs/tags/v1"),
    ...ask("rev-parse", "main^{tree}"),
    ...ask(
      "rev-parse",
      "main:" + ask("ls-tree", "-r", "--name-only", "main")[0],
    ),
  ];
  const isBare = random.int(10) < 7;
  const target = join(root, isBare ? "target.git" : "target/.git");
  gitSync([
    ...["init", "--quiet", "--initial-branch=main"],
    ...(isBare ? ["--bare", target] : [join(root, "target")]),
  ]);
  const refs = targetRefs(random, commits, others);
  const wanted = [...refs].map(([name, oid]) => `${oid}:${name}`);
  gitSync([
    ...["-C", target, "-c", "receive.denyCurrentBranch=ignore"],
    ...["fetch", "--quiet", "--no-tags", "--update-head-ok", source],
    ...wanted,
  ]);
  if (random.int(2) === 0) gitSync(["-C", target, "pack-refs", "--all"]);
  const symrefs = symrefsOf(random, target);
  const settings = settingsOf(random, isBare);
  for (const [key, value] of settings) {
    gitSync(["-C", target, "config", "--add", key, value]);
  }
  const hooks = makeHooks(random, target);
  const has = (key: string, value: string) =>
    settings.some((pair) => pair[0] === key && pair[1] === value);
  return {
    seed,
    source,
    target,
    commits,
    others,
    refs,
    symrefs,
    takesOptions: has("receive.advertisePushOptions", "true"),
    takesAtomic: !has("receive.advertiseAtomic", "false"),
    words: [
      isBare ? "bare" : "with a work tree",
      ...settings.map((pair) => pair.join("=")),
      ...symrefs,
      ...hooks.map((name) => `hook ${name}`),
    ].join(", "),
  };
}

/** A copy of the target, as a directory that git takes for a repository. */
export function copyTarget({ target }: PushWorld, to: string): string {
  mkdirSync(to, { recursive: true });
  const copy = join(to, target.endsWith("/.git") ? "copy/.git" : "copy.git");
  cpSync(target, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

function targetRefs(
  random: Random,
  commits: readonly string[],
  others: readonly string[],
): Map<string, string> {
  const refs = new Map<string, string>();
  for (const name of BRANCHES) {
    if (name === "main" || random.int(4) > 0) {
      refs.set(`refs/heads/${name}`, random.pick(commits));
    }
  }
  refs.set("refs/tags/light", random.pick(commits));
  refs.set("refs/hidden/one", random.pick(commits));
  if (random.int(2) === 0) refs.set("refs/tags/v1", others[0] as string);
  if (random.int(3) === 0) refs.set("refs/blobs/one", others[2] as string);
  return refs;
}

function symrefsOf(random: Random, target: string): string[] {
  const made: string[] = [];
  const point = (name: string, to: string) => {
    gitSync(["-C", target, "symbolic-ref", name, to]);
    if (name !== "HEAD") made.push(name);
  };
  if (random.int(3) === 0) point("refs/heads/alias", "refs/heads/main");
  if (random.int(6) === 0) point("refs/heads/nowhere", "refs/heads/unborn");
  const head = random.int(4);
  if (head === 1) point("HEAD", "refs/heads/topic");
  if (head === 2) point("HEAD", "refs/heads/unborn");
  return made;
}

function settingsOf(random: Random, isBare: boolean): [string, string][] {
  const settings: [string, string][] = [];
  const maybe = (key: string, oneIn: number, ...values: string[]) => {
    if (random.int(oneIn) === 0) settings.push([key, random.pick(values)]);
  };
  maybe("receive.denyDeletes", 6, "true");
  maybe("receive.denyNonFastForwards", 5, "true");
  if (!isBare) {
    maybe(
      ...["receive.denyCurrentBranch", 1] as const,
      ...["refuse", "warn", "ignore", "true", "false"],
    );
  }
  maybe("receive.denyDeleteCurrent", 3, "refuse", "warn", "ignore");
  maybe("transfer.hideRefs", 3, "refs/hidden", "refs/heads/b1");
  maybe("receive.hideRefs", 4, "refs/hidden", "!refs/hidden", "^refs/tags");
  maybe("receive.unpackLimit", 2, "1", "4", "1000");
  maybe("receive.fsckObjects", 4, "true");
  maybe("core.logAllRefUpdates", 2, "true", "false", "always");
  maybe("receive.advertisePushOptions", 3, "true");
  maybe("receive.advertiseAtomic", 8, "false");
  maybe("repack.useDeltaBaseOffset", 8, "false");
  return settings;
}

/** Says what a hook was given, and refuses some of it. */
const SCRIPTS: Readonly<Record<string, string>> = {
  "pre-receive": "! grep -q refs/heads/topic",
  "update": 'case "$1" in refs/heads/b1*) exit 1;; esac',
  "post-receive": "exit 3",
  "post-update": "exit 0",
  "reference-transaction":
    'case "$1" in prepared) ! grep -q refs/tags/t2;; esac',
};

function makeHooks(random: Random, target: string): string[] {
  const names = Object.keys(SCRIPTS).filter(() => random.int(4) === 0);
  mkdirSync(join(target, "hooks"), { recursive: true });
  for (const name of names) {
    const path = join(target, "hooks", name);
    // What it reads is kept, so that the rule can read it again.
    writeFileSync(
      path,
      `#!/bin/sh
input=$(cat)
log=$(pwd -P)/hooks.log
{
  echo "= ${name}"
  for each; do echo "argument $each"; done
  printf '%s\\n' "$input"
  env | grep '^GIT_PUSH_OPTION\\|^GIT_DIR=\\|^GIT_QUARANTINE_PATH=' |
    sed 's/incoming-.*/incoming-X/' | sort
} >>"$log"
echo "${name} says hello"
echo "${name} complains" >&2
printf '%s\\n' "$input" | {
${SCRIPTS[name]}
}
`,
    );
    chmodSync(path, 0o755);
  }
  return names;
}
