/**
 * Walks under filters over trees that are made to be walked without end; what
 * filters let through is held to git in
 * `tests/conformance/filter_selection_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MemoryRepository } from "../../../mod.ts";
import { GitsrvError } from "../../../src/core/errors.ts";
import { ObjectSet } from "../../../src/core/object_set.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { BLOB, TREE } from "../../../src/object/kind.ts";
import { select } from "../../../src/graph/select.ts";
import { readyFilter } from "../../../src/service/upload_pack/ready_filter.ts";
import { parseFilter } from "../../../src/wire/filter.ts";
import { finishWalk } from "../../support/fake_graph.ts";
import { describe, it } from "../../support/test.ts";

const LEVELS = 10_000;
const PERSON = { name: "A", email: "a@example.com", time: 1_600_000_000 };
const FILE = 0o100644;
const DIRECTORY = 0o040000;

/** A commit of `tree`. */
function commit(repository: MemoryRepository, tree: Oid): Oid {
  return repository.addCommit({ tree, author: PERSON, message: "one\n" });
}

/** How many trees and blobs go, and in how many steps they were found. */
async function count(
  repository: MemoryRepository,
  want: Oid,
  spec: string,
): Promise<{ trees: number; blobs: number; yields: number }> {
  using snapshot = await repository.snapshot();
  const { objects: graph } = snapshot;
  const { value, yields } = finishWalk(select(graph, {
    wants: [graph.find(want)],
    haves: [],
    cut: new ObjectSet(),
    bases: false,
    filter: readyFilter(snapshot, parseFilter(spec)),
  }));
  const kinds = [...value.objects.view()].map((each) => graph.kind(each));
  return {
    trees: kinds.filter((kind) => kind === TREE).length,
    blobs: kinds.filter((kind) => kind === BLOB).length,
    yields,
  };
}

/** A repository with a blob of these patterns, and the filter. */
function withPatterns(patterns: string) {
  const repository = new MemoryRepository();
  return { repository, sparse: `sparse:oid=${repository.addBlob(patterns)}` };
}

describe("a tree 10,000 levels deep", () => {
  const { repository, sparse } = withPatterns("f\n!/t/t/f\n");
  // Another blob on each level.
  let tree = repository.addTree([]);
  for (let i = 0; i < LEVELS; i++) {
    const blob = repository.addBlob(`${i}\n`);
    tree = repository.addTree([
      { mode: FILE, name: "f", oid: blob },
      { mode: DIRECTORY, name: "t", oid: tree },
    ]);
  }
  const tip = commit(repository, tree);

  it("is cut by a depth", async () => {
    const { trees, blobs } = await count(repository, tip, "tree:5");
    assert.deepEqual({ trees, blobs }, { trees: 5, blobs: 4 });
    const whole = await count(repository, tip, "tree:100000");
    assert.equal(whole.trees, LEVELS + 1);
  });

  it("is gone down by its paths, in steps", async () => {
    const { trees, blobs, yields } = await count(repository, tip, sparse);
    assert.deepEqual({ trees, blobs }, {
      trees: LEVELS + 1,
      blobs: LEVELS - 1,
    });
    assert.ok(yields > 10, `${yields} steps`);
  });

  it("is gone down by several filters", async () => {
    const spec = `combine:tree:9000+${sparse}`;
    const { trees, blobs } = await count(repository, tip, spec);
    assert.deepEqual({ trees, blobs }, { trees: 9000, blobs: 8998 });
  });
});

describe("a tree with as many paths as nobody can go", () => {
  const { repository, sparse } = withPatterns("none\n");
  let tree = repository.addTree([
    { mode: FILE, name: "f", oid: repository.addBlob("leaf\n") },
  ]);
  for (let i = 0; i < 24; i++) {
    tree = repository.addTree(
      Array.from({ length: 10 }, (_, name) => ({
        mode: DIRECTORY,
        name: `${name}`,
        oid: tree,
      })),
    );
  }
  const tip = commit(repository, tree);

  it("is refused where paths matter", async () => {
    await assert.rejects(
      () => count(repository, tip, sparse),
      (error) =>
        error instanceof GitsrvError && error.code === "too-many-paths",
    );
  });

  it("is walked once where depths do", async () => {
    const spec = "combine:blob:limit=1k+tree:1000";
    const { trees, blobs } = await count(repository, tip, spec);
    assert.deepEqual({ trees, blobs }, { trees: 25, blobs: 1 });
  });
});

describe("patterns without end", () => {
  for (
    const [what, patterns] of [
      ["a file of 2 MiB", "x\n".repeat(1 << 20)],
      ["5,000 patterns", "x\n".repeat(5_000)],
    ] as const
  ) {
    it(`are refused: ${what}`, async () => {
      const { repository, sparse } = withPatterns(patterns);
      const tip = commit(repository, repository.addTree([]));
      await assert.rejects(
        () => count(repository, tip, sparse),
        (error) => error instanceof GitsrvError,
      );
    });
  }

  it("match in time that is bounded, whatever their stars", async () => {
    const name = "a".repeat(200);
    const { repository, sparse } = withPatterns(
      `${"*a".repeat(100)}b\n${"**/".repeat(100)}b\n`,
    );
    const blob = repository.addBlob("x\n");
    const tree = repository.addTree([{ mode: FILE, name, oid: blob }]);
    const tip = commit(repository, tree);
    const { blobs } = await count(repository, tip, sparse);
    assert.equal(blobs, 0);
  });
});
