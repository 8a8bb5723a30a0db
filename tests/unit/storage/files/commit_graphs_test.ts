import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../../src/core/oid.ts";
import type { Oid } from "../../../../src/core/oid.ts";
import { reachedFrom } from "../../../../src/graph/reach.ts";
import { select } from "../../../../src/graph/select.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { FileRepository } from "../../../../src/storage/files/repository.ts";
import type { ObjectStore } from "../../../../src/storage/types.ts";
import { objectStoreContract } from "../../../contract/object_store.ts";
import {
  GRAPH_KINDS,
  graphHistory,
  type GraphKind,
  graphPaths,
  loggedCommits,
  writeGraph,
} from "../../../support/commit_graphs.ts";
import { finishWalk } from "../../../support/fake_graph.ts";
import {
  buildFixture,
  copyRepository,
  importStream,
} from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { FastImport, FIRST_DATE } from "../../../support/fixture_history.ts";
import { gitSync } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { failureOf, keepingLogger, KERNELS, layoutOf } from "./support.ts";

const OFF = [["core.commitgraph", "false"]] as const;

function open(
  path: string,
  format: ObjectFormat = SHA1,
  config: readonly (readonly [string, string])[] = [],
): { repository: FileRepository; lines: string[] } {
  const { logger, lines } = keepingLogger();
  const repository = new FileRepository({
    layout: layoutOf(path),
    format,
    config,
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger,
  });
  return { repository, lines };
}

async function storeOf(...args: Parameters<typeof open>): Promise<ObjectStore> {
  return (await open(...args).repository.snapshot()).objects;
}

const histories = new Map<ObjectFormat, string>();

/** A repository that a test may change, without a commit-graph. */
function history(format: ObjectFormat = SHA1): string {
  let path = histories.get(format);
  if (path === undefined) {
    const directory = temporaryDirectory("history");
    path = graphHistory(join(directory, "history.git"), format.name, 81);
    histories.set(format, path);
  }
  return copyRepository(path, join(temporaryDirectory("copy"), "copy.git"));
}

/** Every commit's columns as text: equal for equal answers. */
function tell(store: ObjectStore, oids: readonly string[]): string[] {
  return oids.map((oid) => {
    const commit = store.find(oid as Oid);
    const parents = Array.from(
      { length: store.parentCount(commit) },
      (_, i) => store.oid(store.parent(commit, i)),
    );
    const tree = store.oid(store.commitTree(commit));
    return [oid, tree, store.commitTime(commit), ...parents].join(" ");
  });
}

function logged(path: string): string[] {
  return loggedCommits(path).map(({ oid, tree, time, parents }) =>
    [oid, tree, time, ...parents].join(" ")
  );
}

/** Damages every pack, so that what was not copied from a graph fails. */
function blind(path: string): void {
  const packs = join(path, "objects/pack");
  for (const name of readdirSync(packs)) {
    if (!name.endsWith(".pack")) continue;
    chmodSync(join(packs, name), 0o644);
    const bytes = readFileSync(join(packs, name));
    writeFileSync(join(packs, name), bytes.fill(0, 12, bytes.length - 32));
  }
}

/** Whether the commits of a repository are read from its commit-graph. */
async function usesGraph(
  path: string,
  config: readonly (readonly [string, string])[] = [],
): Promise<boolean> {
  const oids = loggedCommits(path).map(({ oid }) => oid);
  const copy = copyRepository(path, join(temporaryDirectory("blind"), "b.git"));
  blind(copy);
  const store = await storeOf(copy, SHA1, config);
  try {
    return tell(store, oids).length > 0;
  } catch {
    return false;
  }
}

function pickSome(random: Random, from: readonly string[]): string[] {
  return Array.from({ length: 1 + random.int(3) }, () => random.pick(from));
}

