/** Filter-specs: what they mean, git's words for what is none, and bounds. @module */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ProtocolError, RefusedError } from "../../../src/core/errors.ts";
import type { ObjectFilter } from "../../../src/object/filter.ts";
import {
  checkFilter,
  FilterLine,
  MAX_FILTER_NESTING,
  MAX_FILTERS,
  parseFilter,
} from "../../../src/wire/filter.ts";
import { emptyRepository } from "../../support/fixture.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { tryGit } from "../../support/git.ts";
import { inParallel } from "../../support/git_jobs.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const SEED = 20_261_124;
const ANY = { allows: () => true, maxTreeDepth: 2n ** 64n - 1n };

function messageFor(spec: string): string {
  try {
    parseFilter(spec);
    return "";
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return error.message;
  }
}

describe("parseFilter", () => {
  const meanings: readonly (readonly [string, ObjectFilter])[] = [
    ["blob:none", { type: "blob:none" }],
    ["blob:limit=0", { type: "blob:limit", limit: 0n }],
    ["blob:limit=1k", { type: "blob:limit", limit: 1024n }],
    ["blob:limit=0x10M", { type: "blob:limit", limit: 16n << 20n }],
    ["blob:limit= +3g", { type: "blob:limit", limit: 3n << 30n }],
    ["tree:010", { type: "tree", depth: 8n }],
    [
      "tree:18446744073709551615",
      { type: "tree", depth: 18446744073709551615n },
    ],
    ["sparse:oid=main:x", { type: "sparse:oid", name: "main:x" }],
    ["object:type=tag", { type: "object:type", kind: 4 }],
    ["combine:tree:1", {
      type: "combine",
      filters: [{ type: "tree", depth: 1n }],
    }],
    ["combine:blob%3Anone+combine:tree:2%2btree%3a3", {
      type: "combine",
      filters: [{ type: "blob:none" }, {
        type: "combine",
        filters: [{ type: "tree", depth: 2n }, { type: "tree", depth: 3n }],
      }],
    }],
  ];
  for (const [spec, filter] of meanings) {
    it(`reads ${spec}`, () => {
      assert.deepEqual(parseFilter(spec), filter);
      assert.deepEqual(structuredClone(parseFilter(spec)), filter);
    });
  }

  it("refuses what git refuses, in its words", async () => {
    const random = seeded(SEED);
    const piece = (): string =>
      random.pick([
        ...["blob:none", "blob:limit=", "tree:", "sparse:path=", "combine:"],
        ...["object:type=", "combine:", "+", "+", "%2B", "%3a", "%", "%zz"],
        ...["1", "0", "0x", "08", "k", "kk", "G", "-1", "18446744073709551615"],
        ...["99999999999999999999", "17179869184g", "commit", "blob", "x"],
        ...["%00", "~", "@", " ", "(", "auto"],
      ]);
    const specs = Array.from(
      { length: 150 },
      () => Array.from({ length: 1 + random.int(5) }, piece).join(""),
    ).filter((spec) => spec !== "");
    const path = join(temporaryDirectory("specs"), "empty.git");
    emptyRepository(path, "sha1");
    const args = ["rev-list", "--objects", "--all"];
    const told = await inParallel(specs, async (spec) => {
      const { stderr } = await tryGit([...args, `--filter=${spec}`], {
        cwd: path,
      });
      return /^fatal: (.*)/.exec(stderr)?.[1] ?? "";
    });
    for (const [i, spec] of specs.entries()) {
      assert.equal(messageFor(spec), told[i], `seed ${SEED}: ${spec}`);
    }
    const refused = told.filter((each) => each !== "").length;
    assert.ok(refused > 50 && refused < specs.length, `${refused} refused`);
  });

  it("escapes what a terminal must not see", () => {
    assert.equal(
      messageFor("\x1b[2J\xff"),
      "invalid filter-spec '\\x1b[2J\\xff'",
    );
    assert.equal(
      messageFor("combine:a\x07"),
      "must escape char in sub-filter-spec: '\\x07'",
    );
  });

  const deep = (levels: number): string =>
    `${"combine:".repeat(levels)}blob:none`;
  const wide = (count: number): string =>
    `combine:${Array.from({ length: count }, () => "blob:none").join("+")}`;
  const tooMuch: readonly (readonly [string, string])[] = [
    ["10,000 levels", deep(10_000)],
    ["one level more than allowed", deep(MAX_FILTER_NESTING + 1)],
    ["one filter more than allowed", wide(MAX_FILTERS)],
    ["10,000 filters", wide(10_000)],
    [
      "many filters inside of each other",
      `combine:${
        Array.from(
          { length: 5 },
          () => wide(20).replaceAll("+", "%2b"),
        ).join("+")
      }`,
    ],
    ["a name of 60,000 bytes", `sparse:oid=${"x".repeat(60_000)}`],
  ];
  for (const [what, spec] of tooMuch) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseFilter(spec),
        (error) =>
          error instanceof RefusedError && error.code === "filter-too-large",
      );
    });
  }

  it("takes as much as is allowed", () => {
    parseFilter(deep(MAX_FILTER_NESTING));
    parseFilter(wide(MAX_FILTERS - 1));
  });
});

describe("checkFilter", () => {
  const filter = parseFilter("combine:tree:3+combine:blob:none%2btree:5");
  const said = (rules: Partial<typeof ANY> | object): string => {
    try {
      checkFilter(filter, { ...ANY, ...rules });
      return "";
    } catch (error) {
      assert.ok(error instanceof RefusedError);
      return error.message;
    }
  };

  it("names the first part that is not allowed", () => {
    assert.equal(said({}), "");
    assert.equal(
      said({ allows: () => false }),
      "filter 'combine' not supported",
    );
    assert.equal(
      said({ allows: (type: string) => type !== "blob:none" }),
      "filter 'blob:none' not supported",
    );
    assert.equal(
      said({ allows: (type: string) => type === "combine" }),
      "filter 'tree' not supported",
    );
  });

  it("looks at depths", () => {
    assert.equal(said({ maxTreeDepth: 5n }), "");
    assert.equal(
      said({ maxTreeDepth: 4n }),
      "tree filter allows max depth 4, but got 5",
    );
  });
});

describe("FilterLine", () => {
  it("takes one filter", () => {
    const line = new FilterLine(ANY);
    assert.equal(line.filter, undefined);
    line.take("tree:0");
    assert.deepEqual(line.filter, { type: "tree", depth: 0n });
    assert.throws(
      () => line.take("tree:0"),
      /^ProtocolError: multiple filter-specs cannot be combined$/,
    );
  });
});
