/**
 * Repositories for comparing servers: the same seed makes the same one. The
 * seed also says how its objects are kept and in which format.
 *
 * @module
 */

import { readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { emptyRepository, type ObjectFormat } from "../fixture.ts";
import { ALL_DATES, FastImport } from "../fixture_history.ts";
import { gitSync } from "../git.ts";
import { lines, shallowFile } from "../git_repository.ts";
import { type Random, seeded } from "../random.ts";
import { applyExposure, type Exposure, guarded, OPEN } from "./exposure.ts";
import { DELETED_BRANCH, GrowingHistory } from "./history.ts";
import { type Layout, LAYOUTS, type Stage } from "./layouts.ts";
import { readObjects, type StoredObjects } from "./objects.ts";

/** A repository, and what is known of it. */
export interface Specimen {
  /** The seed it came from. */
  readonly seed: number;
  /** Its absolute path. */
  readonly path: string;
  /** Its object format. */
  readonly format: ObjectFormat;
  /** Everything it holds. */
  readonly objects: StoredObjects;
  /** Values of its refs by name. */
  readonly refs: ReadonlyMap<string, string>;
  /** Ids of all commits, in the order they were made. */
  readonly commits: readonly string[];
  /** Ids of the commits behind which it has no history itself. */
  readonly shallow: readonly string[];
  /** What its owner lets clients see. */
  readonly exposure: Exposure;
  /** Names of blobs with patterns, and some that name none. */
  readonly sparse: readonly string[];
}

/** Files of patterns, about the paths of `history.ts`. */
const PATTERNS: readonly string[] = [
  "*\n",
  "/*\n!/*/\n",
  "/d0/\n",
  "f*\n!f1\n",
  "d0/\n!d0/s1/\nl?\n",
  "s[0-1]/**\n",
  "**/x/f2\n/m*/\n!m1\n",
  "wide/w[[:digit:]]\r\n\\*\n",
  "p0/**/f*\n!/p0/p1/**/f[!0]\n # none\n",
  "# nothing but this",
  "",
  "/d0/s1/f1  \n/y\nd1/**/f1",
];

const SPARSE_NAMES: readonly string[] = [
  "refs/heads/main:f0",
  "main:d0/f1",
  "main:../x",
  "HEAD",
  "none",
  "../../x",
];

/** What the repository of a seed is like, for titles. */
export function describeSpecimen(seed: number): string {
  const { layout, format, dates, depth, isGuarded } = traits(seed);
  return [
    layout.name,
    ...(format === "sha1" ? [] : [format]),
    `${dates} dates`,
    ...(depth === 0 ? [] : ["shallow"]),
    ...(isGuarded ? ["guarded"] : []),
  ].join(", ");
}

function traits(seed: number) {
  const layout = LAYOUTS[seed % LAYOUTS.length] as Layout;
  const round = Math.floor(seed / LAYOUTS.length);
  const format: ObjectFormat = seed % 9 === 4 ? "sha256" : "sha1";
  const dates = ALL_DATES[(seed + round) % ALL_DATES.length] ?? "rising";
  // Cutting the history off repacks it: not where a layout is to be seen.
  const depth = seed % LAYOUTS.length <= 1 && round % 2 === 1 ? 5 : 0;
  return { layout, format, dates, depth, isGuarded: round % 3 === 2 };
}

/** Makes the repository that `seed` means at `path`. */
export function makeSpecimen(seed: number, path: string): Specimen {
  const { layout, format, dates, depth, isGuarded } = traits(seed);
  const random = seeded(seed);
  emptyRepository(path, format);
  const emptyTree = gitSync(["hash-object", "-t", "tree", "-w", "--stdin"], {
    cwd: path,
    input: "",
  }).trim();
  const stream = new FastImport();
  const history = new GrowingHistory(stream, random, { dates, emptyTree });
  const run = (): Stage => {
    const marks = importStage(path, stream);
    const commits = history.marks.map((mark) => marks.get(mark) as string);
    writeRefs(path, random, commits);
    return { path, random, commits };
  };

  history.grow(28 + random.int(24));
  history.tag();
  const first = run();
  layout.middle?.(first);
  history.grow(6 + random.int(8));
  history.tag("refs/heads/main^{tree}");
  const stage = run();
  layout.end?.(stage);
  checkLayout(layout, path);
  if (depth > 0) cutOff(path, depth);
  // Seeded apart, so that open repositories are what they were without it.
  const rules = seeded(seed + 0x10000);
  const exposure = isGuarded ? guarded(rules) : OPEN;
  const { commits } = stage;
  const present = depth === 0 ? commits : lines(
    gitSync(["rev-list", "--all"], { cwd: path }),
  );
  applyExposure(path, rules, exposure, present);
  const specimen = readSpecimen(seed, path, { format, commits, exposure });
  // Reached by nothing: nobody but filters asks for them.
  const sparse = PATTERNS.map((input) =>
    gitSync(["hash-object", "-w", "--stdin"], { cwd: path, input }).trim()
  );
  // In a namespace we look names up there, git in the whole repository.
  const names = isGuarded ? [] : SPARSE_NAMES;
  return { ...specimen, sparse: [...sparse, ...names] };
}

function checkLayout({ name, leaves = [] }: Layout, path: string): void {
  const files = readdirSync(dirname(path), {
    recursive: true,
    encoding: "utf8",
  });
  for (const ending of leaves) {
    if (files.some((file) => file.endsWith(ending))) continue;
    throw new Error(`Cannot make ${name}: git left no file *${ending}`);
  }
}

/** Imports what was written since the last stage; all marks so far. */
function importStage(path: string, stream: FastImport): Map<number, string> {
  const file = join(path, "marks");
  gitSync([
    "-c",
    "fastimport.unpackLimit=1000000",
    "fast-import",
    "--quiet",
    "--force",
    `--import-marks-if-exists=${file}`,
    `--export-marks=${file}`,
  ], { cwd: path, input: stream.take() });
  return new Map(
    lines(readFileSync(file, "latin1")).map((line) => {
      const [mark = "", oid = ""] = line.split(" ");
      return [Number(mark.slice(1)), oid];
    }),
  );
}

/** Lightweight refs on commits, a tree and a blob; one branch less. */
function writeRefs(
  path: string,
  random: Random,
  commits: readonly string[],
): void {
  const update = [`delete ${DELETED_BRANCH}`];
  for (let i = 0; i < 3; i++) {
    update.push(`update refs/tags/light${i} ${random.pick(commits)}`);
  }
  update.push(`update refs/pull/${commits.length} ${random.pick(commits)}`);
  const [tree = "", blob = ""] = lines(
    gitSync(["rev-parse", `${commits[0]}^{tree}`], { cwd: path }),
  );
  update.push(`update refs/misc/tree ${tree}`);
  if (blob !== "") update.push(`update refs/misc/blob ${blob}`);
  gitSync(["update-ref", "--stdin"], {
    cwd: path,
    input: `${update.join("\n")}\n`,
  });
}

/** Leaves the last `depth` commits of every ref: a shallow repository. */
function cutOff(path: string, depth: number): void {
  const full = `${path}-full`;
  renameSync(path, full);
  gitSync([
    "clone",
    "--quiet",
    "--mirror",
    `--depth=${depth}`,
    pathToFileURL(full).href,
    path,
  ]);
}

function readSpecimen(
  seed: number,
  path: string,
  known: Pick<Specimen, "format" | "commits" | "exposure">,
): Specimen {
  const objects = readObjects(path);
  const refs = lines(
    gitSync(["for-each-ref", "--format=%(objectname) %(refname)"], {
      cwd: path,
    }),
  ).map((line): [string, string] => {
    const [oid = "", name = ""] = line.split(" ");
    return [name, oid];
  });
  return {
    seed,
    path,
    objects,
    refs: new Map(refs),
    shallow: shallowFile(path),
    format: known.format,
    exposure: known.exposure,
    sparse: [],
    commits: known.commits.filter((oid) => objects.has(oid)),
  };
}
