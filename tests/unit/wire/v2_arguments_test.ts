import assert from "node:assert/strict";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import {
  FetchArguments,
  type FetchRequest,
} from "../../../src/wire/v2_fetch.ts";
import {
  formatLsRefsLine,
  LsRefsArguments,
  type LsRefsRequest,
  TOO_MANY_PREFIXES,
} from "../../../src/wire/v2_ls_refs.ts";
import {
  formatObjectInfo,
  ObjectInfoArguments,
  type ObjectInfoRequest,
} from "../../../src/wire/v2_object_info.ts";
import { describe, it } from "../../support/test.ts";

const A = "a".repeat(40) as Oid;
const B = "b".repeat(40) as Oid;
const LIMITS = { maxWants: 2, maxHaves: 2, maxShallow: 2 };

function lsRefs(...lines: string[]): LsRefsRequest {
  const args = new LsRefsArguments();
  for (const line of lines) args.take(line);
  return args.request();
}

function fetch(...lines: string[]): FetchRequest {
  const args = new FetchArguments(SHA1, LIMITS);
  for (const line of lines) args.take(line);
  return args.request();
}

describe("LsRefsArguments", () => {
  it("takes every argument", () => {
    assert.deepEqual(
      lsRefs("peel", "symrefs", "unborn", "ref-prefix refs/heads/"),
      {
        peel: true,
        symrefs: true,
        unborn: true,
        prefixes: ["refs/heads/"],
      },
    );
  });

  it("wants every ref where nothing is said", () => {
    assert.deepEqual(lsRefs(), {
      peel: false,
      symrefs: false,
      unborn: false,
      prefixes: [],
    });
  });

  it("sorts prefixes and drops those that another covers", () => {
    const { prefixes } = lsRefs(
      "ref-prefix refs/tags/v",
      "ref-prefix refs/heads/main",
      "ref-prefix HEAD",
      "ref-prefix refs/heads/ma",
      "ref-prefix HEAD",
    );
    assert.deepEqual(prefixes, ["HEAD", "refs/heads/ma", "refs/tags/v"]);
    assert.deepEqual(lsRefs("ref-prefix a", "ref-prefix ").prefixes, [""]);
  });

  it("uses 65,535 prefixes and none of 65,536", () => {
    const many = Array.from(
      { length: TOO_MANY_PREFIXES },
      (_, n) => `ref-prefix x${String(n).padStart(6, "0")}`,
    );
    assert.equal(lsRefs(...many.slice(1)).prefixes.length, 65_535);
    assert.deepEqual(lsRefs(...many).prefixes, []);
    assert.deepEqual(lsRefs(...many, "ref-prefix y").prefixes, []);
  });

  for (const line of ["", "peel ", "ref-prefix", "unborn=1", "frob"]) {
    it(`refuses ${JSON.stringify(line)}`, () => {
      assert.throws(() => lsRefs(line), {
        message: `unexpected line: '${line}'`,
      });
    });
  }
});

describe("formatLsRefsLine", () => {
  it("puts the target before what is peeled", () => {
    assert.equal(
      formatLsRefsLine({ oid: A, name: "HEAD", target: "refs/x", peeled: B }),
      `${A} HEAD symref-target:refs/x peeled:${B}\n`,
    );
    assert.equal(formatLsRefsLine({ oid: A, name: "r" }), `${A} r\n`);
    assert.equal(
      formatLsRefsLine({ name: "HEAD", target: "refs/x" }),
      "unborn HEAD symref-target:refs/x\n",
    );
  });
});

