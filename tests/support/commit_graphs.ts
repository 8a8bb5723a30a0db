/**
 * Repositories with commit-graphs that the real git wrote, in each of the
 * ways it has, and what they must say.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { emptyRepository, importStream, type ObjectFormat } from "./fixture.ts";
import { FastImport, FIRST_DATE, randomHistory } from "./fixture_history.ts";
import { gitSync } from "./git.ts";
import { lines } from "./git_repository.ts";
import { seeded } from "./random.ts";

/** How a commit-graph is written. */
export type GraphKind = keyof typeof WRITE;

const REACHABLE = ["commit-graph", "write", "--reachable", "--no-progress"];

const WRITE = {
  "one file": (path: string) => gitSync(REACHABLE, { cwd: path }),
  "generation numbers v1": (path: string) =>
    gitSync(["-c", "commitGraph.generationVersion=1", ...REACHABLE], {
      cwd: path,
    }),
  "changed paths": (path: string) =>
    gitSync([...REACHABLE, "--changed-paths"], { cwd: path }),
  "a chain": (path: string) => {
    const all = lines(gitSync(["rev-list", "--all", "--reverse"], {
      cwd: path,
    }));
    for (const part of [0.3, 0.6, 1]) {
      gitSync(
        ["commit-graph", "write", "--split=no-merge", "--stdin-commits"],
        {
          cwd: path,
          input: `${all.slice(0, Math.ceil(all.length * part)).join("\n")}\n`,
        },
      );
    }
  },
  "gc": (path: string) =>
    gitSync(["-c", "gc.writeCommitGraph=true", "gc", "--quiet"], { cwd: path }),
} as const;

/** All kinds. */
export const GRAPH_KINDS = Object.keys(WRITE) as GraphKind[];

/** Writes the repository's commit-graph. */
export function writeGraph(path: string, kind: GraphKind): void {
  WRITE[kind](path);
}

/**
 * Makes a packed repository of some 120 commits: merges, octopus merges, equal
 * and skewed dates, and one date so far ahead that the corrected dates of
 * those after it take more than 31 bits.
 */
export function graphHistory(
  path: string,
  format: ObjectFormat,
  seed: number,
): string {
  emptyRepository(path, format);
  const stream = new FastImport();
  randomHistory(stream, seeded(seed), {
    commits: 120,
    branches: ["main", "dev", "topic"],
    oddDates: 7,
  });
  const ref = "refs/heads/future";
  const { mark } = stream.commit({
    ref,
    parents: [],
    date: 2 ** 33 + 5,
    changes: [stream.file("a", "far\n")],
  });
  let parent = mark;
  for (const content of ["near\n", "nearer\n"]) {
    parent = stream.commit({
      ref,
      parents: [parent],
      date: FIRST_DATE,
      changes: [stream.file("a", content)],
    }).mark;
  }
  stream.tag("far", mark, FIRST_DATE);
  importStream(path, stream, "packed");
  return path;
}

/** The bytes of the commit-graph's files, the base of a chain first. */
export function graphFiles(path: string): Uint8Array<ArrayBuffer>[] {
  return graphPaths(path).map((each) => new Uint8Array(readFileSync(each)));
}

/** The paths of the commit-graph's files, the base of a chain first. */
export function graphPaths(path: string): string[] {
  const single = join(path, "objects/info/commit-graph");
  if (existsSync(single)) return [single];
  const directory = join(path, "objects/info/commit-graphs");
  const chain = join(directory, "commit-graph-chain");
  if (!existsSync(chain)) return [];
  const names = readdirSync(directory);
  return lines(readFileSync(chain, "latin1"))
    .map((hash) => `graph-${hash}.graph`)
    .filter((name) => names.includes(name))
    .map((name) => join(directory, name));
}

/** A commit as git's log tells it. */
export interface LoggedCommit {
  /** Its id. */
  readonly oid: string;
  /** Its tree. */
  readonly tree: string;
  /** Its committer time. */
  readonly time: number;
  /** Its parents. */
  readonly parents: readonly string[];
}

/** Every commit that the refs reach, parents before children. */
export function loggedCommits(path: string): LoggedCommit[] {
  const text = gitSync([
    "-c",
    "core.commitGraph=false",
    "log",
    "--all",
    "--topo-order",
    "--reverse",
    "--format=%H %T %ct %P",
  ], { cwd: path });
  return lines(text).map((line) => {
    const [oid = "", tree = "", time, ...parents] = line.trimEnd().split(" ");
    return { oid, tree, time: Number(time), parents };
  });
}
