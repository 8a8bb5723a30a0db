import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { UsageError } from "../../../../src/core/errors.ts";
import { parsePasswords } from "../../../../src/server/access/htpasswd.ts";
import {
  differenceOf,
  ownerOf,
  parseTokens,
} from "../../../../src/server/access/tokens.ts";
import { findProgram } from "../../../support/debian.ts";
import { describe, it } from "../../../support/test.ts";

const HASH = `$2y$05$${"a".repeat(53)}`;
const bytes = (text: string) => new TextEncoder().encode(text);
const sha256 = (text: string) =>
  createHash("sha256").update(text).digest("hex");

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  }
  throw new Error("It was taken");
}

describe("a file of passwords", () => {
  it("has a user to each line, comments, and any end of line", () => {
    const { hashes } = parsePasswords(
      bytes(
        `# who\r\n\r\nalice:${HASH}\r\n  # more\nböb :${
          HASH.replace("2y", "2b")
        }`,
      ),
      "/pw",
    );
    assert.deepEqual([...hashes.keys()], ["alice", "böb "]);
    assert.equal(hashes.get("alice"), HASH);
  });

  const others: readonly (readonly [string, string])[] = [
    ["$apr1$YkRmWmZl$9oXLFBIYXNbLgq1P.hdkO/", "Apache's MD5 (apr1)"],
    ["{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", "SHA-1"],
    ["$5$rounds=5000$abc$def", "SHA-2 (crypt)"],
    ["$6$abc$def", "SHA-2 (crypt)"],
    ["rqXexS6ZhobKA", "DES (crypt)"],
    ["$2x$05$" + "a".repeat(53), "a malformed bcrypt hash"],
    ["$2y$05$" + "a".repeat(52), "a malformed bcrypt hash"],
    ["hunter2", "plain text or an unknown scheme"],
    ["", "plain text or an unknown scheme"],
  ];
  for (const [secret, scheme] of others) {
    it(`is refused where it has ${scheme}: '${secret.slice(0, 9)}'`, () => {
      const message = refusal(() =>
        parsePasswords(bytes(`alice:${HASH}\n\nbob:${secret}\n`), "/my pw")
      );
      assert.equal(
        message,
        `/my pw:3: the password of 'bob' is kept as ${scheme}, not as bcrypt\n` +
          "hint: to set a password: htpasswd -B '/my pw' bob",
      );
    });
  }

  it("is refused where a line has no user, or one that rules need", () => {
    for (const name of ["", "anyone", "users", "nobody", "@devs", "a\tb"]) {
      assert.match(
        refusal(() => parsePasswords(bytes(`${name}:${HASH}`), "/pw")),
        /^\/pw:1: /,
      );
    }
    assert.match(
      refusal(() => parsePasswords(bytes("alice\n"), "/pw")),
      /^\/pw:1: no colon\nhint: .*htpasswd -B \/pw <user>$/,
    );
    assert.match(
      refusal(() =>
        parsePasswords(bytes(`a:${HASH}\nb:${HASH}\na:${HASH}`), "/pw")
      ),
      /^\/pw:3: 'a' is there twice/,
    );
    assert.match(
      refusal(() => parsePasswords(Uint8Array.of(0xff, 0x3a), "/pw")),
      /not UTF-8/,
    );
  });

  it("is refused where a check would take hours", () => {
    const costly = HASH.replace("$05$", "$31$");
    assert.match(
      refusal(() => parsePasswords(bytes(`a:${costly}`), "/pw")),
      /a bcrypt cost of 31 is none of 04 to 17/,
    );
  });

  it("has for unknown names a hash of the cost that most have", () => {
    const of = (cost: string) => HASH.replace("$05$", `$${cost}$`);
    const { nobodys } = parsePasswords(
      bytes(`a:${of("05")}\nb:${of("10")}\nc:${of("10")}`),
      "/pw",
    );
    assert.match(nobodys, /^\$2b\$10\$[./A-Za-z0-9]{53}$/);
  });

  it("is what the real htpasswd writes with -B", () => {
    const line = execFileSync(findProgram("htpasswd"), [
      "-nbB",
      "alice",
      "se:cret",
    ], {
      encoding: "utf8",
    });
    const { hashes } = parsePasswords(bytes(line), "/pw");
    assert.match(hashes.get("alice") ?? "", /^\$2y\$/);
  });
});

describe("a file of tokens", () => {
  it("has users with any number of tokens, of which it knows the SHA-256", async () => {
    const tokens = parseTokens(
      bytes(
        `alice:${sha256("one")}\r\n# robot's\nrobot:${
          sha256("two").toUpperCase()
        }\nalice:${sha256("three")}\n`,
      ),
      "/tokens",
    );
    assert.equal(await ownerOf(tokens, "one"), "alice");
    assert.equal(await ownerOf(tokens, "two"), "robot");
    assert.equal(await ownerOf(tokens, "three"), "alice");
    assert.equal(await ownerOf(tokens, "four"), undefined);
    assert.equal(await ownerOf([], "one"), undefined);
  });

  it("is refused where something else is kept, which is not repeated", () => {
    for (
      const secret of ["hunter2", "", sha256("a").slice(1), "g".repeat(64)]
    ) {
      const message = refusal(() => parseTokens(bytes(`a:${secret}`), "/t"));
      assert.match(message, /^\/t:1: not a SHA-256 in hex\nhint: .*sha256sum/);
      assert.ok(secret === "" || !message.includes(secret));
    }
    const twice = `a:${sha256("x")}\nb:${sha256("x")}`;
    assert.match(refusal(() => parseTokens(bytes(twice), "/t")), /^\/t:2: /);
  });

  it("is looked through to its end, each token to its last byte", async () => {
    const reads = [0, 0, 0];
    const tokens = reads.map((_, i) => ({
      user: `user${i}`,
      digest: new Proxy(createHash("sha256").update(`t${i}`).digest(), {
        get(target, name) {
          if (/^\d+$/.test(String(name))) reads[i] = (reads[i] ?? 0) + 1;
          return Reflect.get(target, name);
        },
      }),
    }));
    for (const text of ["t0", "t2", "none"]) {
      reads.fill(0);
      await ownerOf(tokens, text);
      assert.deepEqual(reads, [32, 32, 32], text);
    }
  });

  it("differs where a byte or the length does", () => {
    const a = Uint8Array.of(1, 2, 3);
    assert.equal(differenceOf(a, Uint8Array.of(1, 2, 3)), 0);
    assert.notEqual(differenceOf(a, Uint8Array.of(1, 2, 4)), 0);
    assert.notEqual(differenceOf(a, Uint8Array.of(1, 2)), 0);
    assert.notEqual(differenceOf(a, Uint8Array.of(1, 2, 3, 0)), 0);
  });
});
