/**
 * Repositories to push to, generated from a seed: one that has all objects, and
 * one that knows a part of them, with settings, odd refs and hooks, which each
 * push gets two equal copies of.
 *
 * @module
 */

import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expandNamespace } from "../../../mod.ts";
import {
  emptyRepository,
  importStream,
  type ObjectFormat,
} from "../fixture.ts";
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
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** The value of `GIT_NAMESPACE`; "" for none. */
  readonly namespace: string;
  /** How ours stores the refs, where git has them in files. */
  readonly refStorage: "files" | "reftable";
  /** All commits of the source. */
  readonly commits: readonly string[];
  /** An annotated tag, a tree and a blob of the source. */
  readonly others: readonly string[];
  /** The refs of the target that are no symrefs, by name as clients know it. */
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
  const isReftable = random.int(8) === 0;
  const format = !isReftable && random.int(5) === 0 ? "sha256" : "sha1";
  const { source, commits, others } = makeSource(random, root, format);
  const isBare = isReftable || random.int(10) < 7;
  const namespace = isReftable || random.int(5) > 0
    ? ""
    : random.pick(["n", "n/m"]);
  const target = join(root, isBare ? "target.git" : "target/.git");
  gitSync([
    ...[
      "init",
      "--quiet",
      "--initial-branch=main",
      `--object-format=${format}`,
    ],
    ...(isBare ? ["--bare", target] : [join(root, "target")]),
  ]);
  const odd: string[] = [];
  const lends = !isReftable && random.int(5) === 0;
  if (lends) {
    odd.push("alternates");
    lend(random, { source, root, target, format, commits });
  }
  const refs = targetRefs(random, commits, others);
  const prefix = expandNamespace(namespace);
  const wanted = [...refs].map(([name, oid]) => `${oid}:${prefix}${name}`);
  if (namespace !== "") {
    odd.push(`namespace ${namespace}`);
    // Those of nobody and of others are told as objects alone.
    wanted.push(`${random.pick(commits)}:refs/heads/main`);
    wanted.push(`${random.pick(commits)}:refs/namespaces/o/refs/heads/x`);
  }
  const isShallow = !isReftable && !lends && random.int(6) === 0;
  if (isShallow) odd.push("shallow");
  gitSync([
    ...["-C", target, "-c", "receive.denyCurrentBranch=ignore"],
    ...["fetch", "--quiet", "--no-tags", "--update-head-ok"],
    ...(isShallow ? [`--depth=${2 + random.int(3)}`] : []),
    ...[`file://${source}`, ...wanted],
  ]);
  if (random.int(2) === 0) gitSync(["-C", target, "pack-refs", "--all"]);
  const symrefs = symrefsOf(random, target, { prefix, isReftable });
  if (!isReftable) {
    odd.push(...oddities(random, target, { prefix, refs, root }));
  }
  const settings = settingsOf(random, { isBare, isReftable });
  for (const [key, value] of settings) {
    gitSync(["-C", target, "config", "--add", key, value]);
  }
  const hooks = makeHooks(random, target);
  const has = (key: string, value: string) =>
    settings.some((pair) => pair[0] === key && pair[1] === value);
  return {
    ...{ seed, source, target, format, namespace, commits, others, refs },
    refStorage: isReftable ? "reftable" : "files",
    symrefs,
    takesOptions: has("receive.advertisePushOptions", "true"),
    takesAtomic: !has("receive.advertiseAtomic", "false"),
    words: [
      isReftable ? "reftable" : isBare ? "bare" : "with a work tree",
      format,
      ...odd,
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

function makeSource(
  random: Random,
  root: string,
  format: ObjectFormat,
): Pick<PushWorld, "source" | "commits" | "others"> {
  const source = emptyRepository(join(root, "source.git"), format);
  const stream = new FastImport();
  randomHistory(stream, random, HISTORY);
  importStream(source, stream, "packed");
  const ask = (...args: string[]) =>
    gitSync(["-C", source, ...args]).trim().split("\n");
  ask("tag", "-a", "-m", "annotated", "v1", "main~2");
  ask("config", "uploadpack.allowAnySHA1InWant", "true");
  const listed = ask("ls-tree", "-r", "main")[0] as string;
  return {
    source,
    commits: ask("rev-list", "--all"),
    others: [
      ...ask("rev-parse", "refs/tags/v1", "main^{tree}"),
      (/ blob ([0-9a-f]+)/.exec(listed) as RegExpExecArray)[1] as string,
    ],
  };
}

/** Gives the target another repository to borrow from. */
function lend(
  random: Random,
  { source, root, target, format, commits }: {
    readonly source: string;
    readonly root: string;
    readonly target: string;
    readonly format: ObjectFormat;
    readonly commits: readonly string[];
  },
): void {
  const lender = emptyRepository(join(root, "lender.git"), format);
  gitSync([
    ...["-C", lender, "fetch", "--quiet", "--no-tags", `file://${source}`],
    ...["one", "two"].map((name) =>
      `${random.pick(commits)}:refs/lent/${name}`
    ),
  ]);
  mkdirSync(join(target, "objects/info"), { recursive: true });
  writeFileSync(
    join(target, "objects/info/alternates"),
    `${join(lender, "objects")}\n`,
  );
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

function symrefsOf(
  random: Random,
  target: string,
  place: { readonly prefix: string; readonly isReftable: boolean },
): string[] {
  const made: string[] = [];
  const point = (name: string, to: string) => {
    const { prefix } = place;
    gitSync(["-C", target, "symbolic-ref", prefix + name, prefix + to]);
    if (name !== "HEAD") made.push(name);
  };
  if (place.isReftable) return made;
  if (random.int(3) === 0) point("refs/heads/alias", "refs/heads/main");
  if (random.int(6) === 0) point("refs/heads/nowhere", "refs/heads/unborn");
  if (random.int(8) === 0) {
    point("refs/heads/loop", "refs/heads/round");
    point("refs/heads/round", "refs/heads/loop");
  }
  const head = random.int(4);
  if (head === 1) point("HEAD", "refs/heads/topic");
  if (head === 2) point("HEAD", "refs/heads/unborn");
  return made;
}

/** What repositories have that nobody wished for, and other work trees. */
function oddities(
  random: Random,
  target: string,
  { prefix, refs, root }: {
    readonly prefix: string;
    readonly refs: ReadonlyMap<string, string>;
    readonly root: string;
  },
): string[] {
  const odd: string[] = [];
  if (refs.has("refs/heads/b1") && random.int(4) === 0) {
    odd.push("b1 checked out elsewhere");
    // As `git worktree add` leaves it, but for what is checked out.
    const directory = join(target, "worktrees/w");
    mkdirSync(directory, { recursive: true });
    mkdirSync(join(root, "w"));
    writeFileSync(join(root, "w/.git"), `gitdir: ${directory}\n`);
    writeFileSync(join(directory, "gitdir"), `${join(root, "w/.git")}\n`);
    writeFileSync(join(directory, "commondir"), "../..\n");
    writeFileSync(join(directory, "HEAD"), `ref: ${prefix}refs/heads/b1\n`);
  }
  return odd;
}

function settingsOf(
  random: Random,
  { isBare, isReftable }: {
    readonly isBare: boolean;
    readonly isReftable: boolean;
  },
): [string, string][] {
  const settings: [string, string][] = [];
  const maybe = (key: string, oneIn: number, ...values: string[]) => {
    if (random.int(oneIn) === 0) settings.push([key, random.pick(values)]);
  };
  maybe("receive.denyDeletes", 6, "true");
  maybe("receive.denyNonFastForwards", 5, "true");
  if (!isBare || random.int(2) === 0) {
    maybe(
      ...["receive.denyCurrentBranch", isBare ? 2 : 1] as const,
      ...["refuse", "warn", "ignore", "true", "false"],
    );
  }
  maybe("receive.denyDeleteCurrent", 3, "refuse", "warn", "ignore");
  maybe("transfer.hideRefs", 3, "refs/hidden", "refs/heads/b1");
  maybe("receive.hideRefs", 4, "refs/hidden", "!refs/hidden", "^refs/tags");
  maybe("receive.unpackLimit", 2, "1", "4", "1000");
  maybe("receive.fsckObjects", 4, "true");
  maybe("receive.shallowUpdate", 3, "true");
  if (!isReftable) {
    maybe("core.logAllRefUpdates", 2, "true", "false", "always");
  }
  maybe("receive.advertisePushOptions", 3, "true");
  maybe("receive.advertiseAtomic", 8, "false");
  maybe("repack.useDeltaBaseOffset", 8, "false");
  maybe("receive.updateServerInfo", 8, "true");
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
  env | grep '^GIT_\\(PUSH_\\|DIR=\\|QUARANTINE\\|OBJECT\\|ALTERNATE\\|NAMESPACE\\|WORK\\|PREFIX\\|COMMON\\|INDEX\\)' |
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
