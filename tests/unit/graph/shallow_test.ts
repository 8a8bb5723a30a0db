import assert from "node:assert/strict";
import { join } from "node:path";
import { ObjectSet } from "../../../src/core/object_set.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { addReachedTags } from "../../../src/graph/include_tag.ts";
import { peel } from "../../../src/graph/peel.ts";
import { Negotiation } from "../../../src/graph/reach.ts";
import { select } from "../../../src/graph/select.ts";
import {
  type Boundary,
  deepenByDepth,
  deepenByRevList,
  INFINITE_DEPTH,
  inheritBoundary,
  keepBoundary,
} from "../../../src/graph/shallow.ts";
import { FakeGraph, finishWalk } from "../../support/fake_graph.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git, gitSync } from "../../support/git.ts";
import { lines, objectSet, shallowFile } from "../../support/git_repository.ts";
import { describe, it } from "../../support/test.ts";
import {
  assertSelection,
  branchedHistory,
  type Dates,
  oids,
  pickSome,
  type RandomHistory,
  randomHistory,
  tipsOf,
} from "./random_history.ts";
import { askRealGit } from "./real_upload_pack.ts";

const SEEDS: readonly [number, Dates][] = [
  [31, "rising"],
  [32, "equal"],
  [33, "skewed"],
  [34, "early"],
];

/** A random deepening: the lines for git, and the same for us. */
function randomDeepening(history: RandomHistory): {
  readonly label: string;
  readonly wants: readonly number[];
  readonly clientShallow: readonly number[];
  readonly request: readonly string[];
  readonly capabilities: string;
  readonly walk: () => Generator<number, Boundary, void>;
} {
  const { random, graph, commits, path } = history;
  const refs = lines(
    gitSync(["for-each-ref", "--format=%(objectname) %(refname)"], {
      cwd: path,
    }),
  ).map((line) => ({
    object: graph.find(line.slice(0, 40) as Oid),
    name: line.slice(41),
  }));
  const wants = [
    ...new Set([
      ...pickSome(random, commits, 1, 4),
      ...pickSome(random, refs.map((ref) => ref.object), 0, 2),
    ]),
  ];
  const clientShallow = [...new Set(pickSome(random, commits, 0, 5))];
  const common = { wants, clientShallow, serverShallow: [] };
  const client = clientShallow.map((commit) => `shallow ${graph.oid(commit)}`);
  const at = (
    label: string,
    deepen: string[],
    walk: () => Generator<
      number,
      Boundary,
      void
    >,
    capabilities = "",
  ) => ({
    label,
    wants,
    clientShallow,
    request: [...client, ...deepen],
    capabilities,
    walk,
  });
  const depth = random.int(8) === 0 ? INFINITE_DEPTH : 1 + random.int(7);
  switch (random.int(3)) {
    case 0:
      return at(
        `deepen ${depth}`,
        [`deepen ${depth}`],
        () => deepenByDepth(graph, { ...common, depth, relative: false }),
      );
    case 1:
      return at(
        `deepen-relative ${depth}`,
        [`deepen ${depth}`],
        () =>
          deepenByDepth(graph, {
            ...common,
            depth,
            relative: true,
            tips: refs.map((ref) => ref.object),
          }),
        "deepen-relative",
      );
    default: {
      const since = random.int(3) === 0
        ? undefined
        : graph.commitTime(random.pick(commits));
      const not = since === undefined || random.int(2) === 0
        ? [random.pick(refs), random.pick(refs)]
        : [];
      return at(
        `since ${since} not ${not.map((ref) => ref.name)}`,
        [
          ...(since === undefined ? [] : [`deepen-since ${since}`]),
          ...not.map((ref) => `deepen-not ${ref.name}`),
        ],
        () =>
          deepenByRevList(graph, {
            ...common,
            ...(since === undefined ? {} : { since }),
            not: not.map((ref) => ref.object),
          }),
      );
    }
  }
}

