import assert from "node:assert/strict";
import { ObjectSet } from "../../../src/core/object_set.ts";
import {
  Negotiation,
  okToGiveUp,
  reachedFrom,
} from "../../../src/graph/reach.ts";
import { CommitQueue } from "../../../src/graph/commit_queue.ts";
import { FakeGraph, finishWalk } from "../../support/fake_graph.ts";
import { tryGit } from "../../support/git.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";
import { type Dates, pickSome, randomHistory } from "./random_history.ts";
import { askRealGit } from "./real_upload_pack.ts";

const SEEDS: readonly [number, Dates][] = [
  [61, "rising"],
  [62, "equal"],
  [63, "skewed"],
];

describe("Negotiation", () => {
  for (const [seed, dates] of SEEDS) {
    it(`is ready when the real upload-pack is, ${dates} dates (seed ${seed})`, async () => {
      const history = randomHistory(seed, dates);
      const { graph, random, commits, tags } = history;
      let ready = 0;
      for (let turn = 0; turn < 25; turn++) {
        const wants = pickSome(random, [...commits, ...tags], 1, 3);
        const haves = pickSome(random, commits, 1, 5);
        const negotiation = new Negotiation(graph, { wants });
        const asked: number[] = [];
        for (const have of haves) {
          asked.push(have);
          negotiation.add(have);
          const answer = await askRealGit(history.path, {
            wants: wants.map((want) => graph.oid(want)),
            haves: asked.map((have) => graph.oid(have)),
            capabilities: "multi_ack_detailed",
            done: false,
          });
          const expected = answer.lines.some((line) => line.endsWith(" ready"));
          if (expected) ready++;
          const where = `seed ${seed} turn ${turn} haves ${asked.length}`;
          assert.equal(negotiation.okToGiveUp(), expected, where);
          assert.equal(okToGiveUp(graph, wants, asked), expected, where);
        }
      }
      assert.ok(ready > 5 && ready < 70, `${ready} ready`);
    });
  }

  it("knows a have's parents, and asks for at least one have", () => {
    const graph = new FakeGraph();
    const blob = graph.addBlob();
    const tree = graph.addTree({ blobs: [blob] });
    const old = graph.addCommit(tree, [], 1);
    const tip = graph.addCommit(tree, [old], 2);
    const negotiation = new Negotiation(graph, { wants: [blob] });
    assert.ok(!negotiation.okToGiveUp());
    assert.ok(negotiation.add(tip));
    assert.ok(!negotiation.add(old));
    assert.deepEqual(negotiation.haves, [tip]);
    assert.ok(negotiation.okToGiveUp());
  });

  it("looks at each commit once over 1,000 rounds", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    const root = graph.addCommit(tree, [], 1);
    let tip = root;
    for (let i = 2; i < 100_000; i++) tip = graph.addCommit(tree, [tip], i);
    const others = Array.from(
      { length: 1_000 },
      (_, i) => graph.addCommit(tree, [], 90_000 - 80 * i),
    );
    let looked = 0;
    const parent = graph.parent.bind(graph);
    graph.parent = (commit, index) => {
      looked++;
      return parent(commit, index);
    };
    const negotiation = new Negotiation(graph, { wants: [tip] });
    for (const other of others) {
      negotiation.add(other);
      assert.ok(!negotiation.okToGiveUp());
    }
    negotiation.add(root);
    assert.ok(negotiation.okToGiveUp());
    assert.ok(looked < 110_000, `${looked} parents`);
  });

  it("does not look past a cut", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    const root = graph.addCommit(tree, [], 1);
    const middle = graph.addCommit(tree, [root], 2);
    const tip = graph.addCommit(tree, [middle], 3);
    const cut = new ObjectSet();
    cut.add(middle);
    assert.ok(okToGiveUp(graph, [tip], [root]));
    assert.ok(!okToGiveUp(graph, [tip], [root], { cut }));
  });
});

describe("reachedFrom", () => {
  it("agrees with merge-base --is-ancestor (seed 71)", async () => {
    const { graph, random, commits, path } = randomHistory(71, "skewed");
    const reaches = (tips: Iterable<number>, targets: readonly number[]) => {
      const wanted = new ObjectSet();
      for (const target of targets) wanted.add(target);
      const { value } = finishWalk(reachedFrom(graph, tips, wanted));
      return value.size === wanted.size;
    };
    for (let turn = 0; turn < 60; turn++) {
      const tip = random.pick(commits);
      const target = random.pick(commits);
      const { code } = await tryGit(
        ["merge-base", "--is-ancestor", graph.oid(target), graph.oid(tip)],
        { cwd: path },
      );
      assert.equal(
        reaches([tip], [target]),
        code === 0,
        `seed 71 turn ${turn}`,
      );
    }
    assert.ok(reaches(commits, commits));
    assert.ok(!reaches([], [random.pick(commits)]));
  });
});

describe("CommitQueue", () => {
  it("gives newest first and equal times in their order (seed 81)", () => {
    const random = seeded(81);
    const queue = new CommitQueue(1);
    const model: { commit: number; time: number }[] = [];
    for (let commit = 0; commit < 5_000; commit++) {
      const time = random.int(50);
      queue.push(commit, time);
      model.push({ commit, time });
      if (random.int(3) > 0) continue;
      model.sort((a, b) => b.time - a.time || a.commit - b.commit);
      assert.equal(queue.first, model[0]?.commit);
      assert.equal(queue.firstTime, model[0]?.time);
      assert.equal(queue.pop(), model.shift()?.commit);
    }
    model.sort((a, b) => b.time - a.time || a.commit - b.commit);
    while (model.length > 0) assert.equal(queue.pop(), model.shift()?.commit);
    assert.equal(queue.pop(), -1);
    assert.equal(queue.firstTime, -Infinity);
  });
});
