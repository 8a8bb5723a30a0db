/**
 * The ways in which git keeps a repository's objects, and the helper files that
 * it writes beside them, fresh or outdated by what came later. Every file is
 * written by the real git.
 *
 * @module
 */

import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { GRAPH_KINDS, writeGraph } from "../commit_graphs.ts";
import { gitSync } from "../git.ts";
import type { Random } from "../random.ts";

/** A repository between two stages of its history. */
export interface Stage {
  /** Its path. */
  readonly path: string;
  /** Chooses what the layout leaves open. */
  readonly random: Random;
  /** Ids of all commits, in the order they were made. */
  readonly commits: readonly string[];
}

/** One way; what is new starts out as loose objects. */
export interface Layout {
  /** What it is called in titles. */
  readonly name: string;
  /** Endings of the files that there must be for it to be what it says. */
  readonly leaves?: readonly string[];
  /** What is done after most of the history, before the rest comes. */
  readonly middle?: (stage: Stage) => void;
  /** What is done at the end. */
  readonly end?: (stage: Stage) => void;
}

/** Bare repositories get one unless told. */
const NO_BITMAP = ["-c", "repack.writeBitmaps=false"];

/** All ways. */
export const LAYOUTS: readonly Layout[] = [
  { name: "loose objects alone" },
  { name: "one pack", leaves: [".pack"], end: repack },
  { name: "a pack beside loose objects", middle: repack },
  {
    name: "several packs",
    leaves: [".pack"],
    middle: packInTwo,
    end: packRest,
  },
  {
    name: "a commit-graph",
    leaves: ["graph"],
    middle: packInTwo,
    end: (stage) => {
      packRest(stage);
      writeGraph(stage.path, stage.random.pick(GRAPH_KINDS));
    },
  },
  {
    name: "an outdated chain of commit-graphs",
    leaves: ["commit-graph-chain"],
    middle: (stage) => {
      packInTwo(stage);
      writeGraph(stage.path, "a chain");
    },
    end: packRest,
  },
  {
    name: "a multi-pack-index",
    leaves: ["multi-pack-index"],
    middle: packInTwo,
    end: (stage) => {
      packRest(stage);
      writeMultiPackIndex(stage);
    },
  },
  {
    name: "an outdated multi-pack-index",
    leaves: ["multi-pack-index"],
    middle: (stage) => {
      packInTwo(stage);
      writeMultiPackIndex(stage);
    },
    end: packInTwo,
  },
  {
    name: "a multi-pack-index with a bitmap",
    leaves: ["multi-pack-index", ".bitmap"],
    middle: packInTwo,
    end: (stage) => {
      packRest(stage);
      writeMultiPackIndex(stage, "--bitmap");
    },
  },
  {
    name: "an outdated multi-pack-index with a bitmap",
    leaves: ["multi-pack-index", ".bitmap"],
    middle: (stage) => {
      packInTwo(stage);
      writeMultiPackIndex(stage, "--bitmap");
    },
    end: packRest,
  },
  { name: "a pack with a bitmap", leaves: [".bitmap"], end: repackWithBitmap },
  { name: "an outdated bitmap", leaves: [".bitmap"], middle: repackWithBitmap },
  {
    name: "a bitmap of one pack among others",
    leaves: [".bitmap"],
    middle: repackWithBitmap,
    end: packRest,
  },
  {
    name: "reverse indexes",
    leaves: [".rev"],
    middle: (stage) => packInTwo(stage, ["-c", "pack.writeReverseIndex=true"]),
    end: (stage) => packRest(stage, ["-c", "pack.writeReverseIndex=true"]),
  },
  {
    name: "a cruft pack",
    leaves: [".mtimes"],
    middle: packInTwo,
    end: ({ path }) =>
      gitSync([...NO_BITMAP, "repack", "--cruft", "-d", "-q"], { cwd: path }),
  },
  {
    name: "a kept pack",
    leaves: [".keep"],
    middle: (stage) => {
      packInTwo(stage);
      markOne(stage.path, "keep");
    },
    end: repack,
  },
  {
    name: "promisor packs",
    leaves: [".promisor"],
    middle: (stage) => {
      packInTwo(stage);
      markOne(stage.path, "promisor");
    },
    end: packRest,
  },
  {
    name: "borrowed objects",
    leaves: ["alternates"],
    middle: (stage) => {
      packInTwo(stage);
      lend(stage, 1 + stage.random.int(2));
    },
    end: packRest,
  },
  {
    name: "borrowed objects with a bitmap and a commit-graph",
    leaves: ["alternates", ".bitmap", "commit-graph"],
    middle: (stage) => {
      repackWithBitmap(stage);
      writeGraph(stage.path, "one file");
      lend(stage, 1);
    },
  },
  {
    name: "every helper file at once",
    leaves: ["commit-graph-chain", ".keep", ".rev", ".bitmap"],
    middle: (stage) => {
      packInTwo(stage, ["-c", "pack.writeReverseIndex=true"]);
      markOne(stage.path, "keep");
      writeGraph(stage.path, "a chain");
    },
    end: (stage) => {
      packRest(stage, ["-c", "pack.writeReverseIndex=true"]);
      writeMultiPackIndex(stage, "--bitmap");
      writeGraph(stage.path, "a chain");
    },
  },
];

