import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import { objectChecker } from "../../../../src/object/fsck/checker.ts";
import { FsckRefusal } from "../../../../src/object/fsck/refusal.ts";
import type {
  FsckLevel,
  FsckRules,
} from "../../../../src/object/fsck/rules.ts";
import { BLOB, COMMIT, TAG, TREE } from "../../../../src/object/kind.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import {
  type OddObject,
  oddObject,
  oddPack,
  randomCommit,
  randomTag,
  randomTree,
  treeEntry,
} from "../../../support/fsck_objects.ts";
import { gitSync, tryGit } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

interface Setting {
  readonly levels?: Readonly<Record<string, FsckLevel>>;
  readonly skip?: readonly Oid[];
}

type Program = "index-pack" | "unpack-objects";

const EMPTY_TREE = oddObject(TREE, "");
const ID = "1".repeat(40);
const WHO = "A <a@b> 1600000000 +0000";

/** Findings that need what the objects name to be there. */
const ABOUT_LINKS =
  /^(?:fatal: (?:did not receive expected|object of unexpected|object type mis|Error on reach|Not all child|object [0-9a-f]{40}: expected)|error: (?:object [0-9a-f]{40} is a|unable to))/;

function ours(
  objects: readonly OddObject[],
  { levels = {}, skip = [] }: Setting,
  as: Program,
): { readonly said: string[]; readonly isRefused: boolean } {
  const rules: FsckRules = {
    levels: new Map(Object.entries(levels)),
    skip: new Set(skip),
  };
  const checker = objectChecker(rules, SHA1);
  const byId = new Map(objects.map((object) => [object.oid, object]));
  try {
    for (const { kind, data, oid } of objects) {
      checker.check(kind, data, fromHex(oid) as Uint8Array);
    }
    checker.finish({ read: (oid) => byId.get(oid), as });
  } catch (error) {
    if (!(error instanceof FsckRefusal)) throw error;
    assert.deepEqual(error.lines, checker.lines);
    return {
      said: [...error.lines, `fatal: ${error.message}`],
      isRefused: true,
    };
  }
  return { said: [...checker.lines], isRefused: false };
}

let repository = "";

async function compare(
  objects: readonly OddObject[],
  setting: Setting = {},
  programs: readonly Program[] = ["index-pack", "unpack-objects"],
): Promise<void> {
  if (repository === "") {
    repository = join(temporaryDirectory("intake"), "repo.git");
    gitSync(["init", "-q", "--bare", repository]);
  }
  const parts = Object.entries(setting.levels ?? {})
    .map(([id, level]) => `${id}=${level}`);
  if (setting.skip !== undefined) {
    const list = join(temporaryDirectory("skip"), "list");
    writeFileSync(list, setting.skip.join("\n"));
    parts.push(`skiplist=${list}`);
  }
  const strict = parts.length > 0 ? `--strict=${parts.join(",")}` : "--strict";
  for (const program of programs) {
    const { stderr } = await tryGit(
      program === "index-pack"
        ? ["index-pack", "--stdin", strict]
        : ["unpack-objects", "-q", strict],
      { cwd: repository, input: oddPack(objects) },
    );
    const { said, isRefused } = ours(objects, setting, program);
    const theirs = lines(stderr);
    const where = `${program} ${strict} ${
      JSON.stringify(String.fromCharCode(...(objects[0]?.data ?? [])))
    }`;
    if (isRefused) {
      assert.deepEqual(said, theirs, where);
    } else {
      const rest = theirs.filter((line) => !ABOUT_LINKS.test(line));
      assert.deepEqual(said, rest, where);
    }
  }
}

const commit = (text: string): OddObject => oddObject(COMMIT, text);
const tag = (text: string): OddObject => oddObject(TAG, text);
const tree = (...entries: readonly [string, string][]): OddObject =>
  oddObject(
    TREE,
    entries.map(([mode, name]) => treeEntry(mode, name, ID)).join(""),
  );

