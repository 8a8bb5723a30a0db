/**
 * Repositories that hold one of everything a server may meet, built by the
 * real git in about a second. Not for unit tests: those need no git.
 *
 * @module
 */

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FastImport, FIRST_DATE, randomHistory } from "./fixture_history.ts";
import { gitSync } from "./git.ts";
import { lines } from "./git_repository.ts";
import { seeded } from "./random.ts";

/** The object formats git knows. */
export type ObjectFormat = "sha1" | "sha256";

/** Both formats, for loops over a matrix. */
export const OBJECT_FORMATS: readonly ObjectFormat[] = ["sha1", "sha256"];

/** A built repository. */
export interface Fixture {
  /** Absolute path of the bare repository. */
  readonly path: string;
  /** Its object format. */
  readonly format: ObjectFormat;
  /** The seed that the history came from; print it when a test fails. */
  readonly seed: number;
}

/** What to build. */
export interface FixtureOptions {
  /** Absolute path of the repository to make. */
  readonly path: string;
  /** Object format. */
  readonly format: ObjectFormat;
  /** Seed of the history; 1 unless told. */
  readonly seed?: number;
  /** Number of `refs/pull/<n>/head`; 1,500 unless told. */
  readonly pulls?: number;
}

/** Bytes of the big blob that does not compress. */
const BIG_BLOB_BYTES = 3 << 20;

/** Makes an empty bare repository whose unborn HEAD names `main`. */
export function emptyRepository(path: string, format: ObjectFormat): string {
  gitSync([
    "init",
    "--quiet",
    "--bare",
    "--template=",
    "--initial-branch=main",
    `--object-format=${format}`,
    path,
  ]);
  // Sessions write here nothing, but git wants the directory for its own use.
  mkdirSync(join(path, "info"), { recursive: true });
  return path;
}

/**
 * Builds the full fixture: merges, two roots, every kind of tag and of tree
 * entry, non-UTF-8 names, some 2,000 packed and a few loose refs, and objects
 * that lie loose, in a pack with ofs-deltas, in one with ref-deltas, and in
 * one with an index of version 1.
 */
export function buildFixture(options: FixtureOptions): Fixture {
  const { path, format } = options;
  const seed = options.seed ?? 1;
  const random = seeded(seed);
  emptyRepository(path, format);

  // First pack: ofs-deltas.
  const main = new FastImport();
  const commits = randomHistory(main, random, {
    commits: 220,
    branches: ["main", "dev", "topic/a", "topic/b", "topic/c"],
    oddDates: 9,
  });
  for (let i = 0; i < 12; i++) {
    const commit = random.pick(commits);
    main.tag(`v0.${i}`, commit.mark, commit.date + 5);
  }
  importStream(path, main, "packed");
  gitSync(["repack", "-a", "-d", "-q"], { cwd: path });

  // Second pack: ref-deltas.
  importStream(path, oddities(path, format), "loose");
  gitSync(["-c", "repack.useDeltaBaseOffset=false", "repack", "-d", "-q"], {
    cwd: path,
  });

  // Third pack: an index of version 1. Then loose objects.
  const packs = packNames(path);
  importStream(path, followUp("third", 12, seed + 1), "loose");
  gitSync(["repack", "-d", "-q"], { cwd: path });
  for (const name of packNames(path)) {
    if (!packs.includes(name)) rewriteIndexAsVersion1(path, name);
  }
  writeRefs(path, commits.length, options.pulls ?? 1_500);
  importStream(path, followUp("loose", 8, seed + 2), "loose");
  gitSync(["update-ref", "refs/tags/loose-light", "refs/heads/loose~1"], {
    cwd: path,
  });
  gitSync(["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/dev"], {
    cwd: path,
  });
  return { path, format, seed };
}

/** A copy of a repository, to be changed by a test. */
export function copyRepository(from: string, to: string): string {
  cpSync(from, to, { recursive: true });
  return to;
}

/** A bare repository whose objects all come from another's, by alternates. */
export function repositoryWithAlternates(from: Fixture, path: string): string {
  emptyRepository(path, from.format);
  mkdirSync(join(path, "objects/info"), { recursive: true });
  writeFileSync(
    join(path, "objects/info/alternates"),
    `${join(from.path, "objects")}\n`,
  );
  const updates = gitSync(
    ["for-each-ref", "--format=create %(refname) %(objectname)"],
    { cwd: from.path },
  );
  gitSync(["update-ref", "--stdin"], { cwd: path, input: updates });
  gitSync(["pack-refs", "--all"], { cwd: path });
  return path;
}

/** Imports a stream; its objects end in a pack, or loose. */
export function importStream(
  path: string,
  stream: FastImport,
  objects: "packed" | "loose",
): void {
  const limit = objects === "loose" ? 1_000_000 : 0;
  gitSync([
    "-c",
    `fastimport.unpackLimit=${limit}`,
    "fast-import",
    "--quiet",
    "--force",
  ], { cwd: path, input: stream.bytes() });
}

