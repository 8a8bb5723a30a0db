/**
 * Seeded random repositories for comparing walks with the real git: merges of
 * up to three parents, several roots, blobs that come back under other paths,
 * equal and skewed dates, tags of tags, trees and blobs, and a submodule.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../../src/core/oid.ts";
import { type FakeGraph, loadGraph } from "../../support/fake_graph.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import {
  commitTime,
  type Dates,
  FastImport,
  randomHistory as growBranches,
} from "../../support/fixture_history.ts";
import { gitSync } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { type Random, seeded } from "../../support/random.ts";

export type { Dates };

/** A repository and its objects by kind. */
export interface RandomHistory {
  /** The randomness that goes on from here; `random.seed` made the history. */
  readonly random: Random;
  /** Path of the bare repository. */
  readonly path: string;
  /** The same objects as a graph. */
  readonly graph: FakeGraph;
  /** Commits, in the order they were made. */
  readonly commits: readonly number[];
  /** Annotated tags. */
  readonly tags: readonly number[];
  /** Trees. */
  readonly trees: readonly number[];
  /** Blobs. */
  readonly blobs: readonly number[];
}

/** Makes the history that `seed` means, with `count` commits. */
export function randomHistory(
  seed: number,
  dates: Dates,
  count = 60,
): RandomHistory {
  const random = seeded(seed);
  const path = join(temporaryDirectory("graph"), "repo.git");
  gitSync(["init", "-q", "--bare", path]);
  const input = stream(random, dates, count);
  gitSync(["fast-import", "--quiet"], {
    cwd: path,
    input,
  });
  addTags(random, path);
  return readHistory(random, path);
}

/**
 * Makes another history, of five long branches, whose refs are few: most
 * commits are reached from above alone, and one in seven is early.
 */
export function branchedHistory(seed: number): RandomHistory {
  const random = seeded(seed);
  const path = join(temporaryDirectory("graph"), "branched.git");
  gitSync(["init", "-q", "--bare", path]);
  const input = new FastImport();
  growBranches(input, random, {
    commits: 120,
    branches: ["main", "a", "b", "c", "d"],
    oddDates: 7,
  });
  gitSync(["fast-import", "--quiet"], { cwd: path, input: input.bytes() });
  return readHistory(random, path);
}

/** What a repository's refs point at, each once. */
export function tipsOf({ graph, path }: RandomHistory): number[] {
  const text = gitSync(["for-each-ref", "--format=%(objectname)"], {
    cwd: path,
  });
  const tips = lines(text).map((oid) => graph.find(oid as Oid));
  return [...new Set(tips)];
}

function readHistory(random: Random, path: string): RandomHistory {
  gitSync(["config", "uploadpack.allowAnySHA1InWant", "true"], { cwd: path });
  const graph = loadGraph(path);
  const byKind: Record<string, number[]> = {
    commit: [],
    tag: [],
    tree: [],
    blob: [],
  };
  const listing = gitSync([
    "cat-file",
    "--batch-check=%(objecttype) %(objectname)",
    "--batch-all-objects",
  ], { cwd: path });
  for (const line of lines(listing)) {
    const [kind, oid] = line.split(" ");
    byKind[kind as string]?.push(graph.intern(oid as Oid));
  }
  const { tag = [], tree = [], blob = [] } = byKind;
  const commits = commitMarks(path).map((oid) => graph.intern(oid as Oid));
  return { random, path, graph, commits, tags: tag, trees: tree, blobs: blob };
}

/** Object numbers as their sorted ids. */
export function oids(graph: FakeGraph, numbers: Iterable<number>): string[] {
  return [...numbers].map((number) => graph.oid(number)).sort();
}

/** Up to `most` elements of `from`, at least `least`. */
export function pickSome(
  random: Random,
  from: readonly number[],
  least: number,
  most: number,
): number[] {
  const count = least + random.int(most - least + 1);
  return Array.from({ length: count }, () => random.pick(from));
}

/**
 * Asserts that `actual`, sorted ids, is what git selects for a reader of
 * `haves` whose history ends at `cut`. Only where times are not rising may
 * objects be left out, and of them the reader's alone: git itself finds others
 * of those with `pack.useSparse` than without (list-objects.c:
 * mark_edges_uninteresting), and we find both.
 */
