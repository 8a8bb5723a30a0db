import assert from "node:assert/strict";
import { findGroup, findUser } from "../../../src/runtime/accounts.ts";
import { runProgram } from "../../../src/runtime/programs.ts";
import { describe, it } from "../../support/test.ts";

const sh = (script: string, changes = {}) =>
  runProgram("sh", {
    args: ["-c", script, "sh", "a b", "$(c)"],
    outputLimit: 10,
    timeoutMs: 20_000,
    ...changes,
  });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a program that is run", () => {
  it("gives its exit code, and as much of its output as is wanted", async () => {
    const end = await sh('cat; printf \'%s:%s:and more\' "$1" "$2"; exit 3');
    assert.deepEqual([end.code, end.isTimedOut], [3, false]);
    assert.equal(text(end.output), "a b:$(c):a");
  });

  it("is read to its end, whatever it writes", async () => {
    const script = "head -c 5000000 /dev/zero; exit 0";
    const end = await sh(script);
    assert.deepEqual([end.code, end.output.length], [0, 10]);
  });

  it("runs where it should, with what is added to our environment", async () => {
    const end = await sh('pwd; echo "$ADDED${HOME:+ h}"', {
      cwd: "/",
      env: { ADDED: "x" },
    });
    assert.equal(text(end.output), "/\nx h\n");
  });

  it("is killed with what it started when it takes too long", async () => {
    const end = await sh("sleep 100 & sleep 100", { timeoutMs: 50 });
    assert.deepEqual([end.code, end.isTimedOut], [undefined, true]);
  });

  it("is killed when a signal aborts", async () => {
    const ending = new AbortController();
    const running = sh("sleep 100", { signal: ending.signal });
    ending.abort();
    const end = await running;
    assert.deepEqual([end.code, end.isTimedOut], [undefined, false]);
    await assert.rejects(sh("exit 0", { signal: ending.signal }));
  });

  it("may not be there", async () => {
    const run = { args: [], outputLimit: 1, timeoutMs: 1000 };
    await assert.rejects(runProgram("/no/such/program", run), {
      code: "ENOENT",
    });
    await assert.rejects(runProgram("sh", { ...run, args: ["a\0b"] }));
  });
});

describe("accounts", () => {
  it("are found by their names, never by their numbers", async () => {
    const root = await findUser("root");
    assert.equal(root?.uid, 0);
    assert.ok(root?.home.startsWith("/"));
    assert.equal(typeof await findGroup("daemon"), "number");
    for (const name of ["0", "no-such-user", "-s", "root:x", "", "a\nb"]) {
      assert.equal(await findUser(name), undefined, JSON.stringify(name));
    }
  });
});
