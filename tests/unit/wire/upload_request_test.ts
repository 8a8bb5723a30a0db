import assert from "node:assert/strict";
import { fromBinary } from "../../../src/core/bytes.ts";
import { ProtocolError, RefusedError } from "../../../src/core/errors.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../src/core/oid.ts";
import { requestLine } from "../../../src/wire/line.ts";
import {
  parseNegotiationLine,
  type UploadRequest,
  UploadRequestLines,
} from "../../../src/wire/upload_request.ts";
import { describe, it } from "../../support/test.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const LIMITS = { maxWants: 3, maxHaves: 3, maxShallow: 3 };

function parse(
  lines: readonly string[],
  format: ObjectFormat = SHA1,
): UploadRequest {
  const request = new UploadRequestLines(format, LIMITS);
  for (const line of lines) request.take(line);
  return request.request();
}

function refusal(...lines: string[]): string {
  try {
    parse(lines);
  } catch (error) {
    assert.ok(error instanceof ProtocolError || error instanceof RefusedError);
    return error.message;
  }
  return "accepted";
}

describe("requestLine", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["done\n", "done"],
    ["done", "done"],
    ["done\n\n", "done\n"],
    ["done\r\n", "done\r"],
    ["done ", "done "],
    ["a\0b\n", "a"],
    ["\0", ""],
    ["", ""],
    ["\n", ""],
    ["\xff\n", "\xff"],
  ];
  for (const [payload, line] of cases) {
    it(`reads ${JSON.stringify(payload)}`, () => {
      assert.equal(requestLine(fromBinary(payload)), line);
    });
  }

  it("refuses an error of the peer, and escapes it", () => {
    assert.throws(() => requestLine(fromBinary("ERR bo\x1b\n")), {
      code: "remote-error",
      message: "remote error: bo\\x1b",
    });
  });
});

describe("UploadRequestLines", () => {
  it("takes wants with capabilities, each want once", () => {
    const request = parse([
      `want ${A} multi_ack ofs-delta agent=x/1`,
      `want ${B}`,
      `want ${A}`,
    ]);
    assert.deepEqual(request.wants, [A, B]);
    assert.deepEqual([...request.capabilities], [
      ["multi_ack", ""],
      ["ofs-delta", ""],
      ["agent", "x/1"],
    ]);
  });

  it("adds the capabilities of later wants", () => {
    const request = parse([`want ${A} thin-pack`, `want ${B} ofs-delta`]);
    assert.deepEqual([...request.capabilities.keys()], [
      "thin-pack",
      "ofs-delta",
    ]);
  });

  it("takes upper-case digits, and ids of the other format", () => {
    assert.deepEqual(parse([`want ${A.toUpperCase()}`]).wants, [A]);
    const long = "c".repeat(64);
    assert.deepEqual(parse([`want ${long} x`], SHA256).wants, [long]);
  });

  it("takes the shallow family; the last depth counts", () => {
    const { shallow } = parse([
      `want ${A} deepen-relative`,
      `shallow ${A}`,
      `shallow ${B}`,
      `shallow ${A}`,
      "deepen 3",
      "deepen 0x10",
    ]);
    assert.deepEqual(shallow, {
      clientShallow: [A, B],
      depth: 16,
      relative: true,
      not: [],
    });
  });

  it("takes deepen-since and deepen-not", () => {
    const { shallow } = parse([
      `want ${A}`,
      "deepen-since 1600000000",
      "deepen-not refs/heads/x",
      "deepen-not v1",
    ]);
    assert.deepEqual(shallow, {
      clientShallow: [],
      depth: 0,
      relative: false,
      since: 1600000000,
      not: ["refs/heads/x", "v1"],
    });
  });

  it("takes a carriage return for a space, as git does", () => {
    assert.deepEqual(parse([`want ${A}\r`]).wants, [A]);
  });

  it("wants nothing where nothing was said", () => {
    assert.deepEqual(parse([]).wants, []);
  });

  const NO_ID = "git upload-pack: protocol error, expected to get object ID, ";
  const wants: readonly string[] = [
    "",
    "want",
    "want ",
    `want ${A.slice(1)}`,
    `want ${A}a`,
    `want ${"a".repeat(64)}`,
    `want ${A.slice(1)}g`,
    `want  ${A}`,
    `have ${A}`,
    "done",
    ` want ${A}`,
  ];
  for (const line of wants) {
    it(`refuses ${JSON.stringify(line)}`, () => {
      assert.equal(refusal(line), `${NO_ID}not '${line}'`);
    });
  }

  const others: readonly (readonly [string, string])[] = [
    ["deepen 0", "Invalid deepen: deepen 0"],
    ["deepen -1", "Invalid deepen: deepen -1"],
    ["deepen x", "Invalid deepen: deepen x"],
    ["deepen ", "Invalid deepen: deepen "],
    [
      "deepen 99999999999999999999",
      "Invalid deepen: deepen 99999999999999999999",
    ],
    ["deepen-since -1", "Invalid deepen-since: deepen-since -1"],
    ["deepen-since x\x1b", "Invalid deepen-since: deepen-since x\\x1b"],
    [`shallow ${A}0`, `invalid shallow line: shallow ${A}0`],
    [
      "filter blob:none",
      "git upload-pack: filtering capability not negotiated",
    ],
  ];
  for (const [line, message] of others) {
    it(`refuses ${JSON.stringify(line)}`, () => {
      assert.equal(refusal(line), message);
    });
  }

  it("keeps no more distinct wants than its limit", () => {
    const wants = [..."1234"].map((digit) => `want ${digit.repeat(40)}`);
    assert.equal(
      refusal(...wants),
      "upload-pack: too many wants (limit 3)",
    );
    assert.equal(
      refusal(...Array.from({ length: 100 }, () => `want ${A}`)),
      "accepted",
    );
  });

  it("keeps no more shallow lines than its limit", () => {
    const lines = [..."123"].map((digit) => `shallow ${digit.repeat(40)}`);
    assert.equal(
      refusal(...lines, "deepen-not x"),
      "upload-pack: too many shallow lines (limit 3)",
    );
  });
});

describe("parseNegotiationLine", () => {
  it("takes have and done", () => {
    assert.deepEqual(parseNegotiationLine(`have ${A}`, SHA1), {
      type: "have",
      oid: A,
    });
    assert.deepEqual(parseNegotiationLine("done", SHA1), { type: "done" });
  });

  const bad: readonly (readonly [string, string])[] = [
    ["have x", "git upload-pack: expected SHA1 object, got 'x'"],
    [`have ${A} `, `git upload-pack: expected SHA1 object, got '${A} '`],
    ["done ", "git upload-pack: expected SHA1 list, got 'done '"],
    ["", "git upload-pack: expected SHA1 list, got ''"],
    [`want ${A}`, `git upload-pack: expected SHA1 list, got 'want ${A}'`],
  ];
  for (const [line, message] of bad) {
    it(`refuses ${JSON.stringify(line)}`, () => {
      assert.throws(() => parseNegotiationLine(line, SHA1), { message });
    });
  }
});