/** What `select` and `reachedFrom` come to, as text. */
function walk(
  store: ObjectStore,
  wants: readonly string[],
  haves: readonly string[],
): string {
  const find = (oid: string) => store.find(oid as Oid);
  const { objects } = finishWalk(select(store, {
    wants: wants.map(find),
    haves: haves.map(find),
    cut: new ObjectSet(),
    bases: true,
  })).value;
  const targets = new ObjectSet();
  for (const have of haves) targets.add(find(have));
  const reached = finishWalk(reachedFrom(store, wants.map(find), targets));
  return [
    ...[...objects.view()].map((number) => store.oid(number)).sort(),
    "reached",
    ...[...reached.value].map((number) => store.oid(number)).sort(),
  ].join("\n");
}

for (const format of [SHA1, SHA256]) {
  const fixture = join(temporaryDirectory("fixture"), "fixture.git");
  buildFixture({ path: fixture, format: format.name, pulls: 3 });
  for (const kind of ["one file", "a chain"] as const) {
    const path = copyRepository(
      fixture,
      join(temporaryDirectory("f"), "f.git"),
    );
    writeGraph(path, kind);
    objectStoreContract(
      `files with a commit-graph: ${kind}, ${format.name}`,
      () => ({
        open: () => storeOf(path, format),
        format,
        repository: path,
        kernels: KERNELS,
      }),
    );
  }
}

