/**
 * By hand: the most memory that the daemon takes for one large push and one
 * large clone over HTTP, summed over its processes.
 *
 * `deno run -A bench/http_memory.ts [mebibytes]`, or `bun` with the same; 2048
 * unless told. It needs three times as much room in the temporary directory.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const BLOB_MEBIBYTES = 32;
const mebibytes = Number(process.argv[2] ?? 2048);
const root = mkdtempSync(join(tmpdir(), "gitsrv-memory-"));
const cli = new URL("../cli.ts", import.meta.url).pathname;

/** Kibibytes that a process and its children have for themselves. */
function memoryOf(pid: number): number {
  const at = `/proc/${pid}`;
  let sum = 0;
  try {
    const text = readFileSync(`${at}/smaps_rollup`, "latin1");
    sum = Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? 0);
    for (const task of readdirSync(`${at}/task`)) {
      const children = readFileSync(`${at}/task/${task}/children`, "latin1");
      for (const child of children.split(" ").filter((each) => each !== "")) {
        sum += memoryOf(Number(child));
      }
    }
  } catch {
    // It has ended.
  }
  return sum;
}

function run(args: readonly string[], cwd: string, input?: Uint8Array): string {
  const done = spawnSync("git", args, { cwd, input, maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`git ${args[0]}: ${done.stderr}`);
  return String(done.stdout).trim();
}

/** Bytes that nothing compresses, other ones for each number. */
function noise(number: number): Uint8Array {
  const out = new Uint8Array(BLOB_MEBIBYTES << 20);
  let state = createHash("sha512").update(`${number}`).digest();
  for (let at = 0; at < out.length; at += state.length) {
    out.set(state, at);
    state = createHash("sha512").update(state).digest();
  }
  return out;
}

function makeSource(): string {
  const path = join(root, "source.git");
  run(["init", "--quiet", "--bare", "-b", "main", path], root);
  // What does not get smaller need not be tried.
  run(["config", "core.compression", "0"], path);
  let tree = "";
  for (let i = 0; i * BLOB_MEBIBYTES < mebibytes; i++) {
    const id = run(["hash-object", "-w", "--stdin"], path, noise(i));
    tree += `100644 blob ${id}\tblob${i}\n`;
  }
  const id = run(["mktree"], path, new TextEncoder().encode(tree));
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  const head = run([...who, "commit-tree", "-m", "noise", id], path);
  run(["update-ref", "refs/heads/main", head], path);
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? address?.port ?? 0 : 0;
      server.close(() => resolve(port));
    });
  });
}

interface Figures {
  readonly seconds: number;
  readonly peakMebibytes: number;
}

/** Runs git and looks at the server's memory meanwhile. */
function watch(pid: number, args: readonly string[]): Promise<Figures> {
  const start = performance.now();
  let peak = memoryOf(pid);
  const timer = setInterval(() => peak = Math.max(peak, memoryOf(pid)), 100);
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, {
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.on("close", (code) => {
      clearInterval(timer);
      if (code !== 0) reject(new Error(`git ${args[2]} ended with ${code}`));
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      resolve({ seconds, peakMebibytes: Math.round(peak / 1024) });
    });
  });
}

async function measure(): Promise<void> {
  const source = makeSource();
  const served = join(root, "served");
  mkdirSync(served);
  const target = join(served, "target.git");
  run(["init", "--quiet", "--bare", "-b", "main", target], root);
  run(["config", "http.receivepack", "true"], target);
  const [port, other] = [await freePort(), await freePort()];
  const isBun = process.versions.bun !== undefined;
  const server = spawn(process.execPath, [
    ...(isBun ? [] : ["run", "-A", "--quiet"]),
    ...[cli, "daemon", `--port=${other}`, `--http-port=${port}`, served],
  ], { stdio: ["ignore", "ignore", "pipe"] });
  await new Promise((resolve) => server.stderr.once("data", resolve));
  server.stderr.resume();
  const pid = server.pid ?? 0;
  try {
    const idle = Math.round(memoryOf(pid) / 1024);
    const url = `http://127.0.0.1:${port}/target.git`;
    const push = await watch(pid, [
      "-C",
      source,
      "push",
      "--quiet",
      url,
      "main",
    ]);
    rmSync(source, { recursive: true });
    const clone = await watch(
      pid,
      ["clone", "--quiet", "--bare", url, join(root, "clone.git")],
    );
    const runtime = isBun ? "Bun" : "Deno";
    process.stdout.write(
      `${JSON.stringify({ runtime, mebibytes, idle, push, clone })}\n`,
    );
  } finally {
    server.kill("SIGTERM");
  }
}

try {
  await measure();
} finally {
  rmSync(root, { recursive: true, force: true });
}
