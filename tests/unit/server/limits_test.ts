import assert from "node:assert/strict";
import {
  DEFAULT_LIMITS,
  LIMITS,
  limitsMarkdown,
} from "../../../src/server/limits.ts";
import { test } from "../../support/test.ts";

test("every limit has one row, and seconds become milliseconds", () => {
  const names = LIMITS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(Object.keys(DEFAULT_LIMITS).sort(), [...names].sort());
  assert.equal(DEFAULT_LIMITS.initTimeoutMs, 30_000);
  assert.equal(DEFAULT_LIMITS.sliceMs, 10);
  assert.equal(DEFAULT_LIMITS.maxConnections, 32);
});

test("the table of limits shows options, defaults and meanings", () => {
  const lines = limitsMarkdown().split("\n");
  assert.equal(lines[0], "| option | default | limit |");
  assert.match(
    lines[2] ?? "",
    /^\| `--max-connections=<n>` \| 32 \| connections served at once/,
  );
  assert.ok(lines.some((line) => line.startsWith("|  | 2,000,000 | ")));
  assert.equal(lines.length, LIMITS.length + 3);
});
