/**
 * What filters leave out, object by object as `git rev-list --filter` does, in
 * repositories whose trees repeat themselves; and what is said of filters that
 * are none.
 *
 * `GITSRV_FILTER_SEED=<from>-<to>` runs the repositories of those seeds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { FileSystemBackend } from "../../mod.ts";
import { ObjectSet } from "../../src/core/object_set.ts";
import type { Oid } from "../../src/core/oid.ts";
import { select } from "../../src/graph/select.ts";
import { readyFilter } from "../../src/service/upload_pack/ready_filter.ts";
import type { Snapshot } from "../../src/storage/types.ts";
import { parseFilter } from "../../src/wire/filter.ts";
import { someFilter } from "../support/differential/filters.ts";
import { makeTangle, type Tangle } from "../support/differential/tangled.ts";
import { emptyRepository, importStream } from "../support/fixture.ts";
import { FastImport, FIRST_DATE } from "../support/fixture_history.ts";
import { finishWalk } from "../support/fake_graph.ts";
import {
  removeDirectory,
  temporaryDirectory,
} from "../support/fixture_directory.ts";
import { gitSync, tryGit } from "../support/git.ts";
import { inParallel } from "../support/git_jobs.ts";
import { lines } from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

const CASES = 60;
const AT_ONCE = 3;

const [, FIRST = "0", LAST = "3"] =
  /^(\d+)-(\d+)$/.exec(process.env.GITSRV_FILTER_SEED ?? "") ?? [];

describe("filtered selections", () => {
  for (let seed = Number(FIRST); seed <= Number(LAST); seed++) {
    it(`are git's in repository ${seed}`, () => run(seed));
  }
});

async function run(seed: number): Promise<void> {
  const root = temporaryDirectory("filters");
  const path = join(root, "tangle.git");
  const tangle = makeTangle(seed, path);
  const backend = new FileSystemBackend(root);
  const repository = await backend.openRepository("/tangle.git");
  using snapshot = await repository.snapshot();
  await inParallel(
    Array.from({ length: CASES }, (_, i) => i),
    async (index) => {
      const random = seeded(seed * 10_000 + index);
      const wants = chooseWants(tangle, random);
      const filter = someFilter(
        { sparse: [...tangle.sparse, "main:a", "none", "main:../a", "HEAD"] },
        random,
      );
      const theirs = await askGit(path, wants, filter);
      const ours = askOurs(snapshot, wants, filter);
      assert.deepEqual(
        ours,
        theirs,
        `seed ${seed}, case ${index}, ${filter}, wants ${wants.join(" ")}`,
      );
    },
    AT_ONCE,
  );
  removeDirectory(root);
}

describe("patterns of a sparse filter", () => {
  it("match what git's match", async () => {
    const root = temporaryDirectory("patterns");
    const path = join(root, "paths.git");
    const { tip, random } = makePaths(path);
    const backend = new FileSystemBackend(root);
    const repository = await backend.openRepository("/paths.git");
    const files = Array.from({ length: 80 }, () => patternFile(random));
    await inParallel(files, async (input) => {
      const hashed = await tryGit(["hash-object", "-w", "--stdin"], {
        cwd: path,
        input,
      });
      const filter = `sparse:oid=${hashed.stdout.trim()}`;
      using snapshot = await repository.snapshot();
      assert.deepEqual(
        askOurs(snapshot, [tip], filter),
        await askGit(path, [tip], filter),
        JSON.stringify(input),
      );
    }, AT_ONCE);
    removeDirectory(root);
  });
});

/** A commit with a blob of its own at each of many paths. */
function makePaths(
  path: string,
): { readonly tip: string; readonly random: Random } {
  const random = seeded(20_261_127);
  emptyRepository(path, "sha1");
  const stream = new FastImport();
  const names = ["a", "b", "ab", "a b", "x.c", "[a]", "B1", "-", "#", "\\!"];
  const paths = new Set<string>();
  while (paths.size < 120) {
    const depth = 1 + random.int(4);
    const parts = Array.from({ length: depth }, () => random.pick(names));
    paths.add(`${parts.join("/")}${random.int(3) === 0 ? "/z" : ".z"}`);
  }
  stream.commit({
    ref: "refs/heads/main",
    parents: [],
    date: FIRST_DATE,
    changes: [...paths].map((each) => stream.file(`"${each}"`, `${each}\n`)),
  });
  importStream(path, stream, "loose");
  const tip = gitSync(["rev-parse", "main"], { cwd: path }).trim();
  return { tip, random };
}

/** Lines of what patterns are made of. */
function patternFile(random: Random): string {
  const piece = (): string =>
    random.pick([
      ...["a", "b", "ab", "a b", "x.c", "\\[a]", "B1", "z", ".z", "-", "#"],
      ...["*", "*", "?", "**", "/", "/", "/", "/**/", "**/", "/**", "[ab]"],
      ...["[!a]", "[^b-z]", "[[:alpha:]]", "[[:digit:][:upper:]]", "[a-"],
      ...["[]a]", "[\\]]", "[[:nope:]]", "\\", "\\*", " ", "*.z", "[", "***"],
    ]);
  return Array.from({ length: 1 + random.int(4) }, () => {
    const start = random.pick(["", "", "", "/", "!", "#", "\\!"]);
    const pieces = Array.from({ length: 1 + random.int(5) }, piece).join("");
    const end = random.pick(["", "", "/", "  ", "\\ ", "\r"]);
    return `${start}${pieces}${end}`;
  }).join("\n") + random.pick(["", "\n"]);
}

/** Mostly commits; now and then things with names of their own. */
function chooseWants({ kinds }: Tangle, random: Random): string[] {
  const wants = new Set<string>();
  for (let count = 1 + random.int(4); count > 0; count--) {
    const kind = random.pick(["commit", "commit", "tree", "blob", "tag"]);
    wants.add(random.pick(kinds.get(kind) ?? kinds.get("commit") ?? []));
  }
  return [...wants];
}

/** Ids in order, or why there are none. */
type Selected = readonly string[] | string;

async function askGit(
  repository: string,
  wants: readonly string[],
  filter: string,
): Promise<Selected> {
  const { code, stdout, stderr } = await tryGit([
    "rev-list",
    "--objects",
    "--no-object-names",
    `--filter=${filter}`,
    "--stdin",
  ], {
    cwd: repository,
    input: wants.map((oid) => `${oid}\n`).join(""),
  });
  return code === 0
    ? [...new Set(lines(stdout))].sort()
    : stderr.split("\n")[0]?.replace(/^fatal: /, "") ?? "";
}

function askOurs(
  snapshot: Snapshot,
  wants: readonly string[],
  spec: string,
): Selected {
  const { objects: graph } = snapshot;
  try {
    const { value: { objects } } = finishWalk(select(graph, {
      wants: wants.map((oid) => graph.find(oid as Oid)),
      haves: [],
      cut: new ObjectSet(),
      bases: false,
      filter: readyFilter(snapshot, parseFilter(spec)),
    }));
    return [...objects.view()].map((object) => graph.oid(object)).sort();
  } catch (error) {
    if (error instanceof Error) return error.message;
    throw error;
  }
}
