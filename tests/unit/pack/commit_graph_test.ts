import assert from "node:assert/strict";
import { join } from "node:path";
import { toHex, writeUint32 } from "../../../src/core/bytes.ts";
import { StorageError } from "../../../src/core/errors.ts";
import {
  type ObjectFormat,
  type Oid,
  oidToRaw,
  SHA1,
  SHA256,
} from "../../../src/core/oid.ts";
import {
  CommitGraph,
  CommitGraphLayer,
} from "../../../src/pack/commit_graph.ts";
import {
  GRAPH_KINDS,
  graphFiles,
  graphHistory,
  type GraphKind,
  type LoggedCommit,
  loggedCommits,
  writeGraph,
} from "../../support/commit_graphs.ts";
import { copyRepository } from "../../support/fixture.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const SEED = 71;
const CORRUPT = "corrupt-commit-graph";

interface Subject {
  readonly files: readonly Uint8Array<ArrayBuffer>[];
  readonly log: readonly LoggedCommit[];
}

const histories = new Map<ObjectFormat, string>();

function subject(format: ObjectFormat, kind: GraphKind): Subject {
  const directory = temporaryDirectory("graph");
  let history = histories.get(format);
  if (history === undefined) {
    history = graphHistory(join(directory, "history"), format.name, SEED);
    histories.set(format, history);
  }
  const path = copyRepository(history, join(directory, "copy"));
  writeGraph(path, kind);
  return { files: graphFiles(path), log: loggedCommits(path) };
}

function open(
  files: readonly Uint8Array[],
  format: ObjectFormat,
): CommitGraph {
  return new CommitGraph(
    files.map((file) => new CommitGraphLayer(file, format)),
    format,
  );
}

function positionOf(graph: CommitGraph, oid: string): number {
  return graph.find(oidToRaw(oid as Oid), 0);
}

/** A commit as the graph tells it. */
function tell(
  graph: CommitGraph,
  position: number,
  format: ObjectFormat,
): LoggedCommit {
  const raw = new Uint8Array(format.rawLength);
  graph.readId(position, raw);
  const oid = toHex(raw);
  graph.readTree(position, raw);
  const tree = toHex(raw);
  graph.readParents(position);
  const parents = [...graph.parents.view()].map((parent) => {
    graph.readId(parent, raw);
    return toHex(raw);
  });
  return { oid, tree, time: graph.time(position), parents };
}

/** commit-graph.c: compute_generation_from_max, for both numbers. */
function generations(
  log: readonly LoggedCommit[],
  which: "levels" | "corrected dates",
): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { oid, time, parents } of log) {
    const above = parents.map((parent) => (numbers.get(parent) ?? 0) + 1);
    numbers.set(oid, Math.max(which === "levels" ? 1 : time, ...above));
  }
  return numbers;
}

for (const format of [SHA1, SHA256]) {
  for (const kind of GRAPH_KINDS) {
    it(`a commit-graph tells what git's log tells: ${kind}, ${format.name}`, () => {
      const { files, log } = subject(format, kind);
      assert.equal(files.length, kind === "a chain" ? 3 : 1);
      assert.ok(log.some(({ parents }) => parents.length > 2), "no octopus");
      const graph = open(files, format);
      assert.equal(graph.count, log.length);
      const levels = generations(log, "levels");
      const numbers = kind === "generation numbers v1"
        ? levels
        : generations(log, "corrected dates");
      for (const commit of log) {
        const position = positionOf(graph, commit.oid);
        assert.deepEqual(tell(graph, position, format), commit);
        assert.equal(graph.level(position), levels.get(commit.oid));
        assert.equal(graph.generation(position), numbers.get(commit.oid));
      }
      const unknown = oidToRaw(log[0]?.oid as Oid);
      unknown[5] = (unknown[5] as number) ^ 1;
      assert.equal(graph.find(unknown, 0), -1);
      assert.throws(() => graph.time(graph.count), RangeError);
      assert.throws(() => graph.time(-1), RangeError);
    });
  }
}

/** Where a chunk's row in the table of contents stands. */
function rowOf(file: Uint8Array, id: string): number {
  for (let row = 8;; row += 12) {
    const name = String.fromCharCode(...file.subarray(row, row + 4));
    if (name === id) return row;
    assert.notEqual(name, "\0\0\0\0", `${id} is not there`);
  }
}

/** Where a chunk starts. */
function chunkAt(file: Uint8Array, id: string): number {
  return new DataView(file.buffer).getUint32(rowOf(file, id) + 8);
}