describe("objects that come in", () => {
  it("are refused in the words of index-pack and unpack-objects", async () => {
    const head = `tree ${EMPTY_TREE.oid}\n`;
    const people = `author ${WHO}\ncommitter ${WHO}\n`;
    const good = commit(`${head}${people}\nx\n`);
    for (
      const object of [
        good,
        commit(`${head}author ${WHO}\n\nx\n`),
        commit(`${head}author A <a@b>\ncommitter ${WHO}\n\nx\n`),
        commit(`${head}${people}\na\0b\n`),
        commit(`${head}${people}\0\n\n`),
        commit(`${head}${people}`.slice(0, -1)),
        commit("tree 12\n\n"),
        commit(`tree ${"x".repeat(40)}\n${people}\nx\n`),
        commit(`${head}parent 12\n${people}\nx\n${" ".repeat(60)}`),
        commit(""),
        tag(`object ${good.oid}\ntype commit\ntag v\ntagger ${WHO}\n\nx\n`),
        tag(`object ${good.oid}\ntype commit\ntag v\n\nx\n`),
        tag(`object ${good.oid}\ntype commit\ntag a b\ntagger x\n\nx\n`),
        tag(`object ${good.oid}\ntype commit\ntag v\ntagger x\nmore\n\nx\n`),
        tag(`object ${good.oid}\ntype strange\ntag v\ntagger ${WHO}\n\nx\n`),
        tag(`object ${good.oid}\n`),
        tree(["100644", "a"], ["100644", "a"]),
        tree(["100644", "b"], ["100644", "a"]),
        tree(["100644", "."], ["100644", ".."], ["40000", ".git"]),
        tree(["100664", "a"], ["0100644", "b"], ["100644", "c/d"]),
        tree(["100644", "foo"], ["100644", "foo.bar"], ["40000", "foo"]),
        tree(["120000", ".gitmodules"], ["120000", ".gitattributes"]),
        oddObject(TREE, "100644 a"),
        oddObject(TREE, `100644 \0${"x".repeat(20)}`),
      ]
    ) {
      await compare([object]);
    }
  });

  it("are refused for what trees name", async () => {
    const bad = oddObject(BLOB, '[submodule "a"]\n\turl = -u\n');
    const broken = oddObject(BLOB, "[submodule\n");
    const named = (file: string, oid: string): OddObject =>
      oddObject(TREE, treeEntry("100644", file, oid));
    await compare([bad, named(".gitmodules", bad.oid)]);
    await compare([named(".gitmodules", bad.oid), bad], {}, ["index-pack"]);
    await compare([broken, named(".gitmodules", broken.oid)]);
    const long = oddObject(BLOB, "x".repeat(2048));
    await compare([long, named(".gitattributes", long.oid)]);
    await compare([bad, named("GITMOD~1", bad.oid)], {
      levels: { gitmodulesurl: "ignore" },
    });
    await compare([bad, named(".gitmodules", bad.oid)], { skip: [bad.oid] });
    await compare([EMPTY_TREE, named(".gitmodules", EMPTY_TREE.oid)], {}, []);
  });

  it("are judged by levels and the list of exceptions", async () => {
    const odd = tree(["100644", "."], ["100644", ".."], ["100664", "c"]);
    await compare([odd], { levels: { hasdot: "warn", hasdotdot: "ignore" } });
    await compare([odd], { levels: { hasdot: "warn", badfilemode: "error" } });
    await compare([odd], { skip: [odd.oid] });
    const signed = tag(
      `object ${ID}\ntype commit\ntag v\ntagger x\nmore\n\nx\n`,
    );
    await compare([signed], { levels: { extraheaderentry: "error" } });
    await compare([signed], { levels: { missingemail: "warn" } });
    const open = commit(`tree ${ID}\nauthor ${WHO}\ncommitter ${WHO}`);
    await compare([open], { skip: [open.oid] });
    const plain = commit(
      `tree ${ID}\nauthor A\nauthor <a\ncommitter ${WHO}\n\nx\n`,
    );
    await compare([plain], {
      levels: {
        missingemail: "warn",
        missingnamebeforeemail: "warn",
        multipleauthors: "warn",
      },
    });
  });

  it("are refused like random objects are by git", async () => {
    const random = seeded(21);
    for (let i = 0; i < 30; i++) {
      await compare([randomCommit(random)], {}, ["index-pack"]);
      await compare([randomTag(random)], {}, ["unpack-objects"]);
      await compare([randomTree(random)], {}, ["index-pack"]);
    }
  });
});
