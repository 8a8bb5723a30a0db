/**
 * By hand: the most memory that the daemon takes for one large push and one
 * large clone over HTTP, summed over its processes, and how long they took.
 *
 * `deno run -A bench/http_memory.ts [mebibytes] [directory] [--tls]`, or `bun`
 * with the same; 2048 unless told. The directory, the temporary one unless
 * told, needs three times as much room.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** An object is held whole, by design: what is asked here is the total. */
const BLOB_BYTES = 1 << 20;
const SAMPLE_EVERY_MS = 100;

const isTls = process.argv.includes("--tls");
const [told, under] = process.argv.slice(2).filter((each) => each !== "--tls");
const mebibytes = Number(told ?? 2048);
const root = mkdtempSync(join(under ?? tmpdir(), "gitsrv-memory-"));
const cli = new URL("../cli.ts", import.meta.url).pathname;
const certificate = join(root, "cert.pem");
const key = join(root, "key.pem");

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

function run(program: string, args: readonly string[]): void {
  const done = spawnSync(program, args, { cwd: root });
  if (done.status !== 0) {
    throw new Error(`${program} ${args[0]}: ${done.stderr}`);
  }
}

/** What fast-import reads: one commit of blobs that nothing compresses. */
function* history(): Generator<Uint8Array | string> {
  const noise = createCipheriv(
    "aes-128-ctr",
    "gitsrv-memory-01",
    "0".repeat(16),
  );
  const zeros = new Uint8Array(BLOB_BYTES);
  for (let i = 1; i <= mebibytes; i++) {
    yield `blob\nmark :${i}\ndata ${BLOB_BYTES}\n`;
    yield noise.update(zeros);
  }
  yield "commit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 1\nx\n";
  for (let i = 1; i <= mebibytes; i++) yield `M 644 :${i} blob${i}\n`;
}

/** A repository of that history in one pack, as after `git gc`. */
async function makeSource(path: string): Promise<void> {
  run("git", ["init", "--quiet", "--bare", "-b", "main", path]);
  // What does not get smaller need not be tried.
  run("git", ["-C", path, "config", "core.compression", "0"]);
  // Nor need the client look for deltas among it.
  run("git", ["-C", path, "config", "core.bigFileThreshold", "512k"]);
  const child = spawn("git", ["-C", path, "fast-import", "--quiet"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  for (const part of history()) {
    if (!child.stdin.write(part)) {
      await new Promise((resolve) => child.stdin.once("drain", resolve));
    }
  }
  child.stdin.end();
  if (await ended !== 0) throw new Error("git fast-import failed");
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
  const look = () => peak = Math.max(peak, memoryOf(pid));
  const timer = setInterval(look, SAMPLE_EVERY_MS);
  return new Promise((resolve, reject) => {
    const child = spawn(
      "git",
      ["-c", `http.sslCAInfo=${certificate}`, ...args],
      {
        cwd: root,
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    child.on("close", (code) => {
      clearInterval(timer);
      if (code !== 0) reject(new Error(`git ${args} ended with ${code}`));
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      resolve({ seconds, peakMebibytes: Math.round(peak / 1024) });
    });
  });
}

function makeCertificate(): void {
  run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt"],
    ...["ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", certificate],
  ]);
}

async function measure(): Promise<void> {
  const source = join(root, "source.git");
  await makeSource(source);
  if (isTls) makeCertificate();
  const served = join(root, "served");
  mkdirSync(served);
  const target = join(served, "target.git");
  run("git", ["init", "--quiet", "--bare", "-b", "main", target]);
  run("git", ["-C", target, "config", "http.receivepack", "true"]);
  const [port, other] = [await freePort(), await freePort()];
  const isBun = process.versions.bun !== undefined;
  const server = spawn(process.execPath, [
    ...(isBun ? [] : ["run", "-A", "--quiet"]),
    ...[cli, "daemon", `--port=${other}`, `--http-port=${port}`],
    ...(isTls ? [`--tls-cert=${certificate}`, `--tls-key=${key}`] : []),
    served,
  ], { stdio: ["ignore", "ignore", "pipe"] });
  await new Promise((resolve) => server.stderr.once("data", resolve));
  server.stderr.resume();
  const pid = server.pid ?? 0;
  try {
    const idle = Math.round(memoryOf(pid) / 1024);
    const url = `http${isTls ? "s" : ""}://127.0.0.1:${port}/target.git`;
    const push = await watch(pid, [
      "-C",
      source,
      "push",
      "--quiet",
      url,
      "main",
    ]);
    rmSync(source, { recursive: true });
    const copy = join(root, "clone.git");
    const clone = await watch(pid, ["clone", "--quiet", "--bare", url, copy]);
    const runtime = isBun ? "Bun" : "Deno";
    process.stdout.write(
      `${JSON.stringify({ runtime, isTls, mebibytes, idle, push, clone })}\n`,
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
