import assert from "node:assert/strict";
import { fromBinary, fromHex } from "../../../../src/core/bytes.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import {
  type ObjectChecker,
  objectChecker,
} from "../../../../src/object/fsck/checker.ts";
import { FsckRefusal } from "../../../../src/object/fsck/refusal.ts";
import type { FsckRules } from "../../../../src/object/fsck/rules.ts";
import { BLOB, kindName, TREE } from "../../../../src/object/kind.ts";
import {
  type OddObject,
  oddObject,
  oddRepository,
  randomCommit,
  randomGitmodules,
  randomId,
  randomTag,
  randomTree,
  treeEntry,
} from "../../../support/fsck_objects.ts";
import { tryGit } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

const NO_RULES: FsckRules = { levels: new Map(), skip: new Set() };

/** Lines by the object that they are about, in the words of index-pack. */
type Said = Map<string, string[]>;

function add(said: Said, oid: string, line: string): void {
  const list = said.get(oid);
  if (list === undefined) said.set(oid, [line]);
  else list.push(line);
}

/** What `git fsck --strict` finds. */
async function saidByGit(path: string): Promise<Said> {
  const { stderr } = await tryGit(
    ["fsck", "--strict", "--no-dangling", "--no-progress"],
    { cwd: path },
  );
  const said: Said = new Map();
  // A value that was shown may have more than one line.
  const text = stderr.replace(
    /\n(?!error|warning|notice|broken|missing|$)/g,
    "?",
  );
  for (const line of lines(text)) {
    const finding = /^(error|warning) in \w+ ([0-9a-f]{40}): (\w+: .*)$/
      .exec(line);
    if (finding !== null) {
      const [, word, oid, text] = finding as unknown as string[];
      // deno-lint-ignore no-control-regex
      const masked = (text as string).replace(/[\x00-\x1f\x7f]/g, "?");
      const whole = `${word}: object ${oid}: ${masked}`;
      add(said, oid as string, whole.slice(0, 4095));
    }
    const unread = /^error: ([0-9a-f]{40}): object could not be parsed/
      .exec(line);
    if (unread !== null) add(said, unread[1] as string, "unreadable");
  }
  return said;
}

function take(said: Said, checker: ObjectChecker, act: () => void): string {
  const before = checker.lines.length;
  let refusal = "";
  try {
    act();
  } catch (error) {
    if (!(error instanceof FsckRefusal)) throw error;
    refusal = error.message;
  }
  for (const line of checker.lines.slice(before)) {
    const oid = /^\w+: object ([0-9a-f]{40}): /.exec(line)?.[1];
    if (oid !== undefined) add(said, oid, line);
  }
  return refusal;
}

/** What we find. */
function saidByUs(objects: readonly OddObject[]): Said {
  const said: Said = new Map();
  const gatherer = objectChecker(NO_RULES, SHA1);
  for (const { kind, data, oid } of objects) {
    const checker = objectChecker(NO_RULES, SHA1);
    const refusal = take(said, checker, () => {
      checker.check(kind, data, fromHex(oid) as Uint8Array);
    });
    const list = said.get(oid) ?? [];
    if (refusal === `invalid ${kindName(kind)}`) {
      said.set(oid, ["unreadable"]);
    } else if (list.some((line) => line.startsWith("error"))) {
      // The tagger's line is forgotten where more follow.
      if (!list.some((line) => line.includes("author/committer"))) {
        assert.equal(refusal, "fsck error in packed object", oid);
      }
    } else {
      assert.equal(refusal, "", oid);
    }
    gatherer.merge({ ...checker.gathered(), lines: [] });
  }
  const byId = new Map(objects.map((object) => [object.oid, object]));
  const { found: [modules, attributes] } = gatherer.gathered();
  for (const id of new Set([...modules, ...attributes])) {
    const checker = objectChecker(NO_RULES, SHA1);
    const only = (ids: readonly string[]): string[] =>
      ids.filter((other) => other === id);
    checker.merge({
      found: [only(modules), only(attributes)],
      done: [[], []],
      lines: [],
    });
    const wasSaid: Said = new Map();
    const refusal = take(wasSaid, checker, () => {
      checker.finish({ read: (oid) => byId.get(oid), as: "unpack-objects" });
    });
    for (const [oid, list] of wasSaid) {
      said.set(oid, list);
      const isBad = list.some((line) => line.startsWith("error"));
      assert.equal(refusal, isBad ? "fsck error in pack objects" : "", oid);
    }
  }
  return said;
}

