import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const PEER = fileURLToPath(new URL("./stdio_peer.ts", import.meta.url));

function start(task: string) {
  const isBun = process.versions.bun !== undefined;
  const args = isBun ? [] : ["run", "-A", "--quiet", "--no-lock"];
  const child = spawn(process.execPath, [...args, PEER, task]);
  let error = "";
  child.stderr.on("data", (chunk: Buffer) => error += chunk);
  const ended = new Promise<{ code: number | null; error: string }>((done) =>
    child.on("close", (code) => done({ code, error }))
  );
  return { child, ended };
}

describe("standard input and output", () => {
  it("carry bytes of every value, both ways, to the end", async () => {
    const sent = seeded(7).bytes(3_000_000);
    const { child, ended } = start("echo");
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stdin.end(sent);
    assert.deepEqual(await ended, { code: 0, error: "echoed 3000000" });
    assert.ok(Buffer.concat(chunks).equals(Buffer.from(sent)), "seed 7");
  });

  it("throw EPIPE when nobody reads any more", async () => {
    const { child, ended } = start("flood");
    child.stdout.once("data", () => child.stdout.destroy());
    assert.deepEqual(await ended, { code: 0, error: "stopped by EPIPE" });
  });

  it("end a waiting read by a signal, and let the process end", async () => {
    const { child, ended } = start("abort");
    const result = await ended;
    child.stdin.destroy();
    assert.deepEqual(result, { code: 0, error: "ended by TimeoutError" });
  });

  it("outlive a standard error that nobody reads", async () => {
    const { child, ended } = start("complain");
    child.stderr.destroy();
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => text += chunk);
    assert.equal((await ended).code, 0);
    assert.equal(text, "alive");
  });
});
