/**
 * Packs that are in order, and whose objects are too much, of the wrong kind,
 * or not what they should be: what bounds them, what is checked of them, and
 * that readers survive those that are taken nevertheless.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { repositoryWithAlternates } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitSync, tryGit } from "../support/git.ts";
import { doublingChain } from "../support/pushes/doubling.ts";
import { BROKEN, KEPT, NAME, PackTrial } from "../support/pushes/pack_trial.ts";
import {
  entryBytes,
  packOf,
  rawDelta,
  type RawEntry,
  rawId,
  rawPack,
  sizeBytes,
  TYPES,
} from "../support/pushes/raw_pack.ts";
import { reportIn } from "../support/pushes/raw_push.ts";
import { SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take these as constants.
const trial = await PackTrial.start("bad-objects");
const { good } = trial;
for (const name of KEPT) {
  const checked = trial.path(`checked-${name}`);
  gitSync(["clone", "--quiet", "--bare", trial.path(name), checked]);
  for (
    const [key, value] of [
      ["receive.fsckObjects", "true"],
      ["gitsrv.fsync", "off"],
      ["receive.unpackLimit", name === "packed.git" ? "1" : "1000000"],
    ] as const
  ) {
    gitSync(["config", key, value], { cwd: checked });
  }
}
const CHECKED = KEPT.map((name) => `checked-${name}`);

after(() => trial.stop());

const BANDS = "report-status side-band-64k";
const TEXT = Buffer.from("some text that is pushed, and more of it\n");
const BLOB: RawEntry = { type: TYPES.blob, data: TEXT };
const hexOf = (type: string, data: Uint8Array): string =>
  rawId(type, data).toString("hex");

/** Refused for a reason that the client reads, and nothing is left. */
async function refusedWith(
  pack: Uint8Array,
  words: RegExp,
  options: { to?: string; name?: string; from?: readonly string[] } = {},
): Promise<void> {
  const { to = hexOf("blob", TEXT), name = NAME, from = KEPT } = options;
  for (const repository of from) {
    const before = trial.filesOf(repository);
    const push = { to, name, capabilities: BANDS };
    const { text } = await trial.push(repository, pack, push);
    assert.match(text, words, `${repository}: ${text.slice(-500)}`);
    assert.match(text, new RegExp(`ng ${name} `), repository);
    assert.deepEqual(trial.filesOf(repository), before, repository);
  }
}

