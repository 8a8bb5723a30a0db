import assert from "node:assert/strict";
import {
  formatCapability,
  parseCapabilities,
  sanitizeAgent,
} from "../../../src/wire/capabilities.ts";
import { highestVersion } from "../../../src/wire/protocol_version.ts";
import { describe, it } from "../../support/test.ts";

describe("parseCapabilities", () => {
  it("takes bare names and values", () => {
    assert.deepEqual(
      [...parseCapabilities(" multi_ack thin-pack  agent=git/2.39=x\n")],
      [["multi_ack", ""], ["thin-pack", ""], ["agent", "git/2.39=x"]],
    );
  });

  it("lets the first of a repeated name count", () => {
    assert.equal(parseCapabilities("a=1 a=2 a").get("a"), "1");
  });

  it("does not take a name for one that it starts with", () => {
    const found = parseCapabilities(" multi_ack_detailed side-band-64k");
    assert.ok(!found.has("multi_ack"));
    assert.ok(!found.has("side-band"));
  });

  it("finds nothing in nothing", () => {
    assert.equal(parseCapabilities("").size, 0);
    assert.equal(parseCapabilities(" \n").size, 0);
  });
});

describe("formatCapability", () => {
  it("leaves out the sign where there is no value", () => {
    assert.equal(formatCapability("shallow", ""), "shallow");
    assert.equal(formatCapability("agent", "x/1"), "agent=x/1");
  });
});

describe("sanitizeAgent", () => {
  it("replaces what is no printable ASCII", () => {
    assert.equal(sanitizeAgent(" git sr\x1bv/\xe9 "), "git.sr.v/.");
  });
});

describe("highestVersion", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["", 0],
    ["version=0", 0],
    ["version=1", 1],
    ["version=2", 2],
    ["version=1:version=2", 2],
    ["version=2:version=1", 2],
    ["a=b:version=1:c", 1],
    ["version=99", 0],
    ["version=zz:version=1", 1],
    ["version=2x", 0],
    ["version= 2", 0],
    ["version=02", 0],
    ["Version=2", 0],
    ["version=2\n", 0],
    ["__proto__:constructor", 0],
  ];
  for (const [text, version] of cases) {
    it(`finds ${version} in ${JSON.stringify(text)}`, () => {
      assert.equal(highestVersion(text), version);
    });
  }
});
