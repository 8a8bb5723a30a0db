import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SILENT } from "../../../../src/core/logger.ts";
import { parseAuthorization } from "../../../../src/server/access/authorization.ts";
import { CheckQueue } from "../../../../src/server/access/check_queue.ts";
import { parsePasswords } from "../../../../src/server/access/htpasswd.ts";
import { parseTokens } from "../../../../src/server/access/tokens.ts";
import { Verifier } from "../../../../src/server/access/verifier.ts";
import { describe, it } from "../../../support/test.ts";

const RIGHT = true;
const WRONG = false;

const bytes = (text: string) => new TextEncoder().encode(text);
const base64 = (text: string) => btoa(String.fromCharCode(...bytes(text)));
const basic = (text: string) => `Basic ${base64(text)}`;
const HASH = `$2y$05$${"a".repeat(53)}`;

describe("the header Authorization", () => {
  it("has a name up to the first colon, and a password with any", () => {
    for (
      const [user, password] of [
        ["alice", "secret"],
        ["alice", "se:cr:et"],
        ["alice", ""],
        ["älice b", "pässword ✓"],
      ] as const
    ) {
      assert.deepEqual(parseAuthorization(basic(`${user}:${password}`)), {
        kind: "basic",
        user,
        password,
      });
    }
    assert.equal(parseAuthorization(`bAsIc  ${base64("a:b")} `).kind, "basic");
    assert.deepEqual(parseAuthorization("bearer abc.d-e_f~+/=="), {
      kind: "bearer",
      token: "abc.d-e_f~+/==",
    });
  });

  it("says nothing where it is empty or not there", () => {
    for (const header of [null, "", "  "]) {
      assert.equal(parseAuthorization(header).kind, "none");
    }
  });

  const malformed: readonly (readonly [string, string])[] = [
    ["no scheme", "abc"],
    ["another scheme", "Digest username=alice"],
    ["Negotiate", "Negotiate YII="],
    ["a scheme alone", "Basic"],
    ["no colon", basic("alice")],
    ["no name", basic(":secret")],
    ["a NUL in the password", basic("alice:sec\0ret")],
    ["a newline in the name", basic("al\nice:secret")],
    ["base64 without its padding", basic("alice:secr").replace(/=+$/, "")],
    ["base64 with odd bits at its end", "Basic YTp="],
    ["base64 with a space inside", "Basic YWxpY2U 6c2Vj"],
    ["base64 of the URL's alphabet", "Basic YTr_-w=="],
    ["what is not UTF-8", `Basic ${btoa("alice:\xe9")}`],
    ["a name without end", basic(`${"a".repeat(256)}:x`)],
    ["a password without end", basic(`a:${"x".repeat(1025)}`)],
    ["a header without end", `Bearer ${"x".repeat(5000)}`],
    ["two at once", `${basic("a:b")}, ${basic("c:d")}`],
    ["a token with a space", "Bearer a b"],
    ["a token with a comma", "Bearer a,b"],
  ];
  for (const [what, header] of malformed) {
    it(`is malformed where it has ${what}`, () => {
      assert.deepEqual(parseAuthorization(header), { kind: "malformed" });
    });
  }
});

/** A verifier whose checks end when the test says so. */
function world(bounds = { running: 1, waiting: 2 }) {
  const passwords = parsePasswords(
    bytes(`alice:${HASH}\nbob:${HASH.replaceAll("a", "b")}\n`),
    "/pw",
  );
  const tokens = parseTokens(
    bytes(`robot:${createHash("sha256").update("token").digest("hex")}\n`),
    "/t",
  );
  const asked: {
    readonly password: string;
    readonly hash: string;
    answer(isRight: boolean): void;
  }[] = [];
  const arrivals: (() => void)[] = [];
  const queue = new CheckQueue((password, hash) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    asked.push({ password, hash, answer: resolve });
    arrivals.shift()?.();
    return promise;
  }, bounds);
  let now = 0;
  const verifier = new Verifier({
    ...{ passwords, tokens, queue },
    monotonic: () => now,
    logger: SILENT,
  });
  const arrived = (count: number) =>
    asked.length >= count
      ? Promise.resolve()
      : new Promise<void>((resolve) => arrivals.push(resolve));
  return {
    ...{ verifier, asked, passwords, arrived },
    pass: (ms: number) => now += ms,
  };
}