/** A second root and every odd tree entry, mode, size and tag. */
function oddities(path: string, format: ObjectFormat): FastImport {
  const emptyTree = gitSync(["hash-object", "-t", "tree", "-w", "--stdin"], {
    cwd: path,
    input: "",
  }).trim();
  const stream = new FastImport();
  const ref = "refs/heads/odd";
  const big = seeded(77).bytes(BIG_BLOB_BYTES);
  const text = "all work and no play\n".repeat(50_000);
  const gitlink = "5".repeat(format === "sha1" ? 40 : 64);
  const root = stream.commit({
    ref,
    parents: [],
    date: FIRST_DATE + 1_000,
    changes: [
      stream.file("empty", ""),
      stream.file("big.bin", big),
      stream.file("text", text),
      stream.file("run.sh", "#!/bin/sh\n", "100755"),
      stream.file("link", "text", "120000"),
      // Latin-1, not UTF-8; and a newline, a quote and a tab.
      stream.file("caf\xe9/na\xefve.txt", "latin1\n"),
      stream.file('"a\\nb\\"c\\td"', "quoted\n"),
      `M 160000 ${gitlink} vendor/module`,
      `M 040000 ${emptyTree} nothing`,
      stream.file("a/b/c/d/e/f/g/h/i/j/k", "deep\n"),
    ],
  });
  const second = stream.commit({
    ref,
    parents: [root.mark],
    date: FIRST_DATE + 1_060,
    changes: [
      stream.file("text", `${text}the end\n`),
      "D vendor",
      stream.file("link2", "../outside", "120000"),
    ],
    message: "message with \xe9 and no newline at its end",
  });
  // A tree that is empty at its root, and the other root's history merged in.
  const bare = stream.commit({
    ref: "refs/heads/empty-tree",
    parents: [],
    date: FIRST_DATE + 1_120,
    changes: [],
  });
  stream.commit({
    ref: "refs/heads/two-roots",
    parents: [second.mark, "refs/heads/main^0", bare.mark],
    date: FIRST_DATE + 40_000,
    changes: [stream.file("text", `${text}merged\n`)],
  });
  const blob = stream.blob("a blob with a tag of its own\n");
  stream.tag("of-blob", blob, FIRST_DATE);
  stream.tag("of-tree", "refs/heads/main^{tree}", FIRST_DATE);
  const inner = stream.tag("of-commit", second.mark, FIRST_DATE);
  const middle = stream.tag("of-tag", inner, FIRST_DATE);
  stream.tag("of-tag-of-tag", middle, FIRST_DATE);
  return stream;
}

/** A short line of commits on a branch of its own, grown from main. */
function followUp(branch: string, count: number, seed: number): FastImport {
  const stream = new FastImport();
  const random = seeded(seed);
  let parent: number | string = "refs/heads/main^0";
  let body = Array.from({ length: 60 }, () => random.next().toString(36));
  for (let i = 0; i < count; i++) {
    body = body.with(random.int(body.length), random.next().toString(36));
    parent = stream.commit({
      ref: `refs/heads/${branch}`,
      parents: [parent],
      date: FIRST_DATE + 50_000 + i * 60,
      changes: [
        stream.file(`${branch}.txt`, `${body.join("\n")}\n`),
        stream.file(`${branch}/${i}`, `${i}\n`),
      ],
    }).mark;
  }
  return stream;
}

/** Some 2,000 refs on commits all over the history, packed. */
function writeRefs(path: string, commits: number, pulls: number): void {
  const ids = lines(gitSync(["rev-list", "--all"], { cwd: path }));
  const at = (index: number): string => ids[index % ids.length] as string;
  const updates: string[] = [];
  for (let i = 0; i < 150; i++) {
    updates.push(`create refs/heads/many/${i} ${at(i * 7)}`);
  }
  for (let i = 0; i < 300; i++) {
    updates.push(`create refs/tags/light/${i} ${at(i * 3)}`);
  }
  for (let i = 0; i < pulls; i++) {
    updates.push(`create refs/pull/${i}/head ${at(i * 5 + commits)}`);
  }
  // Names need not be UTF-8: one that is, and one that is not.
  updates.push(`create refs/heads/gr\xc3\xb6\xc3\x9fe ${at(3)}`);
  updates.push(`create refs/heads/caf\xe9 ${at(4)}`);
  updates.push(`create refs/notes/commits ${at(5)}`);
  gitSync(["update-ref", "--stdin"], {
    cwd: path,
    input: `${updates.join("\n")}\n`,
  });
  gitSync(["pack-refs", "--all", "--prune"], { cwd: path });
}

function packNames(path: string): string[] {
  return readdirSync(join(path, "objects/pack"))
    .filter((name) => name.endsWith(".pack"));
}

function rewriteIndexAsVersion1(path: string, pack: string): void {
  const base = join(path, "objects/pack", pack.slice(0, -".pack".length));
  for (const suffix of [".idx", ".rev"]) {
    if (existsSync(base + suffix)) rmSync(base + suffix);
  }
  gitSync(["index-pack", "--index-version=1", `${base}.pack`], { cwd: path });
}
