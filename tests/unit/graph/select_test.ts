import assert from "node:assert/strict";
import { join } from "node:path";
import { ObjectSet } from "../../../src/core/object_set.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { addReachedTags } from "../../../src/graph/include_tag.ts";
import { peel } from "../../../src/graph/peel.ts";
import { Negotiation } from "../../../src/graph/reach.ts";
import { select, type SelectRequest } from "../../../src/graph/select.ts";
import { COMMIT } from "../../../src/object/kind.ts";
import { FakeGraph, finishWalk, loadGraph } from "../../support/fake_graph.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { FastImport } from "../../support/fixture_history.ts";
import { gitSync } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { describe, it } from "../../support/test.ts";
import {
  assertSelection,
  type Dates,
  oids,
  pickSome,
  type RandomHistory,
  randomHistory,
  shallowFileOf,
} from "./random_history.ts";
import { askRealGit } from "./real_upload_pack.ts";

const NOTHING = new ObjectSet();
const SEEDS: readonly [number, Dates][] = [
  [11, "rising"],
  [12, "equal"],
  [13, "skewed"],
  [14, "skewed"],
  [15, "equal"],
  [16, "early"],
];

function run(graph: FakeGraph, request: Partial<SelectRequest>) {
  return finishWalk(select(graph, {
    wants: [],
    haves: [],
    cut: NOTHING,
    bases: false,
    ...request,
  }));
}

function setOf(numbers: readonly number[]): ObjectSet {
  const set = new ObjectSet();
  for (const number of numbers) set.add(number);
  return set;
}

/** What rev-list prints: all ids in its order. */
function revList(
  history: RandomHistory,
  args: readonly string[],
  request: SelectRequest,
): string[] {
  const { graph } = history;
  const revisions = [
    ...request.wants.map((want) => graph.oid(want)),
    "--not",
    ...request.haves.map((have) => graph.oid(have)),
  ];
  const file = shallowFileOf(history, [...request.cut]);
  const text = gitSync(
    ["--shallow-file", file, "rev-list", ...args, ...revisions],
    { cwd: history.path },
  );
  return lines(text);
}

function randomRequest(history: RandomHistory): SelectRequest {
  const { random, commits, tags, trees, blobs } = history;
  const odd = (): number[] =>
    random.int(3) > 0
      ? []
      : pickSome(random, [...tags, ...tags, ...trees, ...blobs], 1, 3);
  return {
    wants: [...pickSome(random, commits, 1, 4), ...odd()],
    haves: random.int(6) === 0
      ? odd()
      : [...pickSome(random, commits, 1, 5), ...odd()],
    cut: random.int(2) === 0 ? NOTHING : setOf(pickSome(random, commits, 1, 5)),
    bases: random.int(2) === 0,
  };
}