const MALFORMED: readonly [string, (file: Uint8Array) => void, RegExp][] = [
  ["signature", (f) => f.fill(0, 0, 1), /does not match its signature/],
  ["version", (f) => f.fill(2, 4, 5), /has version 2/],
  ["hash version", (f) => f.fill(9, 5, 6), /has hash version 9/],
  ["number of chunks, up", (f) => f.fill(7, 6, 7), /chunks|chunk offsets/],
  ["number of chunks, down", (f) => f.fill(2, 6, 7), /no end of its chunks/],
  ["chunks beyond the file", (f) => f.fill(255, 6, 7), /chunk/],
  ["base graphs", (f) => f.fill(1, 7, 8), /missing its base graphs/],
  ["early end", (f) => f.fill(0, 8, 12), /ends its chunks early/],
  ["no fan-out", (f) => f.fill(65, 8, 12), /missing its fan-out/],
  ["a chunk twice", (f) => f.copyWithin(20, 8, 12), /a chunk twice/],
  [
    "chunk offset beyond 2^53",
    (f) => f.fill(255, rowOf(f, "OIDL") + 4, rowOf(f, "OIDL") + 8),
    /improper chunk offsets/,
  ],
  [
    "chunk in the table",
    (f) => writeUint32(f, rowOf(f, "OIDF") + 8, 8),
    /improper chunk offsets/,
  ],
  [
    "short chunk of commits",
    (f) => writeUint32(f, rowOf(f, "CDAT") + 8, chunkAt(f, "CDAT") + 1),
    /wrong size of its/,
  ],
  [
    "fan-out",
    (f) => f.fill(255, chunkAt(f, "OIDF"), chunkAt(f, "OIDF") + 4),
    /fan-out out of order/,
  ],
  [
    "more commits than ids",
    (f) => f.fill(255, chunkAt(f, "OIDF") + 1020, chunkAt(f, "OIDF") + 1024),
    /wrong size of its ids/,
  ],
];

describe("A malformed commit-graph", () => {
  const { files, log } = subject(SHA1, "one file");
  const file = files[0] as Uint8Array<ArrayBuffer>;

  for (const [what, change, message] of MALFORMED) {
    it(`is refused: ${what}`, () => {
      const changed = file.slice();
      change(changed);
      assert.throws(() => open([changed], SHA1), {
        name: "StorageError",
        code: CORRUPT,
        message,
      });
    });
  }

  it("is refused in another format, empty, and without layers", () => {
    for (const length of [0, 8, 39]) {
      const part = file.subarray(0, length);
      assert.throws(() => open([part], SHA1), { code: CORRUPT });
    }
    assert.throws(() => open([file], SHA256), { code: CORRUPT });
    assert.throws(() => open([], SHA1), { code: CORRUPT });
  });

  it("is found where a parent, an edge or a generation is outside", () => {
    const octopus = log.find(({ parents }) => parents.length > 2)?.oid ?? "";
    const row = (f: Uint8Array) =>
      chunkAt(f, "CDAT") + positionOf(open([file], SHA1), octopus) * 36 + 20;
    const changes: ((f: Uint8Array) => void)[] = [
      (f) => writeUint32(f, row(f), log.length),
      (f) => writeUint32(f, row(f) + 4, log.length),
      (f) => writeUint32(f, row(f) + 4, 0xffffffff),
      // Without the bit that ends it, the list runs out of its chunk.
      (f) => f.fill(0, chunkAt(f, "EDGE"), chunkAt(f, "EDGE") + 4 * 40),
    ];
    for (const [i, change] of changes.entries()) {
      const changed = file.slice();
      change(changed);
      const graph = open([changed], SHA1);
      const position = positionOf(graph, octopus);
      const read = () => graph.readParents(position);
      assert.throws(read, { code: CORRUPT }, `change ${i}`);
    }
    const changed = file.slice();
    const position = positionOf(open([file], SHA1), octopus);
    writeUint32(changed, chunkAt(file, "GDA2") + position * 4, 0x80000100);
    const graph = open([changed], SHA1);
    assert.throws(() => graph.generation(position), { code: CORRUPT });
  });

  it("is refused as a layer of a chain that it does not name", () => {
    const { files } = subject(SHA1, "a chain");
    const [base, middle, top] = files;
    assert.ok(base && middle && top);
    for (const layers of [[top], [base, top], [middle, base, top]]) {
      assert.throws(() => open(layers, SHA1), {
        code: CORRUPT,
        message: /does not match its chain/,
      });
    }
    assert.ok(open([base, middle], SHA1).count < log.length);
  });

  it("never does worse than a StorageError (seed 72)", () => {
    for (const format of [SHA1, SHA256]) {
      const { files } = subject(format, "a chain");
      const random = seeded(72);
      let refused = 0;
      let read = 0;
      for (let turn = 0; turn < 1500; turn++) {
        const broken = files.map((each) => each.slice());
        const victim = random.pick(broken);
        for (let i = random.int(4); i >= 0; i--) {
          // Half of the changes where the frame is.
          const limit = random.int(2) === 0 ? 1200 : victim.length;
          victim[random.int(limit)] = random.int(256);
        }
        if (random.int(4) === 0) {
          const at = broken.indexOf(victim);
          broken[at] = victim.slice(0, random.int(victim.length));
        }
        const where = `seed ${random.seed} turn ${turn} ${format.name}`;
        try {
          const graph = open(broken, format);
          for (let i = 0; i < 40; i++) {
            const position = random.int(graph.count);
            const commit = tell(graph, position, format);
            assert.ok(commit.time < 2 ** 34, where);
            assert.ok(graph.generation(position) >= 0, where);
            const at = graph.find(oidToRaw(commit.oid as Oid), 0);
            assert.ok(at >= -1 && at < graph.count, where);
          }
          read++;
        } catch (error) {
          assert.ok(error instanceof StorageError, `${where}: ${error}`);
          assert.equal(error.code, CORRUPT, where);
          refused++;
        }
      }
      assert.ok(refused > 100 && read > 100, `${refused} and ${read}`);
    }
  });
});