function asText(said: Said): string[] {
  return [...said].sort().flatMap(([oid, list]) =>
    list.map((line) => `${oid} ${line}`)
  );
}

async function compare(made: readonly OddObject[], seed: number) {
  const objects = [...new Map(made.map((one) => [one.oid, one])).values()];
  const path = oddRepository(objects);
  const [expected, actual] = [await saidByGit(path), saidByUs(objects)];
  for (const { kind, data, oid } of objects) {
    assert.deepEqual(
      actual.get(oid) ?? [],
      expected.get(oid) ?? [],
      `seed ${seed}: ${kindName(kind)} ${
        JSON.stringify(String.fromCharCode(...data.subarray(0, 2000)))
      }`,
    );
  }
  assert.deepEqual(asText(actual), asText(expected), `seed ${seed}`);
  return new Set(
    [...actual.values()].flat()
      .map((line) => /[0-9a-f]{40}: (\w+): /.exec(line)?.[1] ?? "unreadable"),
  );
}

describe("the checks of objects", () => {
  it("find in commits and tags what git fsck finds", async () => {
    const random = seeded(11);
    const objects: OddObject[] = [];
    for (let i = 0; i < 800; i++) {
      objects.push(randomCommit(random), randomTag(random));
    }
    const ids = await compare(objects, 11);
    assert.ok(ids.size >= 18, [...ids].join(" "));
  });

  it("find in trees what git fsck finds", async () => {
    const random = seeded(12);
    const objects = Array.from({ length: 2500 }, () => randomTree(random));
    // The file waits behind a directory that only begins like it.
    for (const last of ["a", "a.b"]) {
      const entries = [["100644", "a"], ["100644", "a.b-x"], ["40000", "a.b"]];
      if (last === "a") entries.push(["40000", "a"]);
      const text = entries.map(([mode, name]) =>
        treeEntry(mode as string, name as string, "1".repeat(40))
      );
      objects.push(oddObject(TREE, text.join("")));
    }
    const ids = await compare(objects, 12);
    assert.ok(ids.size >= 14, [...ids].join(" "));
  });

  it("find in .gitmodules and .gitattributes what git fsck finds", async () => {
    const random = seeded(13);
    const objects: OddObject[] = [];
    const name = (file: string, oid: string): void => {
      objects.push(oddObject(TREE, treeEntry("100644", file, oid)));
    };
    for (let i = 0; i < 800; i++) {
      const blob = oddObject(BLOB, randomGitmodules(random));
      objects.push(blob);
      name(".gitmodules", blob.oid);
      if (i % 20 === 0) name(".gitattributes", blob.oid);
    }
    for (const length of [2046, 2047, 2048, 5000]) {
      for (const end of ["", "\n", "\nx\n", "\0"]) {
        const blob = oddObject(BLOB, `a\n${"x".repeat(length)}${end}`);
        objects.push(blob);
        name(".gitattributes", blob.oid);
      }
    }
    const late = oddObject(BLOB, fromBinary(`a\0${"x".repeat(3000)}`));
    objects.push(late);
    name(".gitattributes", late.oid);
    name(".gitattributes", randomId(random));
    name(".gitmodules", randomId(random));
    const tree = oddObject(TREE, "");
    objects.push(tree);
    name("GITMOD~1", tree.oid);
    name(".GitAttributes", tree.oid);
    const ids = await compare(objects, 13);
    assert.ok(ids.size >= 9, [...ids].join(" "));
  });
});
