/**
 * The repositories that the bench serves: generated ones, made once by
 * `git fast-import` in a cache directory and kept for later runs, and those
 * given by path.
 *
 * @module
 */

import { git } from "./git.ts";
import { type HistoryShape, historyStream, objectsOf } from "./history.ts";

/** What a repository is measured for; rows name the kinds they apply to. */
export type RepositoryKind =
  | "small"
  | "generated"
  | "refs-1k"
  | "refs-100k"
  | GivenKind;

/** A repository given by path, as it is or as a copy with one helper file. */
export type GivenKind = "given" | `given+${Helper}`;

/** A file that git writes beside packs to answer faster, for `--with`. */
export type Helper = "bitmap" | "commit-graph";

/** A repository ready to be served. */
export interface BenchRepository {
  readonly kind: RepositoryKind;
  /** The title of its table. */
  readonly title: string;
  /** The servers' base path: the directory that holds the repository. */
  readonly base: string;
  /** Its path for clients, beginning with a slash. */
  readonly path: string;
  /** Where git finds it. */
  readonly directory: string;
  /** The commit HEAD names. */
  readonly tip: string;
  /**
   * The 16 newest commits of a client that lacks the last 20 commits of the
   * first-parent line, newest first: what git's first round of haves holds
   * (fetch-pack.c INITIAL_FLUSH). Empty for shorter histories.
   */
  readonly haves: readonly string[];
}

interface Recipe {
  readonly title: string;
  readonly shape: HistoryShape;
  /** Packed refs to write instead of the history's own; 0 for none. */
  readonly refs: number;
}

/** 100 commits, about 400 objects. */
const SMALL: HistoryShape = {
  directories: 1,
  subdirectories: 0,
  filesPerDirectory: 4,
  filesPerSubdirectory: 0,
  edits: 99,
  deepEdits: 0,
  merges: 0,
  tags: 0,
  lines: 20,
};

/** 50,000 objects: 12,000 commits, about 25,000 trees, 12,500 blobs. */
const GENERATED: HistoryShape = {
  directories: 20,
  subdirectories: 2,
  filesPerDirectory: 12,
  filesPerSubdirectory: 10,
  edits: 11_799,
  deepEdits: 1_671,
  merges: 200,
  tags: 20,
  lines: 40,
};

const TAGGED: HistoryShape = {
  ...SMALL,
  directories: 2,
  filesPerDirectory: 5,
  tags: 9,
};

const RECIPES: Readonly<Record<Exclude<RepositoryKind, GivenKind>, Recipe>> = {
  "small": {
    title: "small repository",
    shape: SMALL,
    refs: 0,
  },
  "generated": {
    title: "generated repository",
    shape: GENERATED,
    refs: 0,
  },
  "refs-1k": { title: "1,000 packed refs", shape: TAGGED, refs: 1_000 },
  "refs-100k": { title: "100,000 packed refs", shape: TAGGED, refs: 100_000 },
};

/** The kinds that the bench makes itself, in the order of the report. */
export const GENERATED_KINDS = Object.keys(RECIPES) as Exclude<
  RepositoryKind,
  GivenKind
>[];

/** How each helper is written into a copy: git's arguments. */
const HELPER_COMMANDS: Readonly<Record<Helper, readonly string[]>> = {
  bitmap: ["repack", "-adbq"],
  "commit-graph": ["commit-graph", "write", "--reachable"],
};

/** What `--with` takes. */
export const HELPERS = Object.keys(HELPER_COMMANDS) as Helper[];

/** Raised when a recipe's objects change, so that old copies are not reused. */
const VERSION = 1;
const FETCHED_COMMITS = 20;
const FIRST_HAVES = 16;

/** The cache directory: `GITSRV_BENCH_DIR`, or one in the temp directory. */
export function cacheDirectory(): string {
  const temp = Deno.env.get("TMPDIR") ?? "/tmp";
  return Deno.env.get("GITSRV_BENCH_DIR") ?? `${temp}/gitsrv-bench`;
}

/** Makes a generated repository, or finds the complete one of an earlier run. */
export async function generatedRepository(
  kind: Exclude<RepositoryKind, GivenKind>,
): Promise<BenchRepository> {
  const recipe = RECIPES[kind];
  const base = `${cacheDirectory()}/v${VERSION}`;
  const directory = `${base}/${kind}.git`;
  const marker = `${directory}/bench-complete`;
  if (!(await exists(marker))) {
    await Deno.remove(directory, { recursive: true }).catch(() => undefined);
    await Deno.mkdir(base, { recursive: true });
    await make(directory, recipe);
    await Deno.writeTextFile(marker, `${VERSION}\n`);
  }
  return await describe(kind, directory, recipe.title);
}

/**
 * A repository given by its path: bare, or a work tree with `.git` in it.
 *
 * @throws {Error} when git finds no repository there
 */
export async function givenRepository(path: string): Promise<BenchRepository> {
  const real = await Deno.realPath(path);
  return await describe("given", real, path);
}

/**
 * A copy, in the cache, of a repository given by its path, with one helper
 * file. It is made once for each state of the refs; its packs are links where
 * the file system can have them.
 *
 * @throws {Error} when git finds no repository there, or cannot write the file
 */
