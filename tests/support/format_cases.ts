/**
 * One repository, stored in each of the ways in which git stores objects and
 * what it writes beside them. All of it is made by the real git.
 *
 * @module
 */

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { GRAPH_KINDS, writeGraph } from "./commit_graphs.ts";
import { copyRepository, emptyRepository, importStream } from "./fixture.ts";
import { FastImport, FIRST_DATE } from "./fixture_history.ts";
import { git, gitSync } from "./git.ts";

/** A way to store a repository: changes a copy of one whose pack is alone. */
export interface StorageCase {
  /** What it is. */
  readonly name: string;
  /** Stores the repository at `path` in this way. */
  store(path: string): void;
}

/** The packs of a repository, without their suffix. */
export function packBases(path: string): string[] {
  const directory = join(path, "objects/pack");
  return readdirSync(directory).filter((name) => name.endsWith(".pack"))
    .map((name) => join(directory, name.slice(0, -".pack".length)));
}

/** Writes the indexes of all packs anew, as `--index-version` says. */
export function rewriteIndexes(path: string, version: string): void {
  for (const base of packBases(path)) {
    for (const suffix of [".idx", ".rev"]) {
      rmSync(base + suffix, { force: true });
    }
    gitSync(["index-pack", `--index-version=${version}`, `${base}.pack`], {
      cwd: path,
    });
  }
}

/** Commits on a branch of its own, whose objects lie loose. */
export function addLooseCommits(path: string, branch: string): void {
  const stream = new FastImport();
  let parent: number | string = "refs/heads/main^0";
  for (let i = 0; i < 3; i++) {
    parent = stream.commit({
      ref: `refs/heads/${branch}`,
      parents: [parent],
      date: FIRST_DATE + 90_000 + i,
      changes: [stream.file(`${branch}/${i}`, `${branch} ${i}\n`)],
    }).mark;
  }
  importStream(path, stream, "loose");
}

/** The text of `objects/info/<name>`. */
export function writeInfo(path: string, name: string, text: string): void {
  mkdirSync(join(path, "objects/info"), { recursive: true });
  writeFileSync(join(path, "objects/info", name), text);
}

/** Moves all packs to a repository beside it; gives that one's path. */
export function lendPacks(path: string, name: string): string {
  const lender = emptyRepository(join(dirname(path), name), "sha1");
  mkdirSync(join(lender, "objects/pack"), { recursive: true });
  const from = join(path, "objects/pack");
  for (const file of readdirSync(from)) {
    renameSync(join(from, file), join(lender, "objects/pack", file));
  }
  return lender;
}

let nextLender = 0;

/** Puts `depth` alternates between a repository and its packs. */
function borrow(
  path: string,
  depth: number,
  lineOf: (lender: string) => string,
  more: { readonly before?: string; readonly after?: string } = {},
): void {
  let lender = lendPacks(path, `lender-${nextLender++}.git`);
  for (let i = 1; i < depth; i++) {
    const name = `lender-${nextLender++}.git`;
    const next = emptyRepository(join(dirname(path), name), "sha1");
    writeInfo(next, "alternates", `${join(lender, "objects")}\n`);
    lender = next;
  }
  const line = lineOf(lender);
  const { before = "", after = "" } = more;
  writeInfo(path, "alternates", `${before}${line}\n${after}`);
}

function absolute(lender: string): string {
  return join(lender, "objects");
}

function relative(lender: string): string {
  return `../../${lender.split("/").at(-1)}/objects`;
}

/** Makes a commit unreachable, with what only it has. */
export function dropBranch(path: string, branch: string): string {
  const ref = `refs/heads/${branch}`;
  const oid = gitSync(["rev-parse", ref], { cwd: path }).trim();
  gitSync(["update-ref", "-d", ref], { cwd: path });
  return oid;
}

