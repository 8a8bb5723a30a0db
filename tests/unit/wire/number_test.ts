import assert from "node:assert/strict";
import { parseInt32, parseTimestamp } from "../../../src/wire/number.ts";
import { describe, it } from "../../support/test.ts";

describe("parseInt32", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["1", 1],
    ["0", 0],
    ["-1", -1],
    ["+7", 7],
    [" \t7", 7],
    ["0x10", 16],
    ["0X1f", 31],
    ["010", 8],
    ["09", undefined],
    ["7 ", undefined],
    ["", undefined],
    ["x", undefined],
    ["1e3", undefined],
    ["- 1", undefined],
    ["0x", undefined],
    ["2147483647", 2147483647],
    ["2147483648", -2147483648],
    ["4294967297", 1],
    // LONG_MAX, cut to 32 bits.
    ["99999999999999999999", -1],
    ["-99999999999999999999", 0],
  ];
  for (const [text, value] of cases) {
    it(`reads ${JSON.stringify(text)} as ${value}`, () => {
      assert.equal(parseInt32(text), value);
    });
  }

  it("refuses endless digits", () => {
    assert.equal(parseInt32("1".repeat(60_000)), undefined);
  });
});

describe("parseTimestamp", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["1600000000", 1600000000],
    ["0x5f5e1000", 0x5f5e1000],
    ["-1", undefined],
    ["-2", 2 ** 64],
    ["18446744073709551615", undefined],
    ["18446744073709551616", undefined],
    ["99999999999999999999", undefined],
    ["yesterday", undefined],
    ["1.5", undefined],
    ["", undefined],
  ];
  for (const [text, value] of cases) {
    it(`reads ${JSON.stringify(text)} as ${value}`, () => {
      assert.equal(parseTimestamp(text), value);
    });
  }
});
