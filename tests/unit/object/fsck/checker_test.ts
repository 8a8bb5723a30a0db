import assert from "node:assert/strict";
import {
  concatBytes,
  fromBinary,
  fromHex,
} from "../../../../src/core/bytes.ts";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import {
  type ObjectChecker,
  objectChecker,
} from "../../../../src/object/fsck/checker.ts";
import { FsckRefusal } from "../../../../src/object/fsck/refusal.ts";
import type { FsckRules } from "../../../../src/object/fsck/rules.ts";
import { BLOB, COMMIT, TREE } from "../../../../src/object/kind.ts";
import {
  type OddObject,
  oddObject,
  treeEntry,
} from "../../../support/fsck_objects.ts";
import { describe, it } from "../../../support/test.ts";

const NO_RULES: FsckRules = { levels: new Map(), skip: new Set() };

function check(checker: ObjectChecker, ...objects: OddObject[]): void {
  for (const { kind, data, oid } of objects) {
    checker.check(kind, data, fromHex(oid) as Uint8Array);
  }
}

function refusal(act: () => void): FsckRefusal {
  try {
    act();
  } catch (error) {
    if (error instanceof FsckRefusal) return error;
    throw error;
  }
  assert.fail("it passed");
}

function repeated(
  bytes: Uint8Array,
  times: number,
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

describe("objectChecker", () => {
  it("joins what several threads have gathered", () => {
    const bad = oddObject(BLOB, '[submodule ".."]\n\tpath = x\n');
    const good = oddObject(BLOB, '[submodule "a"]\n\tpath = x\n');
    const first = objectChecker(NO_RULES, SHA1);
    check(
      first,
      oddObject(TREE, treeEntry("100644", ".gitmodules", bad.oid)),
      oddObject(TREE, treeEntry("100644", ".gitmodules", good.oid)),
      oddObject(TREE, treeEntry("100664", "odd", good.oid)),
      good,
    );
    const second = objectChecker(NO_RULES, SHA1);
    check(second, bad);
    second.merge(structuredClone(first.gathered()));
    assert.equal(second.lines.length, 1);
    const asked: string[] = [];
    const { message, lines } = refusal(() =>
      second.finish({
        read: (oid) => {
          asked.push(oid);
          return oid === bad.oid ? bad : undefined;
        },
        as: "index-pack",
      })
    );
    assert.deepEqual(asked, [bad.oid]);
    assert.equal(message, "fsck error in pack objects");
    assert.equal(
      lines[1],
      `error: object ${bad.oid}: gitmodulesName: disallowed submodule name: ..`,
    );
  });

  it("lets a missing .gitmodules pass in packs that are kept alone", () => {
    const tree = oddObject(
      TREE,
      treeEntry("100644", ".gitmodules", "1".repeat(40)),
    );
    const checker = objectChecker(NO_RULES, SHA1);
    check(checker, tree);
    checker.finish({ read: () => undefined, as: "index-pack" });
    const { lines } = refusal(() =>
      checker.finish({ read: () => undefined, as: "unpack-objects" })
    );
    assert.match(lines[0] ?? "", /gitmodulesMissing: unable to read/);
  });

  it("knows ids of both lengths", () => {
    const checker = objectChecker(NO_RULES, SHA256);
    const tree = fromBinary(`100644 a\0${"x".repeat(32)}`);
    const who = "A <a@b> 1600000000 +0000";
    const commit = fromBinary(
      `tree ${"1".repeat(64)}\nauthor ${who}\ncommitter ${who}\n\nx\n`,
    );
    checker.check(TREE, tree, new Uint8Array(32));
    checker.check(COMMIT, commit, new Uint8Array(32));
    const short = tree.subarray(0, tree.length - 12);
    refusal(() => checker.check(TREE, short, new Uint8Array(32)));
    assert.deepEqual(checker.lines[0], "error: too-short tree object");
  });

  it("is done with the largest of bad objects in one pass", () => {
    const rules: FsckRules = {
      ...NO_RULES,
      levels: new Map([["missingemail", "ignore"], ["hasdotgit", "ignore"]]),
    };
    const checker = objectChecker(rules, SHA1);
    const oid = new Uint8Array(20);
    // A directory for each of many files before it, none of which is it.
    const files = Array.from(
      { length: 9 },
      (_, i) => treeEntry("100644", `a${"-".repeat(i)}`, "1".repeat(40)),
    ).join("");
    const tree = concatBytes([
      repeated(fromBinary(files), 60_000),
      repeated(
        fromBinary(treeEntry("40000", "a-0", "1".repeat(40))),
        500_000,
      ),
    ]);
    refusal(() => checker.check(TREE, tree, oid));
    const dots = `\\.git${". ".repeat(10)}`.repeat(400_000);
    const named = fromBinary(`100644 ${dots}\0${"\x01".repeat(20)}`);
    checker.check(TREE, named, oid);
    const head = `tree ${"1".repeat(40)}\nauthor `;
    const commit = new Uint8Array(100_000_000).fill(0x78);
    commit.set(fromBinary(head));
    commit[commit.length - 1] = 0x0a;
    const { message } = refusal(() => checker.check(COMMIT, commit, oid));
    assert.equal(message, "fsck error in packed object");
    const digits = new Uint8Array(10_000_000).fill(0x39);
    digits.set(fromBinary(`${head}A <a> `));
    digits[digits.length - 1] = 0x0a;
    const { lines } = refusal(() => checker.check(COMMIT, digits, oid));
    assert.match(lines.at(-1) ?? "", /badDateOverflow/);
    assert.ok(lines.length <= 1000);
    assert.ok(lines.every((line) => line.length < 4096));
  });
});