const PACKS: readonly StorageCase[] = [
  {
    name: "an index of version 1",
    store: (path) => rewriteIndexes(path, "1"),
  },
  {
    name: "an index with 64-bit offsets",
    store: (path) => rewriteIndexes(path, "2,0x40"),
  },
  {
    name: "what pack.indexVersion=1 makes",
    store: (path) =>
      void gitSync(["-c", "pack.indexVersion=1", "repack", "-adfq"], {
        cwd: path,
      }),
  },
  {
    name: "a kept pack, another and loose objects",
    store(path) {
      for (const base of packBases(path)) writeFileSync(`${base}.keep`, "");
      addLooseCommits(path, "second");
      gitSync(["repack", "-adq"], { cwd: path });
      addLooseCommits(path, "third");
    },
  },
  {
    name: "objects in two packs and loose as well",
    store(path) {
      addLooseCommits(path, "second");
      // Without -d the loose ones stay, and the first pack does.
      gitSync(["repack", "-q"], { cwd: path });
      gitSync(["repack", "-aq"], { cwd: path });
    },
  },
  {
    name: "every object loose",
    store(path) {
      const packs = join(path, "objects/pack");
      const aside = join(path, "aside");
      renameSync(packs, aside);
      mkdirSync(packs);
      for (const name of readdirSync(aside)) {
        if (!name.endsWith(".pack")) continue;
        gitSync(["unpack-objects", "-q"], {
          cwd: path,
          input: readFileSync(join(aside, name)),
        });
      }
      rmSync(aside, { recursive: true });
    },
  },
  {
    name: "a cruft pack",
    store(path) {
      addLooseCommits(path, "second");
      dropBranch(path, "second");
      gitSync(["repack", "--cruft", "-dq"], { cwd: path });
      const hasTimes = readdirSync(join(path, "objects/pack"))
        .some((name) => name.endsWith(".mtimes"));
      if (!hasTimes) throw new Error("git wrote no .mtimes");
    },
  },
  {
    name: "a promisor pack that lacks nothing",
    store(path) {
      for (const base of packBases(path)) {
        writeFileSync(`${base}.promisor`, "");
      }
      gitSync(["config", "remote.origin.url", "/nowhere"], { cwd: path });
      gitSync(["config", "remote.origin.promisor", "true"], { cwd: path });
    },
  },
  {
    name: "all that git gc leaves",
    store: (path) => void gitSync(["gc", "--quiet"], { cwd: path }),
  },
];

const ALTERNATES: readonly StorageCase[] = [
  {
    name: "an absolute alternate",
    store: (path) => borrow(path, 1, absolute),
  },
  {
    name: "a relative alternate",
    store: (path) => borrow(path, 1, relative),
  },
  {
    name: "a relative alternate behind an absolute one",
    store(path) {
      borrow(path, 1, absolute);
      const last = `lender-${nextLender - 1}.git`;
      const lender = join(dirname(path), last);
      const further = lendPacks(lender, `lender-${nextLender++}.git`);
      writeInfo(lender, "alternates", `${relative(further)}\n`);
    },
  },
  {
    name: "a quoted alternate",
    store: (path) =>
      borrow(
        path,
        1,
        (lender) => `"${absolute(lender).replace("lender", "l\\145nder")}"`,
      ),
  },
  {
    name: "alternates among comments, empty lines, and what is not there",
    store: (path) =>
      borrow(path, 1, absolute, {
        before: "# first\n\n/nowhere/objects\n../../nowhere.git/objects\n",
        after: `# last\n${join(path, "config")}\n`,
      }),
  },
  {
    name: "an alternate without a line feed at its end",
    store(path) {
      const lender = lendPacks(path, `lender-${nextLender++}.git`);
      writeInfo(path, "alternates", absolute(lender));
    },
  },
  {
    name: "an alternate that is itself",
    store: (path) =>
      borrow(path, 1, absolute, {
        before: `${join(path, "objects")}\n.\n../objects\n`,
      }),
  },
  {
    name: "alternates in a loop",
    store(path) {
      borrow(path, 3, absolute);
      const objects = (back: number): string =>
        join(dirname(path), `lender-${nextLender - back}.git/objects`);
      const own = join(path, "objects");
      const [outer, middle, inner] = [objects(1), objects(2), objects(3)];
      writeFileSync(`${middle}/info/alternates`, `${outer}\n${inner}\n`);
      mkdirSync(`${inner}/info`, { recursive: true });
      writeFileSync(`${inner}/info/alternates`, `${own}\n${outer}\n`);
    },
  },
  ...[5, 6].map((depth): StorageCase => ({
    name: `a chain of ${depth} alternates`,
    store: (path) => borrow(path, depth, absolute),
  })),
  {
    name: "http-alternates beside all it needs",
    store: (path) =>
      writeInfo(path, "http-alternates", "http://127.0.0.1:1/x/objects\n"),
  },
];

