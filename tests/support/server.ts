/**
 * The server that conformance tests talk to: ours, under the runtime that
 * runs the tests, or, with `GITSRV_TEST_SERVER=git`, the real git daemon and
 * `git upload-pack`, which proves the tests themselves. With
 * `GITSRV_TEST_BINARY=/path` it is ours from a binary.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Buffer } from "node:buffer";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./fixture_directory.ts";
import { GIT, git, gitEnvironment } from "./git.ts";
import { connects } from "./wire_client.ts";

/** `ours`, or the reference that the tests are validated with. */
export type ServerKind = "ours" | "git";

/** Which server this run tests. */
export const SERVER: ServerKind = process.env.GITSRV_TEST_SERVER === "git"
  ? "git"
  : "ours";

/** The binary that this run tests, if any; an absolute path. */
export const BINARY: string | undefined = process.env.GITSRV_TEST_BINARY;

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 20_000;

/** How to start a daemon. */
export interface DaemonOptions {
  /** Options and directories, in git daemon's grammar; no listen or port. */
  readonly args: readonly string[];
  /** Added to the isolated environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Which server; the one under test unless told. */
  readonly kind?: ServerKind;
  /** The port to use; a free one unless told. */
  readonly port?: number;
}

/** How a process ended. */
export interface Ending {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it; `null` otherwise. */
  readonly signal: string | null;
}

/** A daemon that listens on loopback. End it with `stop`. */
export interface Daemon {
  /** Its process id. */
  readonly pid: number;
  /** The port of its git:// transport on 127.0.0.1. */
  readonly port: number;
  /** The clone URL of a path below its base path, such as `/a.git`. */
  url(path: string): string;
  /** What it has written to standard error so far. */
  log(): string;
  /** Waits until the log has `text`; throws after `deadline` milliseconds. */
  logged(text: string | RegExp, deadline?: number): Promise<void>;
  /** Sends a signal without waiting. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;
  /** Ends it: SIGTERM, and SIGKILL when that does not help. */
  stop(): Promise<Ending>;
}

/** A program and the arguments that come before all others. */
export interface Command {
  /** Absolute path, or a name on the search path. */
  readonly program: string;
  /** Leading arguments. */
  readonly args: readonly string[];
}

/** How our command line is started: from the binary, or by this runtime. */
export function ourCommand(): Command {
  if (BINARY !== undefined) return { program: BINARY, args: [] };
  const cli = join(ROOT, "cli.ts");
  const isBun = process.versions.bun !== undefined;
  return {
    program: process.execPath,
    args: isBun ? [cli] : ["run", "-A", "--quiet", cli],
  };
}

/** The command that takes git daemon's options. */
export async function daemonCommand(
  kind: ServerKind = SERVER,
): Promise<Command> {
  if (kind === "git") {
    // Not `git daemon`: that would be its parent, and take the signals.
    const path = (await git(["--exec-path"])).trim();
    return { program: join(path, "git-daemon"), args: [] };
  }
  const { program, args } = ourCommand();
  return { program, args: [...args, "daemon"] };
}

/** A program of git's that serves one session on its stdin and stdout. */
export type Service =
  | "git-upload-pack"
  | "git-receive-pack"
  | "git-upload-archive";

/** The command that takes the options of such a program. */
export function serviceCommand(
  service: Service,
  kind: ServerKind = SERVER,
): Command {
  if (kind === "git") return { program: GIT, args: [service.slice(4)] };
  const { program, args } = ourCommand();
  return { program, args: [...args, "serve-command", service] };
}

/** The command that takes `git upload-pack`'s options. */
export function uploadPackCommand(kind: ServerKind = SERVER): Command {
  return serviceCommand("git-upload-pack", kind);
}

/** A script for `git clone --upload-pack=<script>`. */
export function uploadPackScript(kind: ServerKind = SERVER): string {
  return serviceScript("git-upload-pack", kind);
}