describe("select", () => {
  for (const [seed, dates] of SEEDS) {
    it(`finds what rev-list finds under ${dates} dates (seed ${seed})`, () => {
      const history = randomHistory(seed, dates);
      const { graph } = history;
      for (let turn = 0; turn < 40; turn++) {
        const request = randomRequest(history);
        const hint = request.bases && request.cut.size > 0
          ? "--objects-edge-aggressive"
          : request.bases
          ? "--objects-edge"
          : "--objects";
        const expected = revList(history, [hint, "--no-object-names"], request)
          .filter((line) => !line.startsWith("-"));
        const { value } = run(graph, request);
        const where = `seed ${seed} turn ${turn}`;
        const selected = oids(graph, value.objects.view());
        assertSelection(
          history,
          selected,
          expected.toSorted(),
          { ...request, dates },
          where,
        );
        assert.deepEqual(oids(graph, value.members), selected, where);
        const order = [...value.objects.view()]
          .filter((object) => graph.kind(object) === COMMIT)
          .map((object) => graph.oid(object));
        assert.deepEqual(order, revList(history, [], request), where);
        for (const object of value.had) {
          assert.ok(!value.members.has(object), where);
        }
      }
    });
  }

  for (const sparse of [false, true]) {
    it(`finds what the real upload-pack packs, include-tag and all, with pack.useSparse ${sparse}`, async () => {
      const dates = sparse ? "early" : "skewed";
      const history = randomHistory(21, dates);
      const { graph, tags } = history;
      const tagRefs = lines(
        gitSync(["for-each-ref", "--format=%(objectname)", "refs/tags"], {
          cwd: history.path,
        }),
      ).map((oid) => graph.find(oid as never));
      for (let turn = 0; turn < 24; turn++) {
        const { wants, haves } = randomRequest(history);
        const commitHaves = haves.filter((have) => !tags.includes(have));
        const negotiation = new Negotiation(graph, { wants });
        for (const have of commitHaves) negotiation.add(have);
        const { value } = run(graph, { wants, haves: negotiation.haves });
        addReachedTags(
          graph,
          value,
          tagRefs.map((tag) => ({ tag, peeled: peel(graph, tag) })),
        );
        const answer = await askRealGit(history.path, {
          wants: wants.map((want) => graph.oid(want)),
          haves: commitHaves.map((have) => graph.oid(have)),
          capabilities: "include-tag",
          sparse,
          done: true,
        });
        assert.equal(answer.code, 0, answer.stderr);
        assertSelection(
          history,
          oids(graph, value.objects.view()),
          answer.objects,
          { dates, haves: commitHaves, cut: [] },
          `seed 21 turn ${turn}`,
        );
      }
    });
  }

  it("finds what lies behind a commit that was painted late", async () => {
    // The have is older than what it reaches: the walk lists `passed` before
    // it learns that the reader has it. `comeback` is in the wanted commit and
    // in `behind`, which is painted before it would be listed.
    const path = join(temporaryDirectory("graph"), "late.git");
    gitSync(["init", "-q", "--bare", path]);
    const stream = new FastImport();
    const at = (parents: number[], date: number, changes: string[]) =>
      stream.commit({ ref: `refs/heads/d${date}`, parents, date, changes })
        .mark;
    const comeback = stream.file("f", "comeback");
    const behind = at([], 5, [comeback]);
    const passed = at([behind], 50, [stream.file("f", "other")]);
    const between = at([passed], 9, []);
    at([between], 10, []);
    at([passed], 100, [comeback]);
    gitSync(["fast-import", "--quiet"], { cwd: path, input: stream.bytes() });
    const graph = loadGraph(path);
    const find = (name: string): number =>
      graph.find(gitSync(["rev-parse", name], { cwd: path }).trim() as Oid);
    const [want, have] = [find("d100"), find("d10")];
    const { value } = run(graph, { wants: [want], haves: [have] });
    assert.deepEqual([...value.objects.view()], [want]);
    for (const sparse of [false, true]) {
      const { objects } = await askRealGit(path, {
        wants: [graph.oid(want)],
        haves: [graph.oid(have)],
        sparse,
        done: true,
      });
      const sent = [want, ...(sparse ? [] : [find("d100:"), find("d100:f")])];
      assert.deepEqual(objects, oids(graph, sent), `sparse: ${sparse}`);
    }
  });

  it("passes over what is missing on the reader's side alone", () => {
    const graph = new FakeGraph();
    const lost = graph.addTree({});
    const oldTree = graph.addTree({ trees: [lost] });
    const root = graph.addCommit(oldTree, [], 1);
    const old = graph.addCommit(oldTree, [root], 2);
    const blob = graph.addBlob();
    const tip = graph.addCommit(graph.addTree({ blobs: [blob] }), [old], 3);
    const tag = graph.addTag(root);
    graph.remove(lost);
    graph.remove(root);
    const { value } = run(graph, { wants: [tip], haves: [old, tag] });
    assert.deepEqual([...value.objects.view()], [
      tip,
      graph.commitTree(tip),
      blob,
    ]);
    assert.throws(
      () => run(graph, { wants: [old] }),
      { code: "missing-object" },
    );
    assert.throws(
      () => run(graph, { wants: [graph.addCommit(oldTree, [], 4)] }),
      { code: "missing-object" },
    );
    assert.throws(() => run(graph, { wants: [tag] }), {
      code: "missing-object",
    });
  });

  it("takes 100,000 linear commits in steps of at most 4096", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    let tip = graph.addCommit(tree, [], 0);
    const root = tip;
    for (let i = 1; i < 100_000; i++) tip = graph.addCommit(tree, [tip], i);
    const whole = run(graph, { wants: [tip] });
    assert.equal(whole.value.objects.length, 100_001);
    assert.ok(whole.yields >= 24);
    const rest = run(graph, { wants: [tip], haves: [root] });
    assert.equal(rest.value.objects.length, 99_999);
    assert.ok(rest.yields >= 24);
    const none = run(graph, { wants: [root], haves: [tip] });
    assert.equal(none.value.objects.length, 0);
  });

  it("takes a chain of 10,000 tags, each of them wanted", () => {
    const graph = new FakeGraph();
    const tip = graph.addCommit(graph.addTree({}), [], 1);
    const tags = [graph.addTag(tip)];
    for (let i = 1; i < 10_000; i++) {
      tags.push(graph.addTag(tags[i - 1] as number));
    }
    const last = tags[9_999] as number;
    assert.equal(run(graph, { wants: tags }).value.objects.length, 10_002);
    const { value } = run(graph, { wants: tags, haves: [last] });
    assert.equal(value.objects.length, 0);
    assert.equal(peel(graph, last), tip);
  });

  it("takes trees 10,000 levels deep, and on the reader's side", () => {
    const graph = new FakeGraph();
    let tree = graph.addTree({ blobs: [graph.addBlob()] });
    for (let i = 1; i < 10_000; i++) tree = graph.addTree({ trees: [tree] });
    const old = graph.addCommit(tree, [], 1);
    assert.equal(run(graph, { wants: [old] }).value.objects.length, 10_002);
    const tip = graph.addCommit(graph.addTree({ trees: [tree] }), [old], 2);
    const { value } = run(graph, { wants: [tip], haves: [old] });
    assert.equal(value.objects.length, 2);
    assert.equal(value.had.size, 10_002);
  });

  it("takes a commit of 10,000 parents", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    const parents = Array.from(
      { length: 10_000 },
      (_, i) => graph.addCommit(tree, [], i),
    );
    const merge = graph.addCommit(tree, parents, 10_000);
    assert.equal(run(graph, { wants: [merge] }).value.objects.length, 10_002);
    const haves = parents.slice(1);
    const { value } = run(graph, { wants: [merge], haves });
    assert.deepEqual([...value.objects.view()], [merge, parents[0]]);
  });

  it("looks up each tree once, at most 256 in a step", () => {
    const graph = new FakeGraph();
    const subs = Array.from({ length: 2_000 }, () =>
      graph.addTree({
        blobs: [graph.addBlob()],
      }));
    const one = graph.addCommit(graph.addTree({ trees: subs }), [], 1);
    const two = graph.addCommit(
      graph.addTree({ trees: [...subs, graph.addTree({})] }),
      [one],
      2,
    );
    const { value, yields } = run(graph, { wants: [two] });
    assert.equal(value.objects.length, 4_005);
    assert.equal(graph.expanded, 2_003);
    assert.equal(graph.largestCall, 256);
    assert.ok(yields >= 7);
  });

  it("asks for fewer trees at a time where they are large", () => {
    const graph = new FakeGraph();
    graph.bytesPerTree = 1024 * 1024;
    const subs = Array.from({ length: 300 }, () => graph.addTree({}));
    const commit = graph.addCommit(graph.addTree({ trees: subs }), [], 1);
    const { value, yields } = run(graph, { wants: [commit] });
    assert.equal(value.objects.length, 302);
    // 2 MiB to a step, but for the first few.
    assert.ok(graph.largestCall <= 8, `${graph.largestCall} trees in a step`);
    assert.ok(yields >= 140, `${yields} yields`);
  });
});

describe("peel", () => {
  it("answers -1 for a missing target and for a loop", () => {
    const graph = new FakeGraph();
    const blob = graph.addBlob();
    const tag = graph.addTag(graph.addTag(blob));
    assert.equal(peel(graph, tag), blob);
    graph.remove(blob);
    assert.equal(peel(graph, tag), -1);
    const loop = new FakeGraph();
    loop.addTag(loop.addTag(0, loop.format.zero), loop.format.zero);
    assert.equal(peel(loop, 0), -1);
  });
});
