/**
 * The made-up histories of the bench.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type HistoryShape, historyStream } from "../../../bench/history.ts";
import { describe, it } from "../../support/test.ts";

const SHAPE: HistoryShape = {
  directories: 2,
  subdirectories: 1,
  filesPerDirectory: 2,
  filesPerSubdirectory: 2,
  edits: 120,
  deepEdits: 12,
  merges: 2,
  tags: 3,
  lines: 4,
};

function text(): string {
  const decoder = new TextDecoder();
  return [...historyStream(SHAPE)].map((chunk) => decoder.decode(chunk))
    .join("");
}

describe("historyStream", () => {
  it("gives the same bytes at every call", () => {
    assert.equal(text(), text());
  });

  it("holds as many commits, merges and tags as its shape says", () => {
    const count = (pattern: RegExp): number =>
      text().match(pattern)?.length ?? 0;
    assert.equal(count(/^commit refs/gm), 1 + SHAPE.edits + SHAPE.merges);
    assert.equal(count(/^merge refs/gm), SHAPE.merges);
    assert.equal(count(/^tag v/gm), SHAPE.tags);
  });

  it("ends as fast-import wants it, so that a cut stream is noticed", () => {
    assert.ok(text().startsWith("feature done\n"));
    assert.ok(text().endsWith("\ndone\n"));
  });
});
