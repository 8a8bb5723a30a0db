import assert from "node:assert/strict";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileSystemBackend } from "../../../src/compose/files.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { findIncomplete } from "../../../src/graph/connectivity.ts";
import { isAncestor } from "../../../src/graph/reach.ts";
import { FakeGraph, finishWalk } from "../../support/fake_graph.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { gitSync, tryGit } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { describe, it } from "../../support/test.ts";
import {
  oids,
  pickSome,
  type RandomHistory,
  randomHistory,
} from "./random_history.ts";

/** A copy of a history's repository without refs, all objects loose. */
function looseCopy(history: RandomHistory): string {
  const path = join(temporaryDirectory("connectivity"), "loose.git");
  gitSync(["init", "-q", "--bare", path]);
  const pack = join(temporaryDirectory("connectivity"), "all");
  const ids = [
    ...history.commits,
    ...history.tags,
    ...history.trees,
    ...history.blobs,
  ];
  const base = gitSync(["pack-objects", "-q", pack], {
    cwd: history.path,
    input: oids(history.graph, ids).map((oid) => `${oid}\n`).join(""),
  }).trim();
  gitSync(["unpack-objects", "-q"], {
    cwd: path,
    input: readFileSync(`${pack}-${base}.pack`),
  });
  return path;
}

function setRefs(path: string, values: readonly string[]): void {
  const width = String(values.length).length;
  const text = values.map((oid, i) =>
    `${oid} refs/heads/k${String(i).padStart(width, "0")}\n`
  );
  writeFileSync(join(path, "packed-refs"), text.join(""));
}

function loosePath(repository: string, oid: string): string {
  return join(repository, "objects", oid.slice(0, 2), oid.slice(2));
}

async function ask(
  path: string,
  tips: readonly string[],
  known: readonly string[],
  {
    likely = [] as readonly string[],
    shallow = [] as readonly string[],
    count = known.length,
  } = {},
): Promise<Set<string>> {
  const backend = new FileSystemBackend(path);
  const repository = await backend.openDirectory(path, "strict");
  using snapshot = await repository.snapshot();
  const { value } = finishWalk(findIncomplete(snapshot.objects, {
    tips: tips as Oid[],
    known: {
      likely: likely as Oid[],
      count,
      all: () => known as Oid[],
    },
    shallow: shallow as Oid[],
  }));
  return new Set(value);
}