describe("FetchArguments", () => {
  it("takes every argument", () => {
    const request = fetch(
      `want ${A}`,
      `want ${A}`,
      `have ${B}`,
      "thin-pack",
      "ofs-delta",
      "no-progress",
      "include-tag",
      "done",
      "wait-for-done",
      `shallow ${B}`,
      "deepen 5",
      "deepen-relative",
    );
    assert.deepEqual(request.wants, [A]);
    assert.deepEqual(request.haves, [B]);
    assert.equal(request.flags.size, 7);
    assert.deepEqual(request.shallow, {
      clientShallow: [B],
      depth: 5,
      relative: true,
      not: [],
    });
  });

  const unknown = [
    "",
    "frob",
    "filter blob:none",
    "want-ref refs/heads/main",
    "sideband-all",
    "done ",
    "side-band-64k",
  ];
  for (const line of unknown) {
    it(`refuses ${JSON.stringify(line)}, which is not advertised`, () => {
      assert.throws(() => fetch(line), {
        name: "ProtocolError",
        message: `unexpected line: '${line}'`,
      });
    });
  }

  it("takes refs and bands where they are advertised", () => {
    const args = new FetchArguments(
      SHA1,
      LIMITS,
      { features: new Set(["ref-in-want", "sideband-all"]) },
    );
    args.take("want-ref refs/heads/main");
    assert.ok(!args.sidebandAll);
    args.take("sideband-all");
    assert.ok(args.sidebandAll);
    args.take(`want ${A}`);
    args.take("want-ref refs/heads/main");
    const { wants, wantRefs, flags } = args.request();
    assert.deepEqual(wants, [A]);
    assert.deepEqual(wantRefs, [
      { name: "refs/heads/main", after: 0 },
      { name: "refs/heads/main", after: 1 },
    ]);
    assert.deepEqual([...flags], ["sideband-all"]);
    assert.throws(() => args.take("want-ref x"), { code: "too-many-wants" });
  });

  it("takes protocols of URIs from everyone, as git does", () => {
    assert.deepEqual(fetch("packfile-uris https"), fetch());
  });

  it("refuses what is no id", () => {
    assert.throws(() => fetch("want x"), {
      message: "git upload-pack: protocol error, expected to get oid, not " +
        "'want x'",
    });
    assert.throws(() => fetch(`have ${A}0`), {
      message: `git upload-pack: expected SHA1 object, got '${A}0'`,
    });
  });

  it("keeps its limits", () => {
    const ids = [..."123"].map((digit) => digit.repeat(40));
    assert.throws(() => fetch(...ids.map((id) => `want ${id}`)), {
      code: "too-many-wants",
    });
    assert.throws(() => fetch(...ids.map((id) => `have ${id}`)), {
      code: "too-many-haves",
    });
    assert.throws(() => fetch(...ids.map((id) => `shallow ${id}`)), {
      code: "too-many-shallow",
    });
  });
});

describe("ObjectInfoArguments", () => {
  const ask = (...lines: string[]): ObjectInfoRequest => {
    const args = new ObjectInfoArguments(SHA1, LIMITS);
    for (const line of lines) args.take(line);
    return args.request();
  };

  it("takes objects as often as they are asked for", () => {
    assert.deepEqual(ask(`oid ${A}`, "size", `oid ${A}`), {
      size: true,
      oids: [A, A],
    });
    assert.deepEqual(ask(), { size: false, oids: [] });
  });

  it("keeps what comes before the first bad name", () => {
    assert.deepEqual(ask(`oid ${A}`, "oid x", `oid ${B}`, "oid y"), {
      size: false,
      oids: [A],
      bad: "x",
    });
    assert.equal(ask(`oid ${A}0`).bad, `${A}0`);
  });

  it("refuses other lines, and too many", () => {
    assert.throws(() => ask("type\x1b"), {
      message: "object-info: unexpected line: 'type\\x1b'",
    });
    assert.throws(() => ask(`oid ${A}`, `oid ${A}`, `oid ${A}`), {
      name: "RefusedError",
      message: "object-info: too many oids (limit 2)",
    });
  });

  it("answers with git's lines", () => {
    assert.equal(formatObjectInfo(A, { size: 0 }), `${A} 0`);
    assert.equal(formatObjectInfo(A, { size: undefined }), `${A} `);
    assert.equal(formatObjectInfo(A, undefined), A);
  });
});
