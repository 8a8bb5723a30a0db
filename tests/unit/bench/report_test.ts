/**
 * The bench's verdicts: targets of the row table against medians.
 *
 * @module
 */

import assert from "node:assert/strict";
import { repositoryTable, verdicts } from "../../../bench/report.ts";
import { type Row, ROWS, type Target } from "../../../bench/rows.ts";
import type { Measured, Round } from "../../../bench/run.ts";
import { describe, it } from "../../support/test.ts";

const ROUND: Round = {
  wallMs: 100,
  slowestMs: 100,
  firstMs: 0,
  cpuMs: 50,
  peakBytes: 1e6,
  bytes: 1000,
  packBytes: 0,
  objects: 0,
  refs: 0,
  perSecond: 10,
  clientCpuMs: 1,
};

function verdictsOf(
  target: Omit<Target, "kinds">,
  ours: readonly Partial<Round>[],
): string[] {
  const row: Row = {
    ...(ROWS[0] as Row),
    title: "clone",
    targets: [{ ...target, kinds: ["generated"] }],
  };
  const measured: Measured[] = [
    { server: "git", rounds: [ROUND, ROUND, ROUND], faults: [] },
    {
      server: "deno",
      rounds: ours.map((round) => ({ ...ROUND, ...round })),
      faults: [],
    },
  ];
  const rows = [{ row, measured }];
  return [
    ...verdicts([{ kind: "generated", title: "", rows }]),
    ...verdicts([{ kind: "given", title: "", rows }]),
  ];
}

describe("verdicts", () => {
  it("hold costs to an upper bound by the median", () => {
    const target = { metric: "wall", bound: "at most", value: 1.5 } as const;
    assert.deepEqual(
      verdictsOf(target, [{ wallMs: 150 }, { wallMs: 900 }, { wallMs: 1 }]),
      ["met      clone, deno: wall at most 1.5x of git's: 1.500x"],
    );
    assert.match(verdictsOf(target, [{ wallMs: 151 }])[0] ?? "", /^missed /);
  });

  it("hold rates to a lower bound", () => {
    const target = { metric: "rate", bound: "at least", value: 2 } as const;
    assert.match(verdictsOf(target, [{ perSecond: 20 }])[0] ?? "", /^met /);
    assert.match(verdictsOf(target, [{ perSecond: 19 }])[0] ?? "", /^missed /);
  });

  it("say unknown for a server without figures", () => {
    const target = { metric: "bytes", bound: "at most", value: 1 } as const;
    assert.match(verdictsOf(target, [])[0] ?? "", /^unknown /);
  });
});

describe("repositoryTable", () => {
  it("names a server's fault in place of its figures", () => {
    const text = repositoryTable({
      kind: "given",
      title: "some repository",
      rows: [{
        row: ROWS[0] as Row,
        measured: [
          { server: "git", rounds: [ROUND], faults: [] },
          { server: "bun", rounds: [], faults: ["it ended"] },
        ],
      }],
    });
    const lines = text.split("\n");
    assert.equal(lines[0], "some repository");
    assert.match(lines[3] ?? "", /git +100 +100-100 +10\.0 +50\.0 +1\.00/);
    assert.equal(lines[4], `FAULT ${(ROWS[0] as Row).name} on bun: it ended`);
  });
});

describe("ROWS", () => {
  it("have names of their own", () => {
    const names = ROWS.map((row) => row.name);
    assert.equal(new Set(names).size, names.length);
  });

  it("promise something of the kinds alone that they are run on", () => {
    for (const { name, kinds, targets } of ROWS) {
      for (const target of targets) {
        for (const kind of target.kinds) {
          assert.ok(kinds.includes(kind), `${name}: ${kind}`);
        }
      }
    }
  });

  it("promise one figure of each metric for a kind, against each other", () => {
    for (const { name, targets } of ROWS) {
      const promises = targets.flatMap(({ metric, kinds, versus }) =>
        kinds.map((kind) => `${name} ${metric} ${kind} ${versus}`)
      );
      assert.equal(new Set(promises).size, promises.length, name);
    }
  });
});