/** A script for options such as `git archive --exec=<script>`. */
export function serviceScript(
  service: Service,
  kind: ServerKind = SERVER,
): string {
  const { program, args } = serviceCommand(service, kind);
  const path = join(temporaryDirectory("script"), service);
  const words = [program, ...args].map((word) => `'${word}'`).join(" ");
  const cache = Object.entries(runtimeEnvironment())
    .map(([name, value]) => `export ${name}='${value}'\n`).join("");
  writeFileSync(path, `#!/bin/sh\n${cache}exec ${words} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The environment for a server process: isolated, but with warm caches. */
export function serverEnvironment(
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  return gitEnvironment({ ...runtimeEnvironment(), ...extra });
}

/** Where the runtimes keep compiled modules: lost with another HOME. */
function runtimeEnvironment(): Record<string, string> {
  const home = process.env.HOME ?? "/";
  const cache = process.env.XDG_CACHE_HOME ?? join(home, ".cache");
  return { DENO_DIR: process.env.DENO_DIR ?? join(cache, "deno") };
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null
        ? address.port
        : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Starts a daemon and waits until it accepts connections. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const port = options.port ?? await freePort();
  const kind = options.kind ?? SERVER;
  const asksForHttp = options.args.some((arg) => arg.startsWith("--http"));
  const { program, args } = await daemonCommand(kind);
  const child = spawn(program, [
    ...args,
    "--listen=127.0.0.1",
    `--port=${port}`,
    "--reuseaddr",
    ...(kind === "ours" && !asksForHttp ? ["--no-http"] : []),
    ...options.args,
  ], {
    cwd: temporaryDirectory("daemon"),
    env: serverEnvironment(options.env),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const daemon = watch(child, port);
  const giveUp = performance.now() + START_DEADLINE_MS;
  let isOver = false;
  void daemon.ended.then(() => isOver = true);
  // HTTP is listened for behind git://.
  const http = options.args.map((arg) => /^--http-port=([1-9]\d*)$/.exec(arg))
    .find((found) => found !== null)?.[1];
  const last = http === undefined ? port : Number(http);
  while (!await connects(last)) {
    if (isOver || performance.now() > giveUp) {
      child.kill("SIGKILL");
      throw new Error(`Cannot start the daemon:\n${daemon.log()}`);
    }
    await pause(20);
  }
  return daemon;
}

/** Runs a daemon that is expected to end by itself, such as by bad options. */
export function runDaemon(
  command: Command,
  args: readonly string[],
): Promise<Ending & { readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.program, [...command.args, ...args], {
      cwd: temporaryDirectory("daemon"),
      env: serverEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout += chunk);
    child.stderr.on("data", (chunk: Buffer) => stderr += chunk);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Waits so many milliseconds; only between looks at something awaited. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks every 20 ms until `look` is true; throws after `deadline` ms. */
export async function eventually(
  what: string,
  look: () => boolean | Promise<boolean>,
  deadline = 10_000,
): Promise<void> {
  const giveUp = performance.now() + deadline;
  while (!await look()) {
    if (performance.now() > giveUp) {
      throw new Error(`Waited ${deadline} ms in vain: ${what}`);
    }
    await pause(20);
  }
}

const running = new Set<ChildProcess>();

/** A test that fails must not leave its daemon behind. */
function endWithTests(child: ChildProcess): void {
  if (running.size === 0) {
    const endAll = (): void => running.forEach((each) => each.kill("SIGKILL"));
    globalThis.addEventListener("unload", endAll);
    process.once("exit", endAll);
  }
  running.add(child);
  child.once("close", () => running.delete(child));
}

function watch(child: ChildProcess, port: number): Daemon {
  endWithTests(child);
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => log += chunk.toString("latin1"));
  const ended = new Promise<Ending>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }));
    child.on("error", (error) => {
      log += `${error}\n`;
      resolve({ code: null, signal: null });
    });
  });
  return {
    pid: child.pid ?? 0,
    port,
    url: (path) => `git://127.0.0.1:${port}${path}`,
    log: () => log,
    logged: (text, deadline) =>
      eventually(
        `the log has ${text}`,
        () => typeof text === "string" ? log.includes(text) : text.test(log),
        deadline,
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it is:\n${log}`);
      }),
    kill: (signal) => void child.kill(signal),
    ended,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
      const ending = await ended;
      clearTimeout(timer);
      return ending;
    },
  };
}
