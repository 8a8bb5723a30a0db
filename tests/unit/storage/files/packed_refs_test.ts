import assert from "node:assert/strict";
import { fromBinary } from "../../../../src/core/bytes.ts";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import { parseRefName } from "../../../../src/core/ref_name.ts";
import {
  type PackedRefs,
  parsePackedRefs,
} from "../../../../src/storage/files/packed_refs.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { failureOf } from "./support.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const FULL = "# pack-refs with: peeled fully-peeled sorted \n";

function parse(text: string): PackedRefs {
  return parsePackedRefs(fromBinary(text), "/r/packed-refs", SHA1);
}

function namesOf(refs: PackedRefs): string[] {
  return Array.from({ length: refs.size }, (_, i) => refs.record(i).name);
}

describe("parsePackedRefs", () => {
  it("reads refs with and without a peeled line", () => {
    const refs = parse(
      `${FULL}${A} refs/heads/main\n${B} refs/tags/v1\n^${A}\n`,
    );
    assert.deepEqual(refs.record(0), {
      name: "refs/heads/main",
      oid: A,
      peeled: null,
    });
    assert.deepEqual(refs.record(1), {
      name: "refs/tags/v1",
      oid: B,
      peeled: A,
    });
    assert.equal(refs.get("refs/heads/main")?.oid, A);
    assert.equal(refs.get("refs/heads/mai"), undefined);
    assert.equal(refs.get("refs/heads/main2"), undefined);
  });

  it("believes what the header says about peeling, and no more", () => {
    const body = `${A} refs/heads/a\n${A} refs/tags/b\n`;
    const peeled = (header: string): unknown[] => {
      const refs = parse(header + body);
      return [refs.record(0).peeled, refs.record(1).peeled];
    };
    assert.deepEqual(peeled(""), [undefined, undefined]);
    assert.deepEqual(peeled("# pack-refs with: peeled \n"), [undefined, null]);
    assert.deepEqual(peeled("# pack-refs with: fully-peeled \n"), [null, null]);
    assert.deepEqual(peeled("# pack-refs with: sorted\n"), [
      undefined,
      undefined,
    ]);
  });

  it("sorts refs, whatever the header says, and takes doubles once", () => {
    const refs = parse(
      `${FULL}${A} refs/b\n${A} refs/a/z\n${A} refs/a\n${B} refs/b\n`,
    );
    assert.deepEqual(namesOf(refs), ["refs/a", "refs/a/z", "refs/b"]);
    assert.equal(refs.get("refs/b")?.oid, A);
  });

  it("reads upper-case ids, SHA-256, an empty file and a lone header", () => {
    assert.equal(parse(`${"A".repeat(40)} refs/a\n`).record(0).oid, A);
    assert.equal(parse("").size, 0);
    assert.equal(parse(FULL).size, 0);
    const long = "c".repeat(64);
    const refs = parsePackedRefs(
      fromBinary(`${long} refs/a\n^${long}\n`),
      "/r/packed-refs",
      SHA256,
    );
    assert.deepEqual(refs.record(0), {
      name: "refs/a",
      oid: long,
      peeled: long,
    });
  });

  it("leaves out bad names, and refs outside refs/", () => {
    const refs = parse(
      `${A} HEAD\n${A} refs/heads/a..b\n${A} refs/heads/x.lock\n^${B}\n` +
        `${A} refs/heads/good\n`,
    );
    assert.deepEqual(namesOf(refs), ["refs/heads/good"]);
    assert.deepEqual(refs.badNames, ["refs/heads/a..b", "refs/heads/x.lock"]);
  });

  it("judges names as parseRefName does", () => {
    const seed = 99;
    const random = seeded(seed);
    const alphabet = [
      "a",
      ".",
      "/",
      "@",
      "{",
      "lock",
      ".lock",
      "~",
      " ",
      "\x7f",
      "\xff",
      "-",
      "*",
    ];
    for (let i = 0; i < 5000; i++) {
      let name = "refs/";
      for (let n = random.int(7); n >= 0; n--) name += random.pick(alphabet);
      if (/\/\/|\/\.{1,2}(\/|$)|\/$/.test(name)) continue;
      const isGood = parse(`${A} ${name}\n`).size === 1;
      assert.equal(
        isGood,
        parseRefName(name) !== undefined,
        `seed ${seed}: ${JSON.stringify(name)}`,
      );
    }
  });

  it("refuses broken files in git's words", async () => {
    const cases: [string, string][] = [
      [`${A} refs/a`, `unterminated line in /r/packed-refs: ${A} refs/a`],
      [`${FULL}garbage\n`, "unexpected line in /r/packed-refs: garbage"],
      [`^${A}\n`, `unexpected line in /r/packed-refs: ^${A}`],
      [
        `${A} refs/a\n^${A}\n^${A}\n`,
        `unexpected line in /r/packed-refs: ^${A}`,
      ],
      [`${A} refs/a\n^${A}\r\n`, "unexpected line in /r/packed-refs: ^"],
      [`${A.slice(1)} refs/a\n`, "unexpected line in /r/packed-refs: aaa"],
      [`${A}refs/a\n`, "unexpected line in /r/packed-refs: aaa"],
      ["# other\n", "unexpected line in /r/packed-refs: # other"],
      ["#", "unterminated line in /r/packed-refs: #"],
      [`${A} refs/a\n${A.slice(5)}`, "unterminated line in /r/packed-refs: a"],
      ["x".repeat(90) + "\n", `packed-refs: ${"x".repeat(75)}...`],
      [`${A} refs/../../x\n`, "packed refname is dangerous: refs/../../x"],
      [`${A} ../x\n`, "packed refname is dangerous: ../x"],
    ];
    for (const [text, message] of cases) {
      const error = await failureOf(() => parse(text), "bad-packed-refs");
      assert.ok(error.message.includes(message), error.message);
    }
  });

  it("finds every name among many, and no other", () => {
    const random = seeded(7);
    const names = [
      ...new Set(
        Array.from(
          { length: 2000 },
          () => `refs/${random.int(50)}/${random.int(900)}`,
        ),
      ),
    ].sort();
    const refs = parse(names.map((name) => `${A} ${name}\n`).join(""));
    assert.deepEqual(namesOf(refs), names);
    names.forEach((name, i) => {
      assert.equal(refs.lowerBound(name), i);
      assert.equal(refs.get(`${name}-`), undefined);
    });
  });
});