describe("A commit-graph", () => {
  for (const format of [SHA1, SHA256]) {
    for (const kind of GRAPH_KINDS) {
      it(`changes no walk: ${kind}, ${format.name} (seed 82)`, async () => {
        const path = history(format);
        writeGraph(path, kind);
        // Newer commits, which the graph does not know.
        const stream = new FastImport();
        stream.commit({
          ref: "refs/heads/main",
          parents: ["refs/heads/main^0", "refs/heads/dev^0"],
          date: FIRST_DATE + 9_000,
          changes: [stream.file("new", "new\n")],
        });
        importStream(path, stream, "loose");
        const oids = loggedCommits(path).map(({ oid }) => oid);
        const random = seeded(82);
        for (let turn = 0; turn < 12; turn++) {
          const wants = pickSome(random, oids);
          const haves = pickSome(random, oids);
          assert.equal(
            walk(await storeOf(path, format), wants, haves),
            walk(await storeOf(path, format, OFF), wants, haves),
            `seed ${random.seed} turn ${turn}`,
          );
        }
        const store = await storeOf(path, format);
        assert.deepEqual(tell(store, oids), logged(path));
      });
    }
  }

  for (const kind of GRAPH_KINDS) {
    it(`is what commits are read from: ${kind}`, async () => {
      const path = history();
      assert.ok(!(await usesGraph(path)));
      writeGraph(path, kind);
      assert.ok(await usesGraph(path));
    });
  }

  it("is left alone by core.commitGraph, by shallow and by grafts", async () => {
    const path = history();
    writeGraph(path, "one file");
    assert.ok(!(await usesGraph(path, OFF)));
    writeFileSync(join(path, "info/grafts"), "");
    assert.ok(await usesGraph(path));
    const tip = gitSync(["rev-parse", "refs/heads/main"], { cwd: path });
    writeFileSync(join(path, "info/grafts"), tip);
    assert.ok(!(await usesGraph(path)));
    rmSync(join(path, "info/grafts"));
    writeFileSync(join(path, "shallow"), "");
    assert.ok(!(await usesGraph(path)));
    rmSync(join(path, "shallow"));
    assert.ok(await usesGraph(path));
    const store = await storeOf(path, SHA1, [["core.commitgraph", "maybe"]]);
    const commit = store.find(tip.trim() as Oid);
    for (let i = 0; i < 2; i++) {
      await failureOf(() => store.commitTree(commit), "bad-config");
    }
  });

  it("is borrowed from alternates, whole or as the base of a chain", async () => {
    const lender = history();
    writeGraph(lender, "one file");
    const path = join(temporaryDirectory("borrower"), "borrower.git");
    gitSync(["clone", "-q", "--bare", "--shared", lender, path]);
    const oids = loggedCommits(path).map(({ oid }) => oid);
    blind(lender);
    assert.equal(tell(await storeOf(path), oids).length, oids.length);

    const base = history();
    writeGraph(base, "a chain");
    const upper = join(temporaryDirectory("borrower"), "borrower.git");
    gitSync(["clone", "-q", "--bare", "--shared", base, upper]);
    const stream = new FastImport();
    stream.commit({
      ref: "refs/heads/main",
      parents: ["refs/heads/main^0"],
      date: FIRST_DATE + 9_000,
      changes: [stream.file("new", "new\n")],
    });
    importStream(upper, stream, "packed");
    gitSync(
      ["commit-graph", "write", "--reachable", "--split=no-merge"],
      { cwd: upper },
    );
    assert.equal(graphPaths(upper).length, 1, "the base is the lender's");
    const all = loggedCommits(upper).map(({ oid }) => oid);
    blind(base);
    blind(upper);
    assert.equal(tell(await storeOf(upper), all).length, all.length);
  });

  it("does not make up commits that were pruned", async () => {
    const path = history();
    writeGraph(path, "one file");
    const [gone] = lines(
      gitSync(["rev-list", "refs/heads/future"], { cwd: path }),
    );
    gitSync(["update-ref", "-d", "refs/heads/future"], { cwd: path });
    gitSync(["-c", "gc.writeCommitGraph=false", "gc", "-q", "--prune=now"], {
      cwd: path,
    });
    const store = await storeOf(path);
    assert.equal(store.find(gone as Oid), -1);
    const number = store.intern(gone as Oid);
    assert.ok(!store.has(number));
    await failureOf(() => store.commitTree(number), "missing-object");
    await failureOf(() => store.parentCount(number), "missing-object");
    assert.deepEqual(
      tell(store, loggedCommits(path).map(({ oid }) => oid)),
      logged(path),
    );
  });

  it("is seen by the next snapshot when it comes, and when it goes", async () => {
    const path = history();
    const oids = loggedCommits(path).map(({ oid }) => oid);
    const [first = "", second = "", third = ""] = oids;
    const { repository } = open(path);
    const generation = async (oid: string): Promise<number> => {
      using snapshot = await repository.snapshot();
      const { objects } = snapshot;
      return objects.generation?.(objects.find(oid as Oid)) ?? -1;
    };
    assert.equal(await generation(first), Infinity);
    writeGraph(path, "generation numbers v1");
    const held = await repository.snapshot();
    assert.ok(held.objects.count > 0);
    assert.equal(await generation(first), 1);
    assert.notEqual(await generation(second), Infinity);
    rmSync(join(path, "objects/info/commit-graph"));
    // Not while anyone walks.
    assert.notEqual(await generation(third), Infinity);
    held[Symbol.dispose]();
    assert.equal(await generation(third), Infinity);
    assert.equal(await generation(first), Infinity);
  });

  it("costs one line in the log and no answer where it is broken (seed 83)", async () => {
    const random = seeded(83);
    for (const kind of ["one file", "a chain"] as GraphKind[]) {
      const path = history();
      writeGraph(path, kind);
      const expected = logged(path);
      const oids = loggedCommits(path).map(({ oid }) => oid);
      const victims = graphPaths(path);
      for (let turn = 0; turn < 60; turn++) {
        const victim = random.pick(victims);
        const whole = readFileSync(victim);
        let broken = Uint8Array.from(whole);
        if (random.int(2) === 0) {
          broken = broken.slice(0, random.int(whole.length));
        } else {
          const at = random.int(whole.length);
          broken[at] = (broken[at] as number) ^ (1 << random.int(8));
        }
        rmSync(victim);
        writeFileSync(victim, broken);
        const where = `seed ${random.seed} turn ${turn} ${victim}`;
        const { repository, lines } = open(path);
        for (let i = 0; i < 2; i++) {
          using snapshot = await repository.snapshot();
          assert.deepEqual(tell(snapshot.objects, oids), expected, where);
        }
        assert.equal(lines.length, 1, `${where}\n${lines.join("\n")}`);
        assert.match(lines[0] ?? "", /commit-graph/, where);
        rmSync(victim);
        writeFileSync(victim, whole);
      }
    }
  });

  it("is given up where its checksum is right and a parent is not", async () => {
    const path = history();
    writeGraph(path, "one file");
    const [victim = ""] = graphPaths(path);
    const bytes = Uint8Array.from(readFileSync(victim));
    const oids = loggedCommits(path).map(({ oid }) => oid);
    // The rows of the last ten commits, before the chunks of generations.
    const rows = new TextDecoder("latin1").decode(bytes).indexOf("CDAT");
    const start = new DataView(bytes.buffer).getUint32(rows + 8);
    for (let i = oids.length - 10; i < oids.length; i++) {
      bytes.fill(0x55, start + i * 36 + 20, start + i * 36 + 24);
    }
    const hash = KERNELS.hash(SHA1);
    hash.update(bytes.subarray(0, -20));
    bytes.set(hash.digest(), bytes.length - 20);
    rmSync(victim);
    writeFileSync(victim, bytes);
    const { lines: told, repository } = open(path);
    for (let i = 0; i < 2; i++) {
      using snapshot = await repository.snapshot();
      assert.deepEqual(tell(snapshot.objects, oids), logged(path));
    }
    assert.equal(told.length, 1, told.join("\n"));
    assert.match(told[0] ?? "", /has a parent outside itself/);
  });

  it("is used up to the layer that is missing or not named", async () => {
    const path = history();
    writeGraph(path, "a chain");
    const oids = loggedCommits(path).map(({ oid }) => oid);
    const chain = join(path, "objects/info/commit-graphs/commit-graph-chain");
    const hashes = lines(readFileSync(chain, "latin1"));
    const [base, middle] = hashes;
    const known = async (): Promise<number> => {
      const store = await storeOf(path);
      return oids.filter((oid) =>
        store.generation?.(store.find(oid as Oid)) !== Infinity
      ).length;
    };
    const write = (...rows: (string | undefined)[]): void =>
      writeFileSync(chain, rows.map((row) => `${row}\n`).join(""));
    const counts: number[] = [await known()];
    write(base, middle, "f".repeat(40));
    counts.push(await known());
    write(base, `../${middle}`.slice(0, 40), hashes[2]);
    counts.push(await known());
    write("", base);
    counts.push(await known());
    const [all = 0, two = 0, one = 0, none = 0] = counts;
    assert.equal(all, oids.length);
    assert.ok(all > two && two > one && one > none, counts.join(" "));
    assert.equal(none, 0);
    const { lines: told, repository } = open(path);
    using snapshot = await repository.snapshot();
    assert.deepEqual(tell(snapshot.objects, oids), logged(path));
    assert.equal(told.length, 1);
    assert.match(
      told[0] ?? "",
      /^invalid commit-graph chain: line '' not a hash/,
    );
  });

  it("may be no file at all", async () => {
    const path = history();
    mkdirSync(join(path, "objects/info/commit-graph"), { recursive: true });
    const oids = loggedCommits(path).map(({ oid }) => oid);
    const { lines: told, repository } = open(path);
    using snapshot = await repository.snapshot();
    assert.deepEqual(tell(snapshot.objects, oids), logged(path));
    assert.equal(told.length, 1, told.join("\n"));
  });

  it("falls back to the chain beside a single file that is broken", async () => {
    const path = history();
    writeGraph(path, "a chain");
    const directory = join(path, "objects/info");
    renameSync(
      join(directory, "commit-graphs"),
      join(directory, "aside"),
    );
    writeGraph(path, "one file");
    rmSync(join(directory, "commit-graph"));
    writeFileSync(join(directory, "commit-graph"), "CGPH");
    renameSync(
      join(directory, "aside"),
      join(directory, "commit-graphs"),
    );
    assert.ok(await usesGraph(path));
  });
});