describe("a bound", () => {
  it("keeps some hundred bytes from becoming 256 MB", async () => {
    if (SERVER === "git") return;
    const pack = doublingChain(256 * 1024 * 1024);
    assert.ok(pack.length < 1500, `${pack.length}`);
    await trial.expectTaken(rawPack([BLOB]), hexOf("blob", TEXT));
    const before = trial.peakMemory();
    await refusedWith(pack, /fatal: pack expands to more than \d+ bytes/);
    assert.ok(trial.peakMemory() - before < 128 * 1024 * 1024);
  });

  it("keeps a million deltas from standing on each other", async () => {
    if (SERVER === "git") return;
    // Each makes its base anew.
    const data = rawDelta(TEXT.length, TEXT.length, 0x90, TEXT.length);
    const plain = { type: TYPES.ofs, data, base: 0 };
    const own = entryBytes({ ...plain, base: 17 }).length;
    const first = entryBytes({ ...plain, base: entryBytes(BLOB).length });
    const next = entryBytes({ ...plain, base: own });
    assert.equal(next.length, own);
    const count = 1_000_000;
    const chain = Buffer.alloc((count - 1) * own, next);
    const pack = packOf([entryBytes(BLOB), first, chain], count + 1);
    await refusedWith(
      pack,
      /fatal: pack has a chain of more than 10000 deltas/,
    );
  });

  it("of memory holds for many deltas of one large base", async () => {
    const data = Buffer.alloc(16_000_000, "large base\n");
    const base = { type: TYPES.blob, data };
    const size = data.length;
    const small = rawDelta(size, 4, 0x91, 0, 4);
    const entry = { type: TYPES.ref, data: small, base: rawId("blob", data) };
    const count = 50_000;
    const bytes = entryBytes(entry);
    const many = Buffer.alloc(count * bytes.length, bytes);
    const pack = packOf([entryBytes(base), many], count + 1);
    const before = trial.peakMemory();
    await trial.expectTaken(pack, hexOf("blob", data), ["packed.git"]);
    if (SERVER === "ours") {
      assert.ok(trial.peakMemory() - before < 200_000_000);
    }
  });

  it("of bytes ends a push that has more at once", async () => {
    const noise = Buffer.from(
      Array.from(
        { length: 60_000 },
        (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24,
      ),
    );
    const pack = rawPack([{
      type: TYPES.blob,
      data: noise,
      stream: deflateSync(noise, { level: 0 }),
    }]);
    for (const name of KEPT) {
      const copy = trial.copy(name);
      const cwd = trial.path(copy);
      gitSync(["config", "receive.maxInputSize", "20000"], { cwd });
      await refusedWith(pack, /fatal: pack exceeds maximum allowed size/, {
        to: hexOf("blob", noise),
        from: [copy],
      });
    }
  });

  it("of bytes of a push is what configuration says", async () => {
    if (SERVER === "git") return;
    const big = Buffer.alloc(3_000_000);
    const cases = [
      ["gitsrv.maxObjectBytes", "pack has an object of 3000000 bytes"],
      ["gitsrv.maxInflatedBytes", "pack expands to more than 1000000 bytes"],
    ] as const;
    for (const [key, words] of cases) {
      const copy = trial.copy("packed.git");
      gitSync(["config", key, "1000000"], { cwd: trial.path(copy) });
      await refusedWith(
        rawPack([{ type: TYPES.blob, data: big }]),
        new RegExp(`fatal: ${words}`),
        { to: hexOf("blob", big), from: [copy] },
      );
    }
  });

  it("of memory lets a blob be larger than what is held", async () => {
    if (SERVER === "git") return;
    const copy = trial.copy("packed.git");
    const cwd = trial.path(copy);
    gitSync(["config", "gitsrv.maxHeldBytes", "1000000"], { cwd });
    const big = Buffer.alloc(3_000_000);
    const entry = { type: TYPES.blob, data: big };
    const to = hexOf("blob", big);
    const delta = rawDelta(big.length, 4, 0x91, 0, 4);
    const base = entryBytes(entry).length;
    await refusedWith(
      rawPack([entry, { type: TYPES.ofs, data: delta, base }]),
      /fatal: pack has a delta of an object of 3000000 bytes/,
      { to, from: [copy] },
    );
    await refusedWith(
      rawPack([{ type: TYPES.tree, data: big }]),
      /fatal: pack has an object of 3000000 bytes/,
      { to, from: [copy] },
    );
    await trial.expectTaken(rawPack([entry]), to, [copy]);
  });
});

describe("a thin delta", () => {
  // Made by its server, so that nothing large goes over the wire.
  const large = Buffer.alloc(20_000_000, "a large file that is changed\n");
  const id = rawId("blob", large);
  const changed = Buffer.concat([Buffer.from("!"), large]);
  const delta = Buffer.from([
    ...sizeBytes(large.length),
    ...sizeBytes(changed.length),
    ...[1, 0x21],
    ...copies(large.length),
  ]);
  const first = { type: TYPES.ref, data: delta, base: id };
  const again = Buffer.from([
    ...sizeBytes(changed.length),
    ...sizeBytes(changed.length),
    ...copies(changed.length),
  ]);
  // Another version, based on the first one.
  const base = entryBytes(first).length;
  const thin = rawPack([first, { type: TYPES.ofs, data: again, base }]);

  for (const name of KEPT) {
    it(`of a large object that is here is taken (${name})`, async () => {
      const copy = trial.copy(name);
      const cwd = trial.path(copy);
      gitSync(["hash-object", "-w", "--stdin"], { cwd, input: large });
      if (SERVER === "ours") {
        // No more than the change itself.
        gitSync(["config", "gitsrv.maxInflatedBytes", "1000000"], { cwd });
      }
      const to = hexOf("blob", changed);
      await trial.expectTaken(thin, to, [copy]);
    });

    it(`of an object of an alternate is taken (${name})`, async () => {
      const there = { path: good.path, format: "sha1", seed: 0 } as const;
      const borrowing = `borrowing-${name}`;
      repositoryWithAlternates(there, trial.path(borrowing));
      const limit = name === "packed.git" ? "1" : "1000000";
      const cwd = trial.path(borrowing);
      gitSync(["config", "receive.unpackLimit", limit], { cwd });
      const text = gitSync(["cat-file", "blob", good.blob], { cwd });
      const data = rawDelta(text.length, 4, 0x91, 0, 4);
      const base = Buffer.from(good.blob, "hex");
      const result = Buffer.from(text.slice(0, 4), "latin1");
      await trial.expectTaken(
        rawPack([{ type: TYPES.ref, data, base }]),
        hexOf("blob", result),
        [borrowing],
      );
    });
  }
});

/** Instructions that copy a whole base. */
function copies(length: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < length; at += 0xffff) {
    const size = Math.min(0xffff, length - at);
    out.push(0xbf);
    for (let i = 0; i < 4; i++) out.push(Math.floor(at / 2 ** (8 * i)) & 255);
    out.push(size & 255, size >>> 8);
  }
  return out;
}