/** One pack of all that refs reach; the rest stays loose. */
function repack({ path }: Stage): void {
  gitSync([...NO_BITMAP, "repack", "-a", "-d", "-q"], { cwd: path });
}

function repackWithBitmap({ path, random }: Stage): void {
  gitSync([
    ...bitmapConfig(random),
    "repack",
    "-a",
    "-d",
    "-b",
    "-q",
  ], { cwd: path });
}

/** Loose objects that refs reach go to one more pack. */
function packRest({ path, random }: Stage, config: string[] = []): void {
  gitSync([
    ...config,
    "-c",
    `repack.useDeltaBaseOffset=${random.int(2) === 0}`,
    "repack",
    "-d",
    "-q",
  ], { cwd: path });
}

/** Two packs: of an older half of the commits, and of what is left. */
function packInTwo(stage: Stage, config: string[] = []): void {
  const { path, random, commits } = stage;
  const half = commits.slice(0, Math.ceil(commits.length / 2));
  gitSync([
    ...config,
    "pack-objects",
    "--quiet",
    "--revs",
    "--unpacked",
    "--incremental",
    "--non-empty",
    ...random.pick([[], ["--delta-base-offset"]]),
    ...random.pick([[], ["--index-version=1"]]),
    join(path, "objects/pack/pack"),
  ], { cwd: path, input: `${half.join("\n")}\n` });
  gitSync(["prune-packed", "-q"], { cwd: path });
  packRest(stage, config);
}

function writeMultiPackIndex(
  { path, random }: Stage,
  ...options: string[]
): void {
  gitSync([
    ...bitmapConfig(random),
    "multi-pack-index",
    "write",
    "--no-progress",
    ...options,
  ], { cwd: path });
}

/** Bitmaps with and without their optional parts. */
function bitmapConfig(random: Random): string[] {
  return ["HashCache", "LookupTable"].flatMap((part) => [
    "-c",
    `pack.writeBitmap${part}=${random.int(2) === 0}`,
  ]);
}

/** Puts a file beside one pack that says what it is. */
function markOne(path: string, kind: "keep" | "promisor"): void {
  const packs = join(path, "objects/pack");
  const name = readdirSync(packs).sort().find((each) => each.endsWith(".pack"));
  if (name === undefined) throw new Error("Cannot mark: no pack");
  writeFileSync(join(packs, name.replace(/pack$/, kind)), "");
}

/** Moves all objects behind so many alternates, named in both ways. */
function lend({ path }: Stage, links: number): void {
  const objects = join(path, "objects");
  for (let i = 0; i < links; i++) {
    const lender = `${path}-lender${i}`;
    mkdirSync(lender);
    renameSync(objects, join(lender, "objects"));
    mkdirSync(join(objects, "info"), { recursive: true });
    mkdirSync(join(objects, "pack"));
    const relative = `../../${basename(lender)}/objects`;
    writeFileSync(
      join(objects, "info/alternates"),
      `${i === 0 ? join(lender, "objects") : relative}\n`,
    );
  }
}
