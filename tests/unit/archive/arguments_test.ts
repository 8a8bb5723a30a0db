/**
 * What the real git cannot tell of arguments: `--mtime`, and trees that are
 * deeper than any client's.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  ARCHIVE_USAGE,
  parseArchiveArguments,
} from "../../../src/archive/arguments.ts";
import { AttributeStack } from "../../../src/archive/attributes.ts";
import { archiveFormats } from "../../../src/archive/formats.ts";
import { parseMtime } from "../../../src/archive/mtime.ts";
import { Pathspec } from "../../../src/archive/pathspec.ts";
import { chooseEntries } from "../../../src/archive/walk.ts";
import { fromHex } from "../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import { encodeTree, MODE_TREE } from "../../../src/object/tree.ts";
import { tryGit } from "../../support/git.ts";
import { describe, it } from "../../support/test.ts";

describe("--mtime", () => {
  it("is a point in time, in the formats that name one", () => {
    const now = 1_700_000_000;
    const cases: readonly (readonly [string, number | undefined])[] = [
      ["@0", 0],
      ["@1234567890", 1_234_567_890],
      ["1234567890", 1_234_567_890],
      ["1234567890 +0200", 1_234_567_890],
      ["now", now],
      ["2009-02-13T23:31:30Z", 1_234_567_890],
      ["2009-02-13 23:31:30 +0000", 1_234_567_890],
      ["2009-02-14T01:31:30+02:00", 1_234_567_890],
      ["Fri, 13 Feb 2009 23:31:30 +0000", 1_234_567_890],
      ["13 Feb 2009 18:31:30 -0500", 1_234_567_890],
      ["", undefined],
      ["12", undefined],
      ["yesterday", undefined],
      ["2009-13-01T00:00:00Z", undefined],
      ["@99999999999999999999", undefined],
    ];
    for (const [text, expected] of cases) {
      assert.equal(parseMtime(text, now), expected, text);
    }
  });

  it("is an option like others", () => {
    const formats = archiveFormats({
      boolean: () => undefined,
      entries: () => [],
    });
    const request = parseArchiveArguments(["--mtime", "@5", "main"], formats);
    assert.ok(request.type === "archive");
    assert.equal(request.order.mtime, "@5");
  });
});

describe("the usage", () => {
  it("is git's", async () => {
    const { stdout } = await tryGit(["archive", "-h"]);
    assert.equal(ARCHIVE_USAGE, stdout);
  });
});

describe("a walk", () => {
  /** Trees in trees, with `leaf` in the innermost. */
  function nested(depth: number): Map<Oid, Uint8Array> {
    const trees = new Map<Oid, Uint8Array>();
    for (let i = 0; i < depth; i++) {
      const mode = i + 1 < depth ? MODE_TREE : 0o100644;
      const entry = { mode, name: "d", oid: idOf(i + 1) };
      trees.set(idOf(i), encodeTree([entry]));
    }
    return trees;
  }

  function idOf(number: number): Oid {
    const hex = number.toString(16).padStart(40, "0");
    assert.ok(fromHex(hex));
    return hex as Oid;
  }

  function walk(trees: ReadonlyMap<Oid, Uint8Array>): number {
    const entries = chooseEntries({
      root: idOf(0),
      source: {
        format: SHA1,
        tree: (oid) => trees.get(oid) as Uint8Array,
        attributes: () => undefined,
      },
      maxBarren: 10_000,
      pathspec: Pathspec.parse([], "/"),
      attributes: {
        isOfTree: true,
        open: (root) => AttributeStack.open({ names: ["export-ignore"], root }),
      },
    });
    let count = 0;
    for (const entry of entries) if (entry !== undefined) count++;
    return count;
  }

  it("goes as deep as git's newer limit, and no deeper", () => {
    assert.equal(walk(nested(1000)), 1000);
    assert.throws(
      () => walk(nested(5000)),
      /exceeded maximum allowed tree depth/,
    );
  });

  it("gives up on trees that multiply and hold nothing", () => {
    const trees = new Map<Oid, Uint8Array>();
    for (let level = 0; level < 60; level++) {
      const oid = idOf(level + 1);
      const names = level + 1 < 60 ? ["a", "b"] : [];
      trees.set(
        idOf(level),
        encodeTree(names.map((name) => ({ mode: MODE_TREE, name, oid }))),
      );
    }
    assert.throws(() => walk(trees), /too many trees to look into/);
  });

  it("pauses among entries that nobody asked for", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `n${i}`).sort();
    const root = encodeTree(
      names.map((name) => ({ mode: 0o100644, name, oid: idOf(1) })),
    );
    const entries = chooseEntries({
      root: idOf(0),
      source: { format: SHA1, tree: () => root, attributes: () => undefined },
      pathspec: Pathspec.parse(["*z", "n500"], "/"),
      attributes: {
        isOfTree: true,
        open: (root) => AttributeStack.open({ names: ["export-ignore"], root }),
      },
    });
    const found = [...entries];
    assert.deepEqual(
      found.filter((each) => each !== undefined).map(({ path }) => path),
      ["n500"],
    );
    assert.ok(found.length > 50);
  });
});
