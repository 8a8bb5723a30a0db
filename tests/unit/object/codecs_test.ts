import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { type Oid, SHA1, SHA256 } from "../../../src/core/oid.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import { parseCommit } from "../../../src/object/commit.ts";
import { BLOB, COMMIT, TAG, TREE } from "../../../src/object/kind.ts";
import {
  encodeObjectHeader,
  objectId,
  parseObjectHeader,
} from "../../../src/object/raw.ts";
import { parseTag } from "../../../src/object/tag.ts";
import {
  encodeTree,
  parseTree,
  treeEntryKind,
} from "../../../src/object/tree.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const kernels = selectKernels();
const A = "a".repeat(40) as Oid;
const B = "b".repeat(40) as Oid;

describe("Object headers", () => {
  it("are written as git writes them, and read back", () => {
    assert.equal(toBinary(encodeObjectHeader(BLOB, 12)), "blob 12\0");
    for (const kind of [COMMIT, TREE, BLOB, TAG] as const) {
      for (const size of [0, 9, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
        const header = encodeObjectHeader(kind, size);
        assert.deepEqual(parseObjectHeader(header), {
          kind,
          size,
          length: header.length,
        });
      }
    }
  });

  it("are refused where git refuses them", () => {
    const wrong = [
      "",
      "blob",
      "blob 1",
      "blob \0",
      "blob 01\0",
      "blob -1\0",
      "blob 1 \0",
      "blub 1\0",
      "blob  1\0",
      "Blob 1\0",
      "blob 9007199254740993\0",
      `${"x".repeat(40)} 1\0`,
    ];
    for (const text of wrong) {
      assert.equal(parseObjectHeader(fromBinary(text)), undefined, text);
    }
  });

  it("are part of an object's id", () => {
    const empty = new Uint8Array(0);
    // git hash-object -t blob /dev/null, in both formats.
    assert.equal(
      objectId(BLOB, empty, SHA1, kernels),
      "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    );
    assert.equal(
      objectId(BLOB, empty, SHA256, kernels),
      "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    );
    assert.equal(
      objectId(TREE, empty, SHA1, kernels),
      "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    );
  });
});

describe("parseCommit", () => {
  const commit = (rest: string) =>
    parseCommit(fromBinary(`tree ${A}\n${rest}`), SHA1);
  const people = (time: string) =>
    `author N <e> 5 +0000\ncommitter N <e> ${time} +0000\n\nm\n`;

  it("reads the tree, the parents and the committer's time", () => {
    assert.deepEqual(commit(people("1700000000")), {
      tree: A,
      parents: [],
      time: 1700000000,
    });
    assert.deepEqual(commit(`parent ${A}\nparent ${B}\n${people("7")}`), {
      tree: A,
      parents: [A, B],
      time: 7,
    });
  });

  it("reads broken times as git does", () => {
    const times: [string, number][] = [
      [people("-1"), 2 ** 64],
      [people("+12"), 12],
      [people("12.5"), 12],
      [people("x"), 0],
      [people("99999999999999999999999"), 2 ** 64],
      ["author N <e> 5 +0000\n\nm\n", 0],
      ["committer N <e> 5 +0000\n\nm\n", 0],
      ["author N <e> 5 +0000\ncommitter N e 5 +0000\n", 0],
      ["author N <e> 5 +0000\ncommitter N <e> 5", 0],
      ["author N <e>\ncommitter N <a> b> 8 +0000\n", 0],
      ["x".repeat(80), 0],
    ];
    for (const [text, time] of times) {
      assert.equal(commit(text).time, time, text);
    }
  });

  it("refuses what git refuses, in its words", () => {
    const refused = (text: string, message: RegExp) =>
      assert.throws(() => parseCommit(fromBinary(text), SHA1), {
        name: "StorageError",
        code: "corrupt-object",
        message,
      });
    refused("", /bogus commit object/);
    refused(`tree ${A}\n`, /bogus commit object/);
    refused(`tree ${A} ${people("1")}`, /bogus commit object/);
    refused(`tree ${"g".repeat(40)}\n${people("1")}`, /bad tree pointer/);
    refused(`tree ${A}\nparent ${A}x${people("1")}`, /bad parents/);
    refused(`tree ${A}\nparent ${"g".repeat(40)}\nauthor`, /bad parents/);
    refused(`tree ${A}\nparent ${A}\n`, /bad parents/);
  });
});

describe("parseTag", () => {
  const tag = (head: string) => parseTag(fromBinary(head), SHA1);

  it("reads the target, its kind and the name", () => {
    assert.deepEqual(
      tag(`object ${A}\ntype tree\ntag v1 x\ntagger N <e> 1 +0000\n\nm\n`),
      { target: A, kind: TREE, name: "v1 x" },
    );
    // Old tags have no tagger.
    assert.equal(tag(`object ${A}\ntype commit\ntag v1\n\nm\n`).kind, COMMIT);
  });

  it("refuses what git refuses", () => {
    const wrong = [
      "",
      `object ${A}\ntype commit\n`,
      `object ${A} type commit\ntag v1\n\nm\n`,
      `object ${"g".repeat(40)}\ntype commit\ntag v1\n\nm\n`,
      `object ${A}\ntype commits\ntag v1\n\nm\n`,
      `object ${A}\ntypo commit\ntag v1\n\nm\n`,
      `object ${A}\ntype commit${"x".repeat(30)}`,
      `object ${A}\ntype commit\ntog v1\n\nm\n`,
      `object ${A}\ntype commit\ntag without an end`,
    ];
    for (const text of wrong) {
      assert.throws(() => tag(text), { code: "corrupt-object" }, text);
    }
  });
});

describe("Trees", () => {
  it("come back as they were written, sorted", () => {
    const seed = 31;
    const random = seeded(seed);
    for (const format of [SHA1, SHA256]) {
      for (let round = 0; round < 50; round++) {
        const names = new Set<string>();
        for (let n = random.int(20); n > 0; n--) {
          const name = toBinary(random.bytes(1 + random.int(3)));
          if (!/[\0/]/.test(name)) names.add(name);
        }
        const entries = [...names].map((name) => ({
          mode: random.pick([0o100644, 0o100755, 0o120000, 0o40000, 0o160000]),
          name,
          oid: random.pick(["1", "f"]).repeat(format.hexLength) as Oid,
        }));
        const parsed = parseTree(encodeTree(entries), format);
        assert.equal(parsed.length, entries.length);
        const byName = new Map(entries.map((entry) => [entry.name, entry]));
        let last = "";
        for (const entry of parsed) {
          assert.deepEqual(entry, byName.get(entry.name), `seed ${seed}`);
          const key = entry.mode === 0o40000 ? `${entry.name}/` : entry.name;
          assert.ok(last < key, `seed ${seed}`);
          last = key;
        }
      }
    }
  });

  it("are refused where git refuses them, in its words", () => {
    const id = "\x01".repeat(20);
    const cases: [string, string][] = [
      ["100644 a\0short", "too-short tree object"],
      [`100644 a\0${id}x`, "too-short tree object"],
      [` a\0${id}`, "malformed mode in tree entry"],
      [`10064x a\0${id}`, "malformed mode in tree entry"],
      [`100644\0${id}`, "malformed mode in tree entry"],
      [`100644 \0${id}`, "empty filename in tree entry"],
      [`100644 a\0${id}100644 \0${id}`, "empty filename in tree entry"],
    ];
    for (const [text, message] of cases) {
      assert.throws(() => parseTree(fromBinary(text), SHA1), {
        code: "corrupt-object",
        message,
      }, JSON.stringify(text));
    }
    assert.deepEqual(parseTree(new Uint8Array(0), SHA1), []);
  });

  it("never read beyond their end, whatever they hold", () => {
    const seed = 5;
    const random = seeded(seed);
    for (let round = 0; round < 3000; round++) {
      const data = random.bytes(random.int(70));
      for (let i = 0; i < data.length; i++) {
        if (random.int(2) === 0) {
          data[i] = random.pick([0, 0x20, 0x30, 0x31, 0x37, 0x61]);
        }
      }
      try {
        for (const entry of parseTree(data, SHA1)) {
          assert.equal(entry.oid.length, 40, `seed ${seed}`);
        }
      } catch (error) {
        assert.equal((error as { code: string }).code, "corrupt-object");
      }
    }
  });

  it("have entries that are what git takes their modes for", () => {
    assert.equal(treeEntryKind(0o100664), "blob");
    assert.equal(treeEntryKind(0o120000), "blob");
    assert.equal(treeEntryKind(0o40000), "tree");
    assert.equal(treeEntryKind(0o160000), "gitlink");
    assert.equal(treeEntryKind(0), "gitlink");
  });
});