describe("shallow boundaries", () => {
  for (const [seed, dates] of SEEDS) {
    it(`are the real upload-pack's under ${dates} dates (seed ${seed})`, async () => {
      const history = randomHistory(seed, dates);
      const { graph, random, commits } = history;
      for (let turn = 0; turn < 40; turn++) {
        const deepening = randomDeepening(history);
        const where = `seed ${seed} turn ${turn}: ${deepening.label}`;
        const haves = random.int(2) === 0
          ? []
          : [...new Set(pickSome(random, commits, 1, 3))];
        const answer = await askRealGit(history.path, {
          wants: deepening.wants.map((want) => graph.oid(want)),
          capabilities: deepening.capabilities,
          shallow: deepening.request,
          haves: haves.map((have) => graph.oid(have)),
          done: true,
        });
        let boundary: Boundary;
        try {
          boundary = finishWalk(deepening.walk()).value;
        } catch (error) {
          assert.equal(
            answer.stderr.trim(),
            `fatal: ${(error as Error).message}`,
            where,
          );
          continue;
        }
        assert.equal(answer.code, 0, `${where}: ${answer.stderr}`);
        // git repeats commits that it meets twice, and orders by its visits.
        assert.deepEqual(
          [
            ...new Set(
              answer.lines.filter((line) => line.startsWith("shallow ")),
            ),
          ].sort(),
          oids(graph, boundary.shallow).map((oid) => `shallow ${oid}`),
          where,
        );
        assert.deepEqual(
          answer.lines.filter((line) => line.startsWith("unshallow ")),
          boundary.unshallow.map((commit) => `unshallow ${graph.oid(commit)}`),
          where,
        );
        // upload-pack.c: do_got_oid drops haves that it knew from a child.
        const negotiation = new Negotiation(graph, {
          wants: deepening.wants,
          cut: boundary.cut,
        });
        for (const have of haves) negotiation.add(have);
        const { value } = finishWalk(select(graph, {
          wants: [...deepening.wants, ...boundary.extraWants],
          haves: negotiation.haves,
          edges: boundary.edges,
          cut: boundary.cut,
          bases: false,
        }));
        assertSelection(
          history,
          oids(graph, value.objects.view()),
          answer.objects,
          {
            dates,
            haves: [...negotiation.haves, ...boundary.edges],
            cut: boundary.cut,
          },
          where,
        );
      }
    });
  }

  it("are deepened from where git finds that the refs reach them", async () => {
    let unreached = 0;
    for (const seed of [61, 62, 63, 64]) {
      const history = branchedHistory(seed);
      const { graph, random, commits } = history;
      const tips = tipsOf(history);
      for (let turn = 0; turn < 16; turn++) {
        const clientShallow = [...new Set(pickSome(random, commits, 1, 6))];
        const depth = 1 + random.int(8);
        const answer = await askRealGit(history.path, {
          wants: tips.map((tip) => graph.oid(tip)),
          capabilities: "deepen-relative",
          shallow: [
            ...clientShallow.map((commit) => `shallow ${graph.oid(commit)}`),
            `deepen ${depth}`,
          ],
          done: true,
        });
        const where = `seed ${seed} turn ${turn}`;
        assert.equal(answer.code, 0, `${where}: ${answer.stderr}`);
        const { shallow, unshallow } = finishWalk(deepenByDepth(graph, {
          wants: tips,
          clientShallow,
          serverShallow: [],
          depth,
          relative: true,
          tips,
        })).value;
        const expected = answer.lines.filter((line) => /shallow /.test(line));
        assert.deepEqual(
          [
            ...oids(graph, shallow).map((oid) => `shallow ${oid}`),
            ...unshallow.map((commit) => `unshallow ${graph.oid(commit)}`),
          ].sort(),
          [...new Set(expected)].sort(),
          where,
        );
        // All are reached in truth, and those above the roots could go down.
        for (const commit of clientShallow) {
          const isInner = graph.parentCount(commit) > 0;
          if (isInner && !unshallow.includes(commit)) unreached++;
        }
      }
    }
    assert.ok(unreached > 0, "git found all that the refs reach");
  });

  it("are announced in the order of the real upload-pack", async () => {
    const history = randomHistory(41, "rising");
    const { graph } = history;
    let same = 0;
    let all = 0;
    for (let turn = 0; turn < 60; turn++) {
      const deepening = randomDeepening(history);
      const answer = await askRealGit(history.path, {
        wants: deepening.wants.map((want) => graph.oid(want)),
        capabilities: deepening.capabilities,
        shallow: deepening.request,
        done: true,
      });
      if (answer.code !== 0) continue;
      const expected = answer.lines.filter((line) =>
        line.startsWith("shallow ")
      );
      // Where git visits a commit twice its order is an accident.
      if (new Set(expected).size !== expected.length) continue;
      const { shallow } = finishWalk(deepening.walk()).value;
      const actual = shallow.map((commit) => `shallow ${graph.oid(commit)}`);
      all++;
      if (actual.join() === expected.join()) same++;
    }
    assert.ok(all >= 40, `${all} comparisons`);
    assert.equal(same, all);
  });

  it("are the ones in .git/shallow after real clones and fetches", async () => {
    const history = randomHistory(51, "skewed");
    const { graph, path } = history;
    const refs = lines(
      gitSync(["for-each-ref", "--format=%(objectname) %(refname)"], {
        cwd: path,
      }),
    ).filter((line) => line.includes(" refs/heads/"))
      .map((line) => graph.find(line.slice(0, 40) as Oid));
    const wants = [...new Set(refs)];
    const [first] = wants;
    const since = graph.commitTime(history.commits[20] as number);
    const clone = join(temporaryDirectory("shallow"), "clone");
    const options = ["--no-tags", "--no-single-branch", "--bare"];
    await git(["clone", ...options, "--depth=2", `file://${path}`, clone]);
    const state = { shallow: [] as readonly number[] };
    const follow = (
      walk: (
        common: {
          wants: readonly number[];
          clientShallow: readonly number[];
          serverShallow: readonly number[];
        },
      ) => Generator<number, Boundary, void>,
      where: string,
    ): void => {
      const { value } = finishWalk(
        walk({ wants, clientShallow: state.shallow, serverShallow: [] }),
      );
      state.shallow = [
        ...state.shallow.filter((commit) => !value.unshallow.includes(commit)),
        ...value.shallow,
      ];
      assert.deepEqual(oids(graph, state.shallow), shallowFile(clone), where);
    };
    follow(
      (common) =>
        deepenByDepth(graph, { ...common, depth: 2, relative: false }),
      "clone --depth=2",
    );
    const cut = new ObjectSet();
    for (const commit of state.shallow) cut.add(commit);
    const { value } = finishWalk(
      select(graph, { wants, haves: [], cut, bases: false }),
    );
    assert.deepEqual(
      oids(graph, value.objects.view()),
      await objectSet(clone),
    );
    const excluded = lines(
      gitSync(["for-each-ref", "--format=%(refname)", "refs/heads"], {
        cwd: path,
      }),
    )[0] as string;
    const fetch = (option: string) =>
      git(["fetch", "--no-tags", option, "origin", "+refs/heads/*:refs/x/*"], {
        cwd: clone,
      });
    await fetch("--deepen=2");
    follow(
      (common) =>
        deepenByDepth(graph, {
          ...common,
          depth: 2,
          relative: true,
          tips: wants,
        }),
      "fetch --deepen=2",
    );
    await fetch(`--shallow-since=${since}`);
    follow(
      (common) => deepenByRevList(graph, { ...common, since, not: [] }),
      "fetch --shallow-since",
    );
    await fetch("--depth=1");
    follow(
      (common) =>
        deepenByDepth(graph, { ...common, depth: 1, relative: false }),
      "fetch --depth=1",
    );
    await fetch(`--shallow-exclude=${excluded}`);
    follow(
      (common) => deepenByRevList(graph, { ...common, not: [first as number] }),
      "fetch --shallow-exclude",
    );
    await fetch("--unshallow");
    follow(
      (common) =>
        deepenByDepth(graph, {
          ...common,
          depth: INFINITE_DEPTH,
          relative: false,
        }),
      "fetch --unshallow",
    );
    assert.deepEqual(state.shallow, []);
  });

  it("take a ladder of 64 merges and 100,000 commits in linear time", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    let left = graph.addCommit(tree, [], 1);
    let right = graph.addCommit(tree, [], 1);
    let looked = 0;
    for (let i = 2; i < 66; i++) {
      // Paths of different lengths: the left rail has a stop in between.
      const stop = graph.addCommit(tree, [left, right], i);
      [left, right] = [
        graph.addCommit(tree, [right, stop], i),
        graph.addCommit(tree, [left, right, stop], i),
      ];
    }
    const parent = graph.parent.bind(graph);
    graph.parent = (commit, index) => {
      looked++;
      return parent(commit, index);
    };
    const wants = [left, right];
    const none = { clientShallow: [], serverShallow: [] };
    const ladder = finishWalk(deepenByDepth(graph, {
      wants,
      ...none,
      depth: 64,
      relative: false,
    })).value;
    assert.equal(ladder.shallow.length, 3);
    assert.ok(looked < 2_000, `${looked} edges`);
    let tip = left;
    for (let i = 0; i < 100_000; i++) tip = graph.addCommit(tree, [tip], i);
    looked = 0;
    const long = finishWalk(deepenByDepth(graph, {
      wants: [tip],
      ...none,
      depth: 90_000,
      relative: false,
    }));
    assert.equal(long.value.shallow.length, 1);
    assert.ok(looked < 200_000, `${looked} edges`);
    assert.ok(long.yields >= 2 * 21);
  });

  it("of a shallow repository become the reader's", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    const lost = graph.addCommit(tree, [], 1);
    const bottom = graph.addCommit(tree, [lost], 2);
    const middle = graph.addCommit(tree, [bottom], 3);
    const tip = graph.addCommit(tree, [middle], 4);
    graph.remove(lost);
    const fresh = {
      wants: [tip],
      clientShallow: [],
      serverShallow: [bottom],
    };
    const known = { ...fresh, clientShallow: [middle] };
    const depth = INFINITE_DEPTH;
    const shallowOf = (walk: Generator<number, Boundary, void>) => {
      const { shallow, unshallow, cut } = finishWalk(walk).value;
      return [[...shallow], [...unshallow], [...cut]];
    };
    assert.deepEqual(shallowOf(inheritBoundary(graph, fresh)), [
      [bottom],
      [],
      [bottom],
    ]);
    // The reader's own boundary lies above and stays as it is.
    assert.deepEqual(shallowOf(inheritBoundary(graph, known)), [
      [],
      [],
      [bottom, middle],
    ]);
    for (
      const walk of [
        deepenByDepth(graph, { ...known, depth, relative: false }),
        deepenByDepth(graph, {
          ...known,
          depth,
          relative: true,
          tips: [tip],
        }),
        deepenByRevList(graph, { ...known, since: 1, not: [] }),
      ]
    ) {
      assert.deepEqual(shallowOf(walk), [
        [bottom],
        [middle],
        [bottom, middle],
      ]);
    }
    const kept = keepBoundary(known);
    assert.deepEqual([...kept.cut], [bottom, middle]);
    assert.deepEqual(kept.shallow, []);
  });
});

describe("addReachedTags", () => {
  it("adds the whole chain of a tag whose end is in the pack", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({});
    const old = graph.addCommit(tree, [], 1);
    const tip = graph.addCommit(tree, [old], 2);
    const inner = graph.addTag(tip);
    const outer = graph.addTag(inner);
    const other = graph.addTag(old);
    const { value } = finishWalk(select(graph, {
      wants: [tip],
      haves: [old],
      cut: new ObjectSet(),
      bases: false,
    }));
    const tags = [outer, inner, other, tip];
    addReachedTags(
      graph,
      value,
      tags.map((tag) => ({ tag, peeled: peel(graph, tag) })),
    );
    assert.deepEqual([...value.objects.view()], [tip, outer, inner]);
    assert.ok(value.members.has(inner));
  });
});
