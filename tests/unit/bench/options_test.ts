/**
 * The bench's command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type BenchOptions, parseOptions } from "../../../bench/options.ts";
import { describe, it } from "../../support/test.ts";

const KNOWN = {
  servers: ["git", "deno", "bun"],
  kinds: ["small", "generated"],
  rows: ["full-cold", "ls-refs"],
  helpers: ["bitmap", "commit-graph"],
};

function parse(...args: string[]): BenchOptions {
  const options = parseOptions(args, KNOWN);
  assert.notEqual(options, "help");
  return options as BenchOptions;
}

describe("parseOptions", () => {
  it("measures everything when nothing is asked for", () => {
    assert.deepEqual(parse(), {
      repos: [],
      rows: [],
      servers: KNOWN.servers,
      kinds: KNOWN.kinds,
      rounds: 5,
      size: "full",
      protocol: 2,
      helpers: [],
      checks: "on",
    });
  });

  it("takes values after a blank or an equals sign, and repeated paths", () => {
    const options = parse("--repo", "/a", "--repo=/b", "--rows=ls-refs");
    assert.deepEqual(options.repos, ["/a", "/b"]);
    assert.deepEqual(options.rows, ["ls-refs"]);
  });

  it("does fewer rounds when quick, unless told how many", () => {
    assert.equal(parse("--quick").rounds, 3);
    assert.equal(parse("--quick", "--rounds", "7").rounds, 7);
  });

  it("takes helper files to measure with, and leaves the checks out", () => {
    const options = parse("--with", "bitmap,commit-graph", "--checks=off");
    assert.deepEqual(options.helpers, KNOWN.helpers);
    assert.equal(options.checks, "off");
  });

  it("leaves the generated repositories out on request", () => {
    assert.deepEqual(parse("--kinds", "none").kinds, []);
  });

  it("refuses what it does not know", () => {
    for (
      const args of [
        ["--fast"],
        ["--rows", "nope"],
        ["--servers=svn"],
        ["--rounds", "0"],
        ["--protocol", "1"],
        ["--with", "luck"],
        ["--checks", "maybe"],
        ["--repo"],
        ["--quick=1"],
        ["repo"],
      ]
    ) {
      assert.throws(() => parseOptions(args, KNOWN), RangeError, args[0]);
    }
  });

  it("asks for help above all", () => {
    assert.equal(parseOptions(["--help", "--quick"], KNOWN), "help");
  });
});
