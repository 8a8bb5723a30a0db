/**
 * Ranges and conditions of HTTP: which bytes with which status.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type HttpConditions,
  readConditions,
  select,
} from "../../../src/wire/http_conditions.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const TIME = Date.parse("Wed, 25 Nov 2026 02:00:00 GMT");
const TARGET = { size: 100, tag: "t-1", mtimeMs: TIME + 500 };
const THEN = "Wed, 25 Nov 2026 02:00:00 GMT";
const BEFORE = "Wed, 25 Nov 2026 01:59:59 GMT";

const RANGES: readonly (readonly [string, number, number, number])[] = [
  ["bytes=0-0", 206, 0, 1],
  ["bytes=0-99", 206, 0, 100],
  ["bytes=0-100", 206, 0, 100],
  ["bytes=10-", 206, 10, 100],
  ["bytes=99-", 206, 99, 100],
  ["bytes=-1", 206, 99, 100],
  ["bytes=-100", 206, 0, 100],
  ["bytes=-101", 206, 0, 100],
  ["BYTES= 1-2 ", 206, 1, 3],
  [`bytes=1-${"9".repeat(400)}`, 206, 1, 100],
  [`bytes=-${"9".repeat(400)}`, 206, 0, 100],
  ["bytes=100-", 416, 0, 0],
  ["bytes=100-200", 416, 0, 0],
  [`bytes=${"9".repeat(30)}-`, 416, 0, 0],
  ["bytes=-0", 416, 0, 0],
  ["bytes=2-1", 200, 0, 100],
  [`bytes=${"9".repeat(400)}-`, 200, 0, 100],
  ["bytes=-", 200, 0, 100],
  ["bytes=", 200, 0, 100],
  ["bytes", 200, 0, 100],
  ["bytes=a-b", 200, 0, 100],
  ["bytes=0x1-2", 200, 0, 100],
  ["bytes=+1-2", 200, 0, 100],
  ["bytes=1.0-2", 200, 0, 100],
  ["bytes=1-2-3", 200, 0, 100],
  ["bytes=1-2,4-5", 200, 0, 100],
  ["bytes=200-,300-", 200, 0, 100],
  [`bytes=${"0-0,".repeat(10_000)}1-1`, 200, 0, 100],
  ["items=0-1", 200, 0, 100],
  ["", 200, 0, 100],
];

const CONDITIONS: readonly (readonly [HttpConditions, number])[] = [
  [{ ifNoneMatch: '"t-1"' }, 304],
  [{ ifNoneMatch: 'W/"t-1"' }, 304],
  [{ ifNoneMatch: '"a", "t-1" ,"b"' }, 304],
  [{ ifNoneMatch: "*" }, 304],
  [{ ifNoneMatch: '"a"' }, 200],
  [{ ifNoneMatch: "t-1" }, 200],
  [{ ifModifiedSince: THEN }, 304],
  [{ ifModifiedSince: "Wed, 25 Nov 2026 02:00:00 +0000" }, 304],
  [{ ifModifiedSince: BEFORE }, 200],
  [{ ifModifiedSince: "yesterday" }, 200],
  [{ ifModifiedSince: "2026-11-26" }, 200],
  // A tag says more than a date.
  [{ ifNoneMatch: '"a"', ifModifiedSince: THEN }, 200],
  [{ ifMatch: '"t-1"' }, 200],
  [{ ifMatch: "*" }, 200],
  [{ ifMatch: 'W/"t-1"' }, 412],
  [{ ifMatch: '"a"' }, 412],
  [{ ifUnmodifiedSince: THEN }, 200],
  [{ ifUnmodifiedSince: BEFORE }, 412],
  [{ ifMatch: '"t-1"', ifUnmodifiedSince: BEFORE }, 200],
  [{ range: "bytes=1-2", ifRange: '"t-1"' }, 206],
  [{ range: "bytes=1-2", ifRange: '"a"' }, 200],
  [{ range: "bytes=1-2", ifRange: 'W/"t-1"' }, 200],
  [{ range: "bytes=1-2", ifRange: THEN }, 206],
  [{ range: "bytes=1-2", ifRange: BEFORE }, 200],
  [{ range: "bytes=200-", ifRange: '"a"' }, 200],
  [{ range: "bytes=1-2", ifNoneMatch: '"t-1"' }, 304],
  [{}, 200],
];

describe("the conditions of a request", () => {
  for (const [range, status, start, end] of RANGES) {
    it(`give ${status} for the range ${range.slice(0, 24)}`, () => {
      assert.deepEqual(select({ range }, TARGET), { status, start, end });
    });
  }

  for (const [conditions, status] of CONDITIONS) {
    it(`give ${status} for ${JSON.stringify(conditions)}`, () => {
      assert.equal(select(conditions, TARGET).status, status);
    });
  }

  it("find nothing in nothing", () => {
    const empty = { size: 0, tag: "e" };
    for (const range of ["bytes=-5", "bytes=3-2"]) {
      assert.equal(select({ range }, empty).status, 200, range);
    }
    assert.equal(select({ range: "bytes=0-" }, empty).status, 416);
  });

  it("hold no range by a tag or a date where there is no tag", () => {
    const untagged = { size: 10, mtimeMs: TIME };
    for (const ifRange of ['"t-1"', THEN]) {
      const range = "bytes=1-2";
      assert.equal(select({ range, ifRange }, untagged).status, 200);
    }
  });

  it("never lead out of what is there, whatever they say", () => {
    const random = seeded(20261125);
    const letters = [...'0123456789-=, bytes*"W/'];
    for (let i = 0; i < 20_000; i++) {
      const text = (): string =>
        Array.from({ length: random.int(9) }, () => random.pick(letters))
          .join("");
      const size = random.int(50);
      const conditions = {
        range: `bytes=${text()}`,
        ...(random.int(4) === 0 && { ifRange: text() }),
        ...(random.int(4) === 0 && { ifNoneMatch: text() }),
      };
      const { status, start, end } = select(conditions, { size, tag: "1" });
      const label = `seed ${random.seed}: ${JSON.stringify(conditions)}`;
      assert.ok(start >= 0 && start <= end && end <= size, label);
      if (status === 206) assert.ok(end > start, label);
      if (status === 200) assert.equal(end - start, size, label);
    }
  });

  it("are read from a GET, and without the range from a HEAD", () => {
    const headers = { "Range": "bytes=0-1", "If-None-Match": '"a"' };
    const of = (method: string) =>
      readConditions(new Request("http://a/", { method, headers }));
    assert.deepEqual(of("GET"), { range: "bytes=0-1", ifNoneMatch: '"a"' });
    assert.deepEqual(of("HEAD"), { ifNoneMatch: '"a"' });
  });
});
