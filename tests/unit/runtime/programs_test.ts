import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findGroup, findUser } from "../../../src/runtime/accounts.ts";
import { isExecutable, runProgram } from "../../../src/runtime/programs.ts";
import { startWorker } from "../../../src/runtime/workers.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
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

  it("loses variables of ours where it should", async () => {
    const end = await sh('echo "${HOME-none}"', { env: { HOME: undefined } });
    assert.equal(text(end.output), "none\n");
  });

  it("is given input as it reads, while its output is taken", async () => {
    const lines = function* () {
      for (let i = 0; i < 300; i++) yield new Uint8Array(9_999).fill(97);
    };
    let taken = 0;
    const end = await runProgram("cat", {
      args: [],
      input: lines(),
      outputLimit: 0,
      onOutput(bytes) {
        taken += bytes.length;
        return Promise.resolve();
      },
      timeoutMs: 20_000,
    });
    assert.deepEqual([end.code, taken], [0, 300 * 9_999]);
  });

  for (
    const [what, script] of [
      ["never reads", "exit 5"],
      ["closes its input", "exec <&-; echo; exit 5"],
      ["reads a little", "read line; exit 5"],
    ] as const
  ) {
    it(`may leave its input, as one that ${what}`, async () => {
      let made = 0;
      const endless = function* () {
        for (;; made++) yield new Uint8Array(60_000).fill(10);
      };
      const end = await sh(script, { input: endless() });
      assert.equal(end.code, 5);
      assert.ok(made < 100, `${made} pieces were made`);
    });
  }

  it("waits for whoever takes its output", async () => {
    const full = Promise.withResolvers<void>();
    const isCalled = Promise.withResolvers<void>();
    const calls: number[] = [];
    const end = sh("yes", {
      async onOutput(bytes: Uint8Array) {
        calls.push(bytes.length);
        isCalled.resolve();
        await full.promise;
        throw new RangeError("enough");
      },
    });
    await isCalled.promise;
    // A program that did not wait would write meanwhile.
    await sh("head -c 3000000 /dev/zero");
    assert.equal(calls.length, 1);
    full.resolve();
    await assert.rejects(end, RangeError);
    assert.equal(calls.length, 1);
  });

  it("ends when it has ended itself, whoever still has its output", async () => {
    const end = await sh("sleep 300 & echo $!; exit 6");
    const left = Number(text(end.output));
    assert.equal(end.code, 6);
    // It lives: what was left behind is not ours to end.
    process.kill(left, "SIGKILL");
  });

  it("ends though what it left goes on writing", async () => {
    const end = await sh("yes & echo $! >&2; exit 7", {
      onOutput: () => Promise.resolve(),
    });
    assert.equal(end.code, 7);
  });

  it("says which signal has ended it", async () => {
    const end = await sh("printf x; kill -9 $$");
    assert.deepEqual([end.code, end.killedBy], [undefined, 9]);
    assert.equal(text(end.output), "x");
  });

  it("may be a thread's", async () => {
    const told = Promise.withResolvers<unknown>();
    const thread = startWorker(
      new URL("../../support/program_worker.ts", import.meta.url),
      { onMessage: told.resolve, onError: told.reject },
    );
    assert.deepEqual(await told.promise, { code: 5, taken: 1_000_000 });
    thread.close();
  });

  it("may be asked for before it is run", () => {
    const directory = temporaryDirectory("programs");
    const file = join(directory, "file");
    writeFileSync(file, "");
    assert.equal(isExecutable(join(directory, "none")), undefined);
    assert.equal(isExecutable(join(file, "none")), undefined);
    assert.ok(isExecutable(file) === false);
    chmodSync(file, 0o755);
    assert.ok(isExecutable(file) === true);
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
