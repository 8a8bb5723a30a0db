import assert from "node:assert/strict";
import { ObjectSet } from "../../../src/core/object_set.ts";
import { findUnreached } from "../../../src/graph/reach_any.ts";
import { FakeGraph, finishWalk } from "../../support/fake_graph.ts";
import { git } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { describe, it } from "../../support/test.ts";
import { oids, pickSome, randomHistory } from "./random_history.ts";

function ask(
  graph: FakeGraph,
  tips: Iterable<number>,
  targets: Iterable<number>,
  cut = new ObjectSet(),
) {
  const wanted = new ObjectSet();
  for (const target of targets) wanted.add(target);
  return finishWalk(findUnreached(graph, { tips, targets: wanted, cut }));
}

describe("findUnreached", () => {
  for (const seed of [61, 62]) {
    it(`agrees with rev-list --objects (seed ${seed})`, async () => {
      const history = randomHistory(seed, "skewed");
      const { graph, random, path } = history;
      const all = [
        ...history.commits,
        ...history.tags,
        ...history.trees,
        ...history.blobs,
      ];
      for (let turn = 0; turn < 25; turn++) {
        const tips = pickSome(random, all, 1, 3);
        const reached = new Set(lines(
          await git(["rev-list", "--objects", "--no-object-names", "--stdin"], {
            cwd: path,
            input: oids(graph, tips).map((oid) => `${oid}\n`).join(""),
          }),
        ));
        const isReached = (object: number): boolean =>
          reached.has(graph.oid(object));
        const where = `seed ${seed} turn ${turn}`;
        for (const target of all) {
          const { value } = ask(graph, tips, [target]);
          assert.equal(value, isReached(target) ? -1 : target, where);
        }
        const good = all.filter(isReached);
        assert.equal(ask(graph, tips, good).value, -1, where);
        const bad = all.filter((object) => !isReached(object));
        if (bad.length === 0) continue;
        const { value } = ask(graph, tips, all);
        assert.ok(bad.includes(value), where);
      }
    });
  }

  it("looks no further than it takes", () => {
    const graph = new FakeGraph();
    const old = graph.addBlob();
    let tip = graph.addCommit(graph.addTree({ blobs: [old] }), [], 1);
    let recent = old;
    for (let time = 2; time < 3000; time++) {
      recent = graph.addBlob();
      tip = graph.addCommit(graph.addTree({ blobs: [recent] }), [tip], time);
    }
    assert.equal(ask(graph, [tip], [recent]).value, -1);
    assert.equal(graph.expanded, 1);
    const { value, yields } = ask(graph, [tip], [old]);
    assert.equal(value, -1);
    assert.ok(graph.expanded <= 3000, `${graph.expanded} trees`);
    assert.ok(graph.largestCall <= 256 && yields > 5);
  });

  it("goes on with care where trees far back are missing", () => {
    const graph = new FakeGraph();
    const blob = graph.addBlob();
    const lone = graph.addBlob();
    const gone = graph.addTree({ blobs: [graph.addBlob()] });
    let tip = graph.addCommit(graph.addTree({ blobs: [blob] }), [], 1);
    for (let time = 2; time < 500; time++) {
      const tree = time === 20 ? gone : graph.addTree({});
      tip = graph.addCommit(tree, [tip], time);
    }
    graph.remove(gone);
    assert.equal(ask(graph, [tip], [blob]).value, -1);
    assert.equal(ask(graph, [tip], [lone]).value, lone);
  });

  it("passes over what is missing, and ends at a cut", () => {
    const graph = new FakeGraph();
    const blob = graph.addBlob();
    const gone = graph.addTree({});
    const first = graph.addCommit(graph.addTree({ blobs: [blob] }), [], 1);
    const middle = graph.addCommit(gone, [first], 2);
    const lost = graph.addCommit(gone, [], 2);
    const tip = graph.addCommit(gone, [middle, lost], 3);
    graph.remove(gone);
    graph.remove(lost);
    assert.equal(ask(graph, [-1, lost, tip], [blob, first]).value, -1);
    const cut = new ObjectSet();
    cut.add(middle);
    assert.equal(ask(graph, [tip], [blob], cut).value, blob);
    assert.equal(ask(graph, [tip], [first], cut).value, first);
    assert.equal(ask(graph, [tip], [middle], cut).value, -1);
  });
});