export function assertSelection(
  history: RandomHistory,
  actual: readonly string[],
  expected: readonly string[],
  reader: {
    readonly dates: Dates;
    readonly haves: readonly number[];
    readonly cut: Iterable<number>;
  },
  where: string,
): void {
  const sent = new Set(actual);
  const left = expected.filter((oid) => !sent.has(oid));
  if (left.length === 0 || reader.dates === "rising") {
    assert.deepEqual(actual, expected, where);
    return;
  }
  const allowed = new Set(expected);
  const extra = actual.filter((oid) => !allowed.has(oid));
  assert.deepEqual(extra, [], `objects that git does not send: ${where}`);
  const file = shallowFileOf(history, [...reader.cut]);
  const ids = reader.haves.map((have) => history.graph.oid(have));
  const owned = new Set(lines(gitSync(
    ["--shallow-file", file, "rev-list", "--objects", "--no-object-names"]
      .concat(ids),
    { cwd: history.path },
  )));
  assert.deepEqual(
    left.filter((oid) => !owned.has(oid)),
    [],
    `objects that the reader lacks: ${where}`,
  );
}

/** Writes a shallow file for `git --shallow-file` and returns its path. */
export function shallowFileOf(
  history: RandomHistory,
  commits: readonly number[],
): string {
  const path = join(history.path, "test-shallow");
  writeFileSync(
    path,
    commits.map((commit) => `${history.graph.oid(commit)}\n`).join(""),
  );
  return path;
}

function commitMarks(path: string): string[] {
  const text = gitSync(["rev-list", "--reflog", "--all", "--topo-order"], {
    cwd: path,
  });
  return lines(text).reverse();
}

function stream(random: Random, dates: Dates, count: number): string {
  const out: string[] = [];
  const blobs = 25;
  for (let i = 1; i <= blobs; i++) {
    const text = `blob ${random.seed} ${i}\n`.repeat(1 + random.int(20));
    out.push(`blob\nmark :${i}\ndata ${text.length}\n${text}\n`);
  }
  for (let i = 0; i < count; i++) {
    out.push(commitText(random, i, blobs, commitTime(random, dates, i)));
  }
  // Every commit stays reachable, whether or not another grew from it.
  for (let i = 0; i < count; i++) {
    if (random.int(5) === 0 || i === count - 1) {
      out.push(`reset refs/heads/b${i}\nfrom :${1000 + i}\n\n`);
    }
  }
  out.push("done\n");
  return `feature done\n${out.join("")}`;
}

function commitText(
  random: Random,
  index: number,
  blobs: number,
  time: number,
): string {
  const message = `commit ${index}\n`;
  let text = `commit refs/heads/c${index}\nmark :${1000 + index}\n` +
    `committer C <c@example.com> ${time} +0000\n` +
    `data ${message.length}\n${message}`;
  if (index > 0 && random.int(15) > 0) {
    const parents = new Set<number>();
    const want = random.int(10) === 0 ? 3 : random.int(3) === 0 ? 2 : 1;
    for (let i = 0; i < want; i++) {
      parents.add(Math.max(0, index - 1 - random.int(i === 0 ? 4 : 12)));
    }
    [...parents].forEach((parent, i) => {
      text += `${i === 0 ? "from" : "merge"} :${1000 + parent}\n`;
    });
  }
  for (let i = 0; i < 1 + random.int(3); i++) {
    const directory = random.pick(["", "a/", "a/b/", "c/", "c/d/e/"]);
    text += `M 100644 :${1 + random.int(blobs)} ${directory}f${
      random.int(4)
    }\n`;
  }
  if (random.int(8) === 0) text += `M 160000 ${"12".repeat(20)} sub\n`;
  return `${text}\n`;
}

function addTags(random: Random, path: string): void {
  const tips = lines(
    gitSync(["rev-list", "--all"], { cwd: path }),
  );
  const trees = tips.map((tip) => `${tip}^{tree}`);
  const targets = [random.pick(tips), random.pick(tips), random.pick(trees)];
  targets.push(`${random.pick(tips)}:`);
  const blob = lines(
    gitSync(["ls-tree", "-r", random.pick(tips)], { cwd: path }),
  ).filter((line) => line.includes(" blob "))[0];
  if (blob !== undefined) targets.push(blob.slice(12, 52));
  targets.forEach((target, i) => {
    let oid = gitSync(["rev-parse", target], { cwd: path }).trim();
    for (let level = 0; level <= random.int(3); level++) {
      const type = gitSync(["cat-file", "-t", oid], { cwd: path }).trim();
      const text = `object ${oid}\ntype ${type}\ntag t${i}-${level}\n` +
        `tagger T <t@example.com> 1600000000 +0000\n\nmessage\n`;
      oid = gitSync(["hash-object", "-t", "tag", "-w", "--stdin"], {
        cwd: path,
        input: text,
      }).trim();
    }
    gitSync(["update-ref", `refs/tags/t${i}`, oid], { cwd: path });
  });
}
