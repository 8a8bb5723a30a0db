import assert from "node:assert/strict";
import { fromBinary } from "../../../src/core/bytes.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { parseGitRequest } from "../../../src/wire/git_request.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const parse = (text: string) => parseGitRequest(fromBinary(text));

describe("parseGitRequest", () => {
  it("takes a service and a path alone", () => {
    assert.deepEqual(parse("git-upload-pack /a.git"), {
      service: "upload-pack",
      path: "/a.git",
      protocol: "",
    });
  });

  it("takes a line feed at the end, and a host", () => {
    assert.deepEqual(parse("git-receive-pack /a b\n\0host=Example.COM:99\0"), {
      service: "receive-pack",
      path: "/a b",
      host: { name: "example.com", port: "99" },
      protocol: "",
    });
  });

  it("takes extra parameters behind a second NUL", () => {
    assert.deepEqual(
      parse("git-upload-pack /a\0host=h\0\0version=2\0x=1\0"),
      {
        service: "upload-pack",
        path: "/a",
        host: { name: "h", port: "" },
        protocol: "version=2:x=1",
      },
    );
  });

  it("takes extra parameters without a host", () => {
    assert.equal(
      parse("git-upload-pack /a\0\0version=1\0").protocol,
      "version=1",
    );
  });

  it("takes a thousand of them, and an end without NUL", () => {
    const extra = Array.from({ length: 1000 }, (_, n) => `k${n}`);
    const { protocol } = parse(`git-upload-pack /a\0\0${extra.join("\0")}`);
    assert.equal(protocol, extra.join(":"));
  });

  it("takes an IPv6 address in brackets", () => {
    assert.deepEqual(parse("git-upload-pack /\0HOST=[::1]:9418\0").host, {
      name: "::1",
      port: "9418",
    });
    assert.deepEqual(parse("git-upload-pack /\0host=[::1]\0").host, {
      name: "::1",
      port: "",
    });
  });

  const hosts: readonly (readonly [string, string])[] = [
    ["..", ""],
    ["/../x", "x"],
    ["../../etc", "etc"],
    ["a..b.", "a.b"],
    ["A/B", "ab"],
    ["\xc9", "\xc9"],
  ];
  for (const [sent, name] of hosts) {
    it(`makes the host ${JSON.stringify(sent)} safe for a path`, () => {
      assert.equal(
        parse(`git-upload-pack /a\0host=${sent}\0`).host?.name,
        name,
      );
    });
  }

  it("tells a host without a value from none", () => {
    assert.deepEqual(parse("git-upload-pack /a\0host=\0").host, {
      name: "",
      port: "",
    });
    assert.equal(parse("git-upload-pack /a\0").host, undefined);
  });

  const bad: readonly (readonly [string, string])[] = [
    ["git-upload-pack /a\0user=x\0", "Invalid request"],
    ["git-upload-pack /a\0host=a\0host=b\0", "Invalid request"],
    [
      "git-upload-pack /a\0host=[::1\0",
      "Invalid request ('[' without ']')",
    ],
    ["git-upload-pack /a\0host=[::1]x\0", "Garbage after end of host part"],
    ["git-evil-pack /a", "Protocol error: 'git-evil-pack /a'"],
    ["git-upload-pack", "Protocol error: 'git-upload-pack'"],
    ["upload-pack /a", "Protocol error: 'upload-pack /a'"],
    ["", "Protocol error: ''"],
    ["\0", "Protocol error: ''"],
    ["git-\x1b[2J /a", "Protocol error: 'git-\\x1b[2J /a'"],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parse(text), (error) => {
        assert.ok(error instanceof ProtocolError);
        assert.equal(error.message, message);
        return true;
      });
    });
  }

  it("gives a value or a ProtocolError for any bytes", () => {
    for (let seed = 0; seed < 500; seed++) {
      const random = seeded(seed);
      const bytes = fromBinary("git-upload-pack /a\0host=[x]:1\0\0version=2\0");
      for (let i = 0; i < 4; i++) {
        bytes[random.int(bytes.length)] = random.int(256);
      }
      try {
        parseGitRequest(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, `seed ${seed}: ${error}`);
      }
    }
  });
});