describe("an object of the name of another", () => {
  for (const name of KEPT) {
    it(`is refused, and changes nothing (${name})`, async () => {
      // What is here says that it is the blob, and has other bytes.
      const copy = trial.copy(name);
      const id = hexOf("blob", TEXT);
      const other = Buffer.from(TEXT);
      other[0] = 0x53;
      const at = join(trial.path(copy), "objects", id.slice(0, 2));
      mkdirSync(at, { recursive: true });
      const file = join(at, id.slice(2));
      writeFileSync(
        file,
        deflateSync(Buffer.concat([
          Buffer.from(`blob ${TEXT.length}\0`),
          other,
        ])),
      );
      chmodSync(file, 0o444);
      // git does not look at it when it unpacks.
      if (SERVER === "git" && name === "loose.git") return;
      await refusedWith(
        rawPack([BLOB]),
        SERVER === "git" ? /SHA1 COLLISION FOUND/ : /fatal: /,
        { to: id, from: [copy] },
      );
    });
  }

  it("is no base of itself where it is there by a delta, too", async () => {
    const twice = rawDelta(TEXT.length, TEXT.length, 0x90, TEXT.length);
    const base = rawId("blob", TEXT);
    const byName = { type: TYPES.ref, data: twice, base };
    const to = base.toString("hex");
    for (const entries of [[BLOB, byName], [byName, BLOB]]) {
      await refusedWith(
        rawPack(entries),
        /fatal: REF_DELTA at offset \d+ already resolved \(duplicate base/,
        { to, from: SERVER === "git" ? ["packed.git"] : KEPT },
      );
    }
    const distance = entryBytes(BLOB).length;
    const byOffset = { type: TYPES.ofs, data: twice, base: distance };
    await trial.expectTaken(rawPack([BLOB, byOffset]), to);
  });
});

const treeOf = (
  ...entries: readonly (readonly [mode: string, name: string, id?: string])[]
): Buffer =>
  Buffer.concat(entries.map(([mode, name, id = good.blob]) =>
    Buffer.concat([
      Buffer.from(`${mode} ${name}\0`, "latin1"),
      Buffer.from(id, "hex"),
    ])
  ));
const GOOD_TREE = treeOf(["100644", "file"]);
const PEOPLE = "author A <a@b> 1700000000 +0000\n" +
  "committer A <a@b> 1700000000 +0000\n";
const commitOf = (tree: Uint8Array, people = PEOPLE): Buffer =>
  Buffer.from(`tree ${hexOf("tree", tree)}\n${people}\nm\n`, "latin1");
const ABSENT = "12".repeat(20);

describe("what a pack lacks", () => {
  const tree = { type: TYPES.tree, data: GOOD_TREE };
  const lacking = (head: string): Buffer =>
    Buffer.from(`${head}${PEOPLE}\nm\n`);
  const treeId = hexOf("tree", GOOD_TREE);
  const cases: readonly (readonly [string, string, Buffer, RawEntry[]])[] = [
    [
      "a parent",
      "commit",
      lacking(`tree ${treeId}\nparent ${ABSENT}\n`),
      [tree],
    ],
    ["a tree", "commit", lacking(`tree ${ABSENT}\n`), []],
    ["a blob", "tree", treeOf(["100644", "file", ABSENT]), []],
    [
      "what a tag names",
      "tag",
      Buffer.from(
        `object ${ABSENT}\ntype commit\ntag v\n` +
          "tagger A <a@b> 1700000000 +0000\n\nm\n",
      ),
      [],
    ],
    ["what its ref is to be", "none", Buffer.from("nothing"), [BLOB]],
  ];
  for (const [words, type, data, others] of cases) {
    it(`is missed: ${words}`, async () => {
      const entries = type === "none" ? others : [
        { type: TYPES[type as "commit"], data },
        ...others,
      ];
      const to = type === "none" ? ABSENT : hexOf(type, data);
      await refusedWith(
        rawPack(entries),
        new RegExp(`ng ${NAME} missing necessary objects`),
        { to },
      );
    });
  }

  for (
    const [type, data] of [["tree", GOOD_TREE], ["blob", TEXT]] as const
  ) {
    it(`is a commit, where a branch gets a ${type}`, async () => {
      const name = "refs/heads/odd";
      for (const repository of KEPT) {
        const copy = trial.copy(repository);
        const { text } = await trial.push(
          copy,
          rawPack([{ type: TYPES[type], data }]),
          { to: hexOf(type, data), name, capabilities: BANDS },
        );
        assert.match(text, /ng refs\/heads\/odd /);
        assert.match(text, /trying to write non-commit object/);
      }
    });
  }
});

/** Objects that something is wrong with, and git's name for that. */
const MALFORMED: readonly (readonly [string, string, Buffer])[] = [
  ["badTree", "commit", Buffer.from(`tree x\n${PEOPLE}\nm\n`)],
  [
    "missingAuthor",
    "commit",
    commitOf(GOOD_TREE, "committer A <a@b> 1 +0000\n"),
  ],
  ["missingEmail", "commit", commitOf(GOOD_TREE, PEOPLE.replace("<a@b>", ""))],
  [
    "badDate",
    "commit",
    commitOf(GOOD_TREE, PEOPLE.replace("1700000000", "now")),
  ],
  [
    "nulInHeader",
    "commit",
    commitOf(GOOD_TREE, PEOPLE.replace("<a@b>", "<a\0b>")),
  ],
  ["treeNotSorted", "tree", treeOf(["100644", "b"], ["100644", "a"])],
  ["duplicateEntries", "tree", treeOf(["100644", "a"], ["100644", "a"])],
  ["fullPathname", "tree", treeOf(["100644", "a/b"])],
  ["badTree", "tree", treeOf(["100644", ""])],
  ["hasDot", "tree", treeOf(["100644", "."])],
  ["hasDotdot", "tree", treeOf(["100644", ".."])],
  ["hasDotgit", "tree", treeOf(["100644", ".git"])],
  ["hasDotgit", "tree", treeOf(["100644", ".GIT"])],
  ["hasDotgit", "tree", treeOf(["100644", "git~1"])],
  ["hasDotgit", "tree", treeOf(["100644", ".git::$INDEX_ALLOCATION"])],
  ["hasDotgit", "tree", treeOf(["100644", ".g\xe2\x80\x8cit"])],
  ["badTree", "tree", GOOD_TREE.subarray(0, 20)],
  [
    "gitmodulesSymlink",
    "tree",
    treeOf(["120000", ".gitmodules"]),
  ],
  [
    "badType",
    "tag",
    Buffer.from(`object ${good.main}\ntype evil\ntag v\n\nm\n`),
  ],
];

describe("an object that something is wrong with", () => {
  for (const [index, [id, type, data]] of MALFORMED.entries()) {
    it(`is named where objects are checked: ${id} (${index})`, async () => {
      const entries = [
        { type: TYPES[type as "commit"], data },
        { type: TYPES.tree, data: GOOD_TREE },
      ];
      const oid = hexOf(type, data);
      await refusedWith(
        rawPack(entries),
        new RegExp(`object ${oid}: ${id}: |fatal: invalid ${type}`),
        { to: oid, from: CHECKED },
      );
    });
  }

  for (
    const [id, text] of [
      ["gitmodulesName", '[submodule "../x"]\n\tpath = x\n\turl = y\n'],
      ["gitmodulesUrl", '[submodule "x"]\n\tpath = x\n\turl = -uevil\n'],
      [
        "gitmodulesUrl",
        '[submodule "x"]\n\tpath = x\n\turl = "https://a%0ab/"\n',
      ],
    ] as const
  ) {
    it(`is named where .gitmodules are: ${id} ${text.length}`, async () => {
      const blob = Buffer.from(text);
      const tree = treeOf(["100644", ".gitmodules", hexOf("blob", blob)]);
      const pack = rawPack([
        { type: TYPES.blob, data: blob },
        { type: TYPES.tree, data: tree },
      ]);
      const to = hexOf("tree", tree);
      await refusedWith(pack, new RegExp(`${id}: `), { to, from: CHECKED });
      for (const name of KEPT) {
        const copy = trial.copy(name);
        const { text } = await trial.push(copy, pack, { to });
        assert.match(text, /unpack ok/);
      }
    });
  }

  it("harms no reader where objects are not checked", async () => {
    const copy = trial.copy("packed.git");
    const twin = trial.copy("packed.git");
    for (const [index, [id, type, data]] of MALFORMED.entries()) {
      const commit = type === "tree" ? commitOf(data) : data;
      const entries = [
        { type: TYPES.tree, data: GOOD_TREE },
        { type: TYPES[type as "commit"], data },
        ...(type === "tree" ? [{ type: TYPES.commit, data: commit }] : []),
      ];
      const name = `refs/odd/${index}`;
      const to = hexOf(type === "tree" ? "commit" : type, commit);
      const pack = rawPack(entries);
      const { report } = await trial.push(copy, pack, { to, name });
      // As git decides.
      const input = trial.bytesOf(pack, { to, name });
      const reference = await tryGit(["receive-pack", trial.path(twin)], {
        input,
      });
      const theirs = reportIn(Buffer.from(reference.stdout, "latin1"));
      assert.deepEqual(report, theirs, `${id} ${index}`);
    }
    await readEverything(copy);
  });
});

/** All that can be asked of a repository; whatever comes of it, ours lives. */
async function readEverything(repository: string): Promise<void> {
  const url = trial.daemon.url(`/${repository}`);
  const cwd = temporaryDirectory("odd");
  const listed = await tryGit(["ls-remote", url], { cwd });
  assert.equal(listed.code, 0, listed.stderr);
  const names = listed.stdout.split("\n").map((line) => line.split("\t")[1])
    .filter((name) => name?.startsWith("refs/odd/"));
  assert.ok(names.length > 5, listed.stdout);
  const all = "+refs/*:refs/*";
  const ways = [
    [],
    ["--filter=blob:none"],
    ["--filter=tree:1"],
    ["--filter=sparse:oid=main:file"],
    ["--depth=1"],
  ];
  for (const [index, way] of ways.entries()) {
    const to = join(cwd, `${index}.git`);
    gitSync(["init", "--quiet", "--bare", to]);
    await tryGit(["fetch", "--quiet", ...way, url, all], { cwd: to });
  }
  await Promise.all(names.map(async (name) => {
    await tryGit(["archive", `--remote=${url}`, "--format=tar", `${name}`], {
      cwd,
    });
  }));
  const after = await tryGit(["ls-remote", url], { cwd });
  assert.equal(after.stdout, listed.stdout);
  assert.doesNotMatch(trial.daemon.log(), /BUG|TypeError|RangeError/);
}

describe("a refused pack", () => {
  it("gives its reason without bands by its status alone", async () => {
    const { report } = await trial.push(
      "packed.git",
      rawPack([{ type: 0, data: TEXT }]),
      { to: hexOf("blob", TEXT) },
    );
    assert.match(report[0] ?? "", BROKEN);
  });
});