describe("findIncomplete", () => {
  for (const seed of [1, 2]) {
    it(`agrees with rev-list where objects were lost (seed ${seed})`, async () => {
      const history = randomHistory(seed, seed === 1 ? "rising" : "skewed", 40);
      const { graph, random } = history;
      const path = looseCopy(history);
      const reach = reaches(history.path);
      const all = oids(graph, [
        ...history.commits,
        ...history.tags,
        ...history.trees,
        ...history.blobs,
      ]);
      const aside = temporaryDirectory("aside");
      let bad = 0;
      for (let turn = 0; turn < 20; turn++) {
        const where = `seed ${seed} turn ${turn}`;
        const candidates = [...history.commits, ...history.tags];
        const known = oids(graph, pickSome(random, candidates, 0, 2));
        const tips = [
          ...new Set(oids(graph, pickSome(random, candidates, 1, 4))),
        ];
        const lost = new Set(
          Array.from(
            { length: 1 + random.int(4) },
            (_, i) =>
              random.pick(i === 0 ? all : [...reach(random.pick(tips))]),
          )
            .filter((oid) => !known.includes(oid)),
        );
        for (const oid of lost) {
          renameSync(loosePath(path, oid), join(aside, oid));
        }
        setRefs(path, known);
        const told = await ask(path, tips, known);
        const many = { likely: known.slice(0, turn % 2), count: 1_000_000 };
        assert.deepEqual(await ask(path, tips, known, many), told, where);
        const had = new Set(known.flatMap((oid) => [...reach(oid)]));
        for (const tip of tips) {
          const { code } = await tryGit(
            ["rev-list", "--objects", "--quiet", tip, "--not", "--all"],
            { cwd: path },
          );
          const lacks = [...reach(tip)].some((oid) =>
            lost.has(oid) && !had.has(oid)
          );
          const said = told.has(tip) ? "incomplete" : "complete";
          if (code === 0) assert.equal(said, "complete", `${tip} ${where}`);
          // git may miss that a known tip reaches what is lost.
          if (lacks) assert.equal(said, "incomplete", `${tip} ${where}`);
          if (lacks) bad++;
        }
        for (const oid of lost) {
          renameSync(join(aside, oid), loosePath(path, oid));
        }
      }
      assert.ok(bad > 10, `only ${bad} bad tips`);
    });
  }

  it("finds every kind of thing that is missing or of another kind", async () => {
    const path = join(temporaryDirectory("connectivity"), "kinds.git");
    gitSync(["init", "-q", "--bare", path]);
    const put = (kind: string, input: string): string =>
      gitSync(["hash-object", "-w", "--literally", "-t", kind, "--stdin"], {
        cwd: path,
        input,
      }).trim();
    const raw = (oid: string): string =>
      oid.replace(/../g, (hex) => String.fromCharCode(parseInt(hex, 16)));
    const gone = "12".repeat(20);
    const who = "A <a@b> 1600000000 +0000";
    const commit = (tree: string, ...parents: string[]): string =>
      put(
        "commit",
        `tree ${tree}\n${parents.map((p) => `parent ${p}\n`).join("")}` +
          `author ${who}\ncommitter ${who}\n\nx\n`,
      );
    const tag = (target: string, kind: string): string =>
      put(
        "tag",
        `object ${target}\ntype ${kind}\ntag t\ntagger ${who}\n\nx\n`,
      );
    const blob = put("blob", "x");
    const tree = put("tree", `100644 f\0${raw(blob)}`);
    const good = commit(tree);
    const bad = [
      gone,
      commit(gone),
      commit(blob),
      commit(good),
      commit(tree, gone),
      commit(tree, tree),
      commit(tree, good, blob),
      commit(put("tree", `100644 f\0${raw(gone)}`)),
      commit(put("tree", `40000 f\0${raw(gone)}`)),
      commit(put("tree", `40000 f\0${raw(blob)}`)),
      commit(put("tree", `100644 f\0${raw(tree)}`)),
      commit(put("tree", "100644 f\0short")),
      put("tree", `40000 d\0${raw(gone)}`),
      put("commit", "tree of nothing\n"),
      tag(gone, "blob"),
      tag(blob, "commit"),
      tag(tag(gone, "commit"), "tag"),
      tag(good, "tag"),
    ];
    const fine = [
      good,
      tree,
      blob,
      commit(tree, good),
      commit(put("tree", `160000 s\0${raw(gone)}`)),
      commit(put("tree", "")),
      tag(blob, "blob"),
      tag(tag(good, "commit"), "tag"),
    ];
    for (const known of [[], [good]]) {
      setRefs(path, known);
      const told = await ask(path, [...fine, ...bad], known);
      assert.deepEqual([...told].sort(), [...bad].sort());
      for (const tip of fine) {
        assert.deepEqual(await ask(path, [tip], known), new Set(), tip);
      }
      for (const tip of bad) {
        assert.deepEqual(await ask(path, [tip], known), new Set([tip]), tip);
      }
    }
    const cut = commit(tree, gone);
    const above = commit(tree, cut);
    assert.deepEqual(
      await ask(path, [above], [], { shallow: [cut] }),
      new Set(),
    );
    assert.deepEqual(await ask(path, [above], []), new Set([above]));
  });

  it("looks at the trees that changed and at no others", () => {
    const graph = new FakeGraph();
    const leaves = Array.from(
      { length: 100 },
      () => graph.addTree({ blobs: [graph.addBlob()] }),
    );
    const before = graph.addCommit(graph.addTree({ trees: leaves }), [], 1);
    const changed = graph.addTree({ blobs: [graph.addBlob()] });
    const after = graph.addCommit(
      graph.addTree({ trees: [...leaves.slice(1), changed] }),
      [before],
      2,
    );
    const question = {
      tips: [graph.oid(after)],
      known: {
        likely: [graph.oid(before)],
        count: 100_000,
        all: (): Iterable<Oid> => assert.fail("all known tips were asked for"),
      },
      shallow: [],
    };
    const { value } = finishWalk(findIncomplete(graph, question));
    assert.equal(value.size, 0);
    assert.equal(graph.expanded, 4);
  });

  it("reads none of many known tips but the nearest", () => {
    const graph = new FakeGraph();
    const tree = graph.addTree({ blobs: [graph.addBlob()] });
    const oldest = graph.addCommit(tree, [], 1);
    const below = graph.addCommit(tree, [oldest], 2);
    const old = graph.addCommit(tree, [below], 3);
    const tip = graph.addCommit(
      graph.addTree({ blobs: [graph.addBlob()] }),
      [old],
      4,
    );
    const absent = Array.from(
      { length: 1000 },
      (_, i) => (0x10000 + i).toString(16).padStart(40, "f") as Oid,
    );
    const count = graph.count;
    graph.remove(oldest);
    const { value } = finishWalk(findIncomplete(graph, {
      tips: [graph.oid(tip)],
      known: {
        likely: [],
        count: 1001,
        all: () => [...absent, graph.oid(below)],
      },
      shallow: [],
    }));
    assert.equal(value.size, 0);
    assert.equal(graph.count, count);
  });

  it("does not walk for each of thousands of bad tips", () => {
    const graph = new FakeGraph();
    const gone = graph.addBlob();
    const broken = graph.addTree({ blobs: [gone] });
    const tips = Array.from(
      { length: 5000 },
      (_, i) => graph.addCommit(broken, [], i),
    );
    graph.remove(gone);
    const { value } = finishWalk(findIncomplete(graph, {
      tips: tips.map((tip) => graph.oid(tip)),
      known: { likely: [], count: 0, all: () => [] },
      shallow: [],
    }));
    assert.equal(value.size, 5000);
    assert.ok(graph.expanded < 1000, `${graph.expanded} trees`);
  });
});

describe("isAncestor", () => {
  it("agrees with merge-base --is-ancestor", async () => {
    const history = randomHistory(5, "skewed", 40);
    const { graph, random, commits, path } = history;
    for (let turn = 0; turn < 60; turn++) {
      const old = random.pick(commits);
      const next = random.pick(commits);
      const { code } = await tryGit(
        ["merge-base", "--is-ancestor", graph.oid(old), graph.oid(next)],
        { cwd: path },
      );
      const { value } = finishWalk(isAncestor(graph, old, next));
      assert.equal(value, code === 0, `seed 5 turn ${turn}`);
    }
  });
});

/** The ids that one reaches in an intact repository. */
function reaches(path: string): (oid: string) => ReadonlySet<string> {
  const known = new Map<string, ReadonlySet<string>>();
  return (oid) => {
    let set = known.get(oid);
    if (set === undefined) {
      set = new Set(lines(
        gitSync(["rev-list", "--objects", "--no-object-names", oid], {
          cwd: path,
        }),
      ));
      known.set(oid, set);
    }
    return set;
  };
}