const GRAPHS: readonly StorageCase[] = [
  ...GRAPH_KINDS.map((kind): StorageCase => ({
    name: `a commit-graph: ${kind}`,
    store: (path) => writeGraph(path, kind),
  })),
  {
    name: "a commit-graph chain with changed paths in its last layer alone",
    store(path) {
      writeGraph(path, "a chain");
      addLooseCommits(path, "second");
      gitSync([
        ...["commit-graph", "write", "--reachable", "--no-progress"],
        ...["--split=no-merge", "--changed-paths"],
      ], { cwd: path });
    },
  },
  {
    name: "a commit-graph chain of both generation versions",
    store(path) {
      const write = (version: number): void =>
        void gitSync([
          ...["-c", `commitGraph.generationVersion=${version}`],
          ...["commit-graph", "write", "--reachable", "--no-progress"],
          "--split=no-merge",
        ], { cwd: path });
      write(1);
      addLooseCommits(path, "second");
      write(2);
    },
  },
  {
    name: "a commit-graph that knows less than there is",
    store(path) {
      writeGraph(path, "one file");
      addLooseCommits(path, "second");
    },
  },
  {
    name: "a commit-graph with commits that were pruned",
    store(path) {
      addLooseCommits(path, "second");
      writeGraph(path, "one file");
      dropBranch(path, "second");
      gitSync(["prune", "--expire=now"], { cwd: path });
    },
  },
  {
    name: "a commit-graph with dates beyond 34 bits",
    store(path) {
      const stream = new FastImport();
      let parent: number | string = "refs/heads/main^0";
      for (const date of [2 ** 34 + 1000, FIRST_DATE, 2 ** 34 + 7, 5]) {
        parent = stream.commit({
          ref: "refs/heads/beyond",
          parents: [parent],
          date,
          changes: [stream.file("beyond", `${date}\n`)],
        }).mark;
      }
      importStream(path, stream, "loose");
      writeGraph(path, "one file");
    },
  },
];

const OTHERS: readonly StorageCase[] = [
  {
    name: "replace refs",
    store(path) {
      const run = (...args: string[]): string =>
        gitSync(args, { cwd: path }).trim();
      const tree = run("rev-parse", "main~3^{tree}");
      const other = run("commit-tree", "-m", "another past", tree);
      run("replace", run("rev-parse", "main~2"), other);
      // A tree in place of another, and of a blob in place of another.
      run("replace", run("rev-parse", "dev^{tree}"), tree);
    },
  },
];

/** All of them. */
export const STORAGE_CASES: readonly StorageCase[] = [
  { name: "one pack and nothing else", store() {} },
  ...PACKS,
  ...ALTERNATES,
  ...GRAPHS,
  ...OTHERS,
];

/** A copy of `from` below `root`, stored as `each` says; its name there. */
export function storedAs(
  each: StorageCase,
  from: string,
  root: string,
): string {
  const name = each.name.replaceAll(/[^a-z0-9]+/g, "-");
  const directory = join(root, name);
  mkdirSync(directory);
  each.store(copyRepository(from, join(directory, "r.git")));
  return `${name}/r.git`;
}

/**
 * A client's repository that has the history of `main` up to `commit` of the
 * repository `from`.
 */
export async function clientUpTo(
  path: string,
  from: string,
  commit: string,
): Promise<string> {
  emptyRepository(path, "sha1");
  await git(
    ["fetch", "--quiet", `file://${from}`, `${commit}:refs/heads/main`],
    { cwd: path, protocol: 2 },
  );
  return path;
}
