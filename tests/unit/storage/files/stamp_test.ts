import assert from "node:assert/strict";
import type { FileStat } from "../../../../src/core/host.ts";
import { isFresh, RACY_MS } from "../../../../src/storage/files/stamp.ts";
import { describe, it } from "../../../support/test.ts";

const STAT: FileStat = {
  kind: "file",
  size: 41,
  mtimeMs: 10_000,
  ctimeMs: 20_000,
  ino: 7,
  dev: 1,
  uid: 0,
};

describe("isFresh", () => {
  const rested = { stat: STAT, taken: STAT.ctimeMs + RACY_MS + 1 };

  it("believes what had rested before it was read and looks the same", () => {
    assert.ok(isFresh(rested, { ...STAT }));
    assert.ok(!isFresh(undefined, STAT));
  });

  it("does not believe what was changed shortly before it was read", () => {
    assert.ok(!isFresh({ stat: STAT, taken: STAT.ctimeMs + RACY_MS }, STAT));
    const touched = { ...STAT, mtimeMs: 30_000 };
    assert.ok(!isFresh({ stat: touched, taken: 31_000 }, touched));
    assert.ok(!isFresh({ stat: STAT, taken: 0 }, STAT));
  });

  it("sees every difference that a change can leave", () => {
    for (
      const change of [
        { size: 42 },
        { mtimeMs: 10_001 },
        { ctimeMs: 19_999 },
        { ino: 8 },
        { dev: 2 },
        { kind: "directory" as const },
      ]
    ) assert.ok(!isFresh(rested, { ...STAT, ...change }));
  });
});