describe("a verifier", () => {
  it("asks for Basic first, as git knows it, and for tokens", () => {
    assert.deepEqual(world().verifier.challenges, [
      'Basic realm="gitsrv", charset="UTF-8"',
      'Bearer realm="gitsrv"',
    ]);
  });

  it("takes a right password, and remembers it for a minute", async () => {
    const { verifier, asked, arrived, pass } = world();
    const first = verifier.identify(basic("alice:secret"));
    await arrived(1);
    asked[0]?.answer(RIGHT);
    assert.deepEqual(await first, { type: "user", name: "alice" });
    pass(59_999);
    const again = await verifier.identify(basic("alice:secret"));
    assert.deepEqual(again, { type: "user", name: "alice" });
    assert.equal(asked.length, 1);
    pass(1);
    const later = verifier.identify(basic("alice:secret"));
    await arrived(2);
    asked[1]?.answer(WRONG);
    assert.deepEqual(await later, { type: "wrong" });
  });

  it("checks an unknown name as long as a known one, and refuses it", async () => {
    const { verifier, asked, arrived, passwords } = world();
    const unknown = verifier.identify(basic("mallory:secret"));
    await arrived(1);
    assert.equal(asked[0]?.hash, passwords.nobodys);
    asked[0]?.answer(RIGHT);
    assert.deepEqual(await unknown, { type: "wrong" });
  });

  it("does not remember what was wrong", async () => {
    const { verifier, asked, arrived } = world();
    for (const count of [1, 2]) {
      const wrong = verifier.identify(basic("alice:guess"));
      await arrived(count);
      asked[count - 1]?.answer(WRONG);
      assert.deepEqual(await wrong, { type: "wrong" });
    }
  });

  it("checks the same once, for all who ask at a time", async () => {
    const { verifier, asked, arrived } = world();
    const all = Array.from(
      { length: 50 },
      () => verifier.identify(basic("alice:secret")),
    );
    await arrived(1);
    asked[0]?.answer(RIGHT);
    for (const identity of await Promise.all(all)) {
      assert.deepEqual(identity, { type: "user", name: "alice" });
    }
    assert.equal(asked.length, 1);
  });

  it("is busy where more wait than may, and works on", async () => {
    const { verifier, asked, arrived } = world();
    let turnedAway = 0;
    const sevenAway = Promise.withResolvers<void>();
    const all = Array.from({ length: 10 }, async (_, i) => {
      const identity = await verifier.identify(basic(`alice:guess ${i}`));
      if (identity.type === "busy" && ++turnedAway === 7) sevenAway.resolve();
      return identity;
    });
    // Those that are turned away do not wait for the others.
    await sevenAway.promise;
    for (const count of [1, 2, 3]) {
      await arrived(count);
      asked[count - 1]?.answer(WRONG);
    }
    const types = (await Promise.all(all)).map(({ type }) => type).sort();
    assert.deepEqual(types, [
      ...Array(7).fill("busy"),
      ...Array(3).fill("wrong"),
    ]);
    const after = verifier.identify(basic("alice:secret"));
    await arrived(4);
    asked[3]?.answer(RIGHT);
    assert.deepEqual(await after, { type: "user", name: "alice" });
  });

  it("takes a token as Bearer, and as the password of its user alone", async () => {
    const { verifier, asked, arrived } = world();
    assert.deepEqual(await verifier.identify("Bearer token"), {
      type: "user",
      name: "robot",
    });
    assert.deepEqual(await verifier.identify(basic("robot:token")), {
      type: "user",
      name: "robot",
    });
    assert.deepEqual(await verifier.identify("Bearer tokem"), {
      type: "wrong",
    });
    assert.equal(asked.length, 0);
    const other = verifier.identify(basic("alice:token"));
    await arrived(1);
    asked[0]?.answer(WRONG);
    assert.deepEqual(await other, { type: "wrong" });
  });

  it("keeps no more than a thousand in mind, and no password", async () => {
    const { passwords } = world();
    let checks = 0;
    const verifier = new Verifier({
      passwords,
      queue: {
        check: (password) => {
          checks++;
          return Promise.resolve(password.startsWith("right"));
        },
      },
      monotonic: () => 0,
      logger: SILENT,
    });
    for (let i = 0; i <= 1024; i++) {
      await verifier.identify(basic(`alice:right ${i}`));
    }
    assert.equal(checks, 1025);
    await verifier.identify(basic("alice:right 1024"));
    assert.equal(checks, 1025);
    await verifier.identify(basic("alice:right 0"));
    assert.equal(checks, 1026);
  });

  it("is busy where a check fails, and says why in the log", async () => {
    const lines: string[] = [];
    const verifier = new Verifier({
      passwords: world().passwords,
      queue: { check: () => Promise.reject(new Error("out of memory")) },
      monotonic: () => 0,
      logger: { log: (_, message) => lines.push(message) },
    });
    assert.deepEqual(await verifier.identify(basic("alice:x")), {
      type: "busy",
    });
    assert.deepEqual(lines, ["cannot check credentials: out of memory"]);
  });
});
