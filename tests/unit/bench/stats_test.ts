/**
 * The bench's arithmetic and its tables.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  figure,
  grouped,
  median,
  ratio,
  ratioText,
  table,
} from "../../../bench/stats.ts";
import { describe, it } from "../../support/test.ts";

describe("median", () => {
  it("is the middle value of an odd count, whatever the order", () => {
    assert.equal(median([9, 1, 5]), 5);
  });

  it("is the mean of the two middle values of an even count", () => {
    assert.equal(median([4, 1, 100, 2]), 3);
  });

  it("sorts by value, not by text", () => {
    assert.equal(median([10, 9, 100]), 10);
  });

  it("refuses an empty list", () => {
    assert.throws(() => median([]), RangeError);
  });
});

describe("figures", () => {
  it("keep three significant digits where there are fewer than 100", () => {
    assert.deepEqual([0, 1.234, 12.34, 1234.5].map(figure), [
      "0",
      "1.23",
      "12.3",
      "1235",
    ]);
  });

  it("group counts by thousands", () => {
    assert.deepEqual([7, 1000, 12345678].map(grouped), [
      "7",
      "1 000",
      "12 345 678",
    ]);
  });

  it("have no ratio to nothing", () => {
    assert.equal(ratio(3, 2), 1.5);
    assert.equal(ratioText(ratio(3, 0)), "-");
    assert.equal(ratioText(ratio(3, undefined)), "-");
    assert.equal(ratioText(ratio(3, 2)), "1.50x");
  });
});

describe("table", () => {
  it("lines up its columns and leaves no blanks at line ends", () => {
    const text = table(["row", "ms"], [["clone", "5"], ["x", "1234"]], [
      "left",
      "right",
    ]);
    assert.equal(
      text,
      ["row      ms", "-----  ----", "clone     5", "x      1234"].join("\n"),
    );
  });
});
