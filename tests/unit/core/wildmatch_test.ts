/**
 * The odd corners of globs, as git 2.39 has them; attributes, pathspecs and
 * sparse filters are held to git with generated patterns in their own tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type WildBudget, wildmatch } from "../../../src/core/wildmatch.ts";
import { describe, it } from "../../support/test.ts";

describe("wildmatch", () => {
  it("takes **/ for nothing, and **\\/ for a slash at least", () => {
    for (
      const [pattern, text, isMatch] of [
        ["**/a", "a", true],
        ["**\\/a", "a", false],
        ["**\\/a", "/a", true],
        ["b/**/a", "b/a", true],
        ["b/**\\/a", "b/a", false],
        ["b/**\\/a", "b/c/d/a", true],
        ["b**/a", "b/c/a", false],
        ["b/**", "b/", true],
        ["**/*b/**/?", "ab/b/c/b/d", true],
        ["**/*b/?", "ab/c/b", false],
      ] as const
    ) {
      assert.equal(wildmatch(pattern, text, "exact"), isMatch, pattern);
    }
  });

  it("folds letters but those in sets and behind backslashes", () => {
    for (
      const [pattern, text, isMatch] of [
        ["aB*", "AbC", true],
        ["\\B", "b", false],
        ["[B]", "b", false],
        ["[A-C]", "b", true],
        ["[[:upper:]]", "b", true],
      ] as const
    ) {
      assert.equal(wildmatch(pattern, text, "fold"), isMatch, pattern);
    }
  });

  it("matches nothing with what is malformed", () => {
    for (const pattern of ["[a", "[[:nope:]]", "*[", "a\\", "[\\"]) {
      assert.ok(!wildmatch(pattern, "a", "exact"), pattern);
    }
  });

  it("takes at most pattern times text, however many stars there are", () => {
    const text = "a".repeat(2000);
    const parts = "a/".repeat(1000);
    for (
      const [pattern, against] of [
        [`${"*a".repeat(1000)}*b`, text],
        [`${"*".repeat(500)}${"a".repeat(500)}b`, text],
        [`${"**/*a/".repeat(200)}b`, parts],
        [`**/${"*/".repeat(500)}b`, parts],
        [`*[${"b".repeat(500)}]`, text],
      ] as const
    ) {
      for (const slashes of ["apart", "plain"] as const) {
        const budget: WildBudget = { left: pattern.length * against.length };
        assert.ok(!wildmatch(pattern, against, "exact", slashes, budget));
        assert.ok(budget.left >= 0, `${pattern.slice(0, 20)}, ${slashes}`);
      }
    }
    assert.ok(wildmatch("*a".repeat(100_000), "a".repeat(100_000), "exact"));
  });
});