export async function helpedRepository(
  path: string,
  helper: Helper,
): Promise<BenchRepository> {
  const source = (await git(["-C", path, "rev-parse", "--absolute-git-dir"]))
    .trim();
  const state = await git(["-C", source, "for-each-ref"]);
  const digest = await crypto.subtle.digest(
    "SHA-1",
    new TextEncoder().encode(`${source}\n${state}`),
  );
  const base = `${cacheDirectory()}/given/${helper}`;
  const directory = `${base}/${new Uint8Array(digest).toHex()}.git`;
  const marker = `${directory}/bench-complete`;
  if (!(await exists(marker))) {
    await Deno.remove(directory, { recursive: true }).catch(() => undefined);
    await Deno.mkdir(base, { recursive: true });
    await copyTree(source, directory);
    await git(["-C", directory, ...HELPER_COMMANDS[helper]]);
    await Deno.writeTextFile(marker, `${VERSION}\n`);
  }
  return await describe(`given+${helper}`, directory, `${path} + ${helper}`);
}

/** Links packs, which git never changes, and copies everything else. */
async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory) await copyTree(source, target);
    else if (!entry.isFile) continue;
    else if (!/\.(pack|idx)$/.test(entry.name)) {
      await Deno.copyFile(source, target);
    } else {
      await Deno.link(source, target)
        .catch(() => Deno.copyFile(source, target));
    }
  }
}

async function make(directory: string, recipe: Recipe): Promise<void> {
  await git(["init", "--quiet", "--bare", "-b", "main", directory]);
  await git(
    ["-C", directory, "fast-import", "--quiet", "--force"],
    historyStream(recipe.shape),
  );
  await git(["-C", directory, "update-ref", "-d", "refs/heads/topic"]);
  // One thread, no reuse: the same pack on every machine. Bitmaps are what a
  // bare repository gets by default; rows that want one say so.
  await git([
    "-C",
    directory,
    "-c",
    "pack.threads=1",
    "-c",
    "repack.writeBitmaps=false",
    "repack",
    "-adfq",
  ]);
  const listing = await git(["-C", directory, "count-objects", "-v"]);
  const count = Number(/^in-pack: (\d+)$/m.exec(listing)?.[1]);
  if (count !== objectsOf(recipe.shape)) {
    throw new Error(
      `Cannot use "${directory}": ${count} objects, not ${
        objectsOf(recipe.shape)
      }`,
    );
  }
  if (recipe.refs > 0) await writePackedRefs(directory, recipe.refs);
  else await git(["-C", directory, "pack-refs", "--all"]);
}

/** Replaces the refs: 8 of 10 branches, 1 a plain and 1 an annotated tag. */
async function writePackedRefs(
  directory: string,
  count: number,
): Promise<void> {
  const commits = (await git(["-C", directory, "rev-list", "main"])).trim()
    .split("\n");
  const format = "%(objectname) %(*objectname)";
  const tags = (await git([
    "-C",
    directory,
    "for-each-ref",
    `--format=${format}`,
    "refs/tags",
  ])).trim().split("\n");
  const lines: string[] = [`${commits[0]} refs/heads/main\n`];
  for (let i = 1; i < count; i++) {
    const number = i.toString().padStart(6, "0");
    const commit = commits[i % commits.length] as string;
    const [tag, peeled] = (tags[i % tags.length] as string).split(" ");
    if (i % 10 === 0) {
      lines.push(`${tag} refs/tags/release-${number}\n^${peeled}\n`);
    } else if (i % 10 === 1) {
      lines.push(`${commit} refs/tags/build-${number}\n`);
    } else {
      lines.push(`${commit} refs/heads/team-${i % 97}/change-${number}\n`);
    }
  }
  // packed-refs is sorted by name, which starts after the 40 digits.
  lines.sort((a, b) => (a.slice(41) < b.slice(41) ? -1 : 1));
  await Deno.remove(`${directory}/refs`, { recursive: true });
  await Deno.mkdir(`${directory}/refs/heads`, { recursive: true });
  await Deno.mkdir(`${directory}/refs/tags`);
  await Deno.writeTextFile(
    `${directory}/packed-refs`,
    `# pack-refs with: peeled fully-peeled sorted \n${lines.join("")}`,
  );
}

async function describe(
  kind: RepositoryKind,
  directory: string,
  title: string,
): Promise<BenchRepository> {
  const at = directory.lastIndexOf("/");
  const run = async (...args: string[]): Promise<string> =>
    (await git(["-C", directory, ...args])).trim();
  const tip = await run("rev-parse", "--verify", "HEAD^{commit}");
  const old = await run("rev-parse", "--verify", `HEAD~${FETCHED_COMMITS}`)
    .catch(() => "");
  const haves = old === "" ? [] : (await run(
    "rev-list",
    `--max-count=${FIRST_HAVES}`,
    old,
  )).split("\n");
  const listing = await run("count-objects", "-v");
  const objects = /^in-pack: (\d+)$/m.exec(listing)?.[1] ?? "?";
  const refs = (await run("for-each-ref", "--format=x")).split("\n").length;
  return {
    kind,
    title: `${title} (${objects} objects packed, ${refs} refs)`,
    base: directory.slice(0, at) || "/",
    path: directory.slice(at),
    directory,
    tip,
    haves,
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
