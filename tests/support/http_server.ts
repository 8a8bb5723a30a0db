/**
 * The servers that conformance tests over HTTP talk to: every way that ours is
 * started, or, with `GITSRV_TEST_SERVER=git`, git's own `http-backend` under
 * Apache, which proves the tests themselves. All serve the same directory.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Buffer } from "node:buffer";
import { mkdirSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./fixture_directory.ts";
import {
  BINARY,
  freePort,
  pause,
  SERVER,
  serverEnvironment,
  type ServerKind,
  startDaemon,
} from "./server.ts";
import { type Certificates, makeCertificates } from "./http/certificates.ts";
import { startApache } from "./apache.ts";
import { cgiCommand } from "./web_server.ts";
import { connects } from "./wire_client.ts";

/** A protocol version that a client asks for. */
export type Version = 0 | 1 | 2;

/** A server that listens on loopback. */
export interface HttpServer {
  /** The name of its row. */
  readonly name: string;
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The clone URL of a path below its root, at another port for a relay. */
  url(path: string, port?: number): string;
  /** What clients need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What it has written to standard error so far. */
  log(): string;
  /** Ends it. */
  stop(): Promise<unknown>;
}

/** One way to serve HTTP. */
export interface HttpServerRow {
  /** What the tests call it. */
  readonly name: string;
  /** The protocol versions that tests ask it for. */
  readonly versions: readonly Version[];
  /** Whether clients that know no smart HTTP are served. */
  readonly isDumb: boolean;
  /** Starts one that serves what lies below `root`; pushes as `http.receivepack` says. */
  start(root: string): Promise<HttpServer>;
}

const OURS: readonly HttpServerRow[] = [
  {
    name: "the daemon",
    versions: [0, 1, 2],
    isDumb: true,
    start: (root) => startOurDaemon(root),
  },
  {
    name: "https",
    versions: [2],
    isDumb: true,
    start: async (root) => await startOurDaemon(root, await certificates()),
  },
  {
    name: "an embedded handler",
    versions: [0],
    isDumb: true,
    start: (root) => startProgram(root),
  },
  {
    name: "a program under Apache",
    versions: [1],
    isDumb: true,
    start: (root) => startCgi("ours", root),
  },
];

const REFERENCE: readonly HttpServerRow[] = [
  {
    name: "git http-backend",
    versions: [0, 1, 2],
    isDumb: true,
    start: (root) => startCgi("git", root),
  },
];

/** The rows of this run. */
export const HTTP_SERVERS: readonly HttpServerRow[] = SERVER === "git"
  ? REFERENCE
  : BINARY === undefined
  ? OURS
  // Nothing embeds a binary.
  : OURS.filter((row) => row.name !== "an embedded handler");

/** Starts all of them. */
export async function startHttpServers(
  root: string,
): Promise<ReadonlyMap<HttpServerRow, HttpServer>> {
  const started = await Promise.all(
    HTTP_SERVERS.map(async (row) => [row, await row.start(root)] as const),
  );
  return new Map(started);
}

/** Our daemon on HTTP alone, or on HTTPS. */
export async function startOurDaemon(
  root: string,
  tls?: Certificates,
): Promise<HttpServer & { kill(signal: NodeJS.Signals): void }> {
  mkdirSync(root, { recursive: true });
  const port = await freePort();
  const daemon = await startDaemon({
    args: [
      `--http-port=${port}`,
      ...(tls === undefined
        ? []
        : [`--tls-cert=${tls.cert}`, `--tls-key=${tls.key}`]),
      root,
    ],
    kind: "ours",
  });
  const scheme = tls === undefined ? "http" : "https";
  return {
    ...{ name: "the daemon", port },
    env: tls === undefined ? {} : { GIT_SSL_CAINFO: tls.authority },
    url: (path, at = port) => `${scheme}://127.0.0.1:${at}${path}`,
    log: () => daemon.log(),
    kill: (signal) => daemon.kill(signal),
    stop: () => daemon.stop(),
  };
}

/** A program for each request, under Apache. */
async function startCgi(
  kind: ServerKind,
  root: string,
): Promise<HttpServer> {
  const server = await startApache({ cgi: await cgiCommand(kind), root });
  const { port } = server;
  return {
    ...{ name: "CGI", port, env: {} },
    url: (path, at = port) => server.url(path).replace(`:${port}/`, `:${at}/`),
    log: () => server.log(),
    stop: () => server.stop(),
  };
}

let made: Promise<Certificates> | undefined;

function certificates(): Promise<Certificates> {
  return made ??= makeCertificates(temporaryDirectory("tls"));
}

const PROGRAM = fileURLToPath(new URL("./http/program.ts", import.meta.url));
const START_DEADLINE_MS = 30_000;

/**
 * A program of its own that embeds the server, `tests/support/http/program.ts`,
 * over a directory, or over a repository in memory for "memory".
 */
export async function startProgram(root: string): Promise<HttpServer> {
  const isBun = process.versions.bun !== undefined;
  const child = spawn(process.execPath, [
    ...(isBun ? [] : ["run", "-A", "--quiet"]),
    ...[PROGRAM, root],
  ], {
    cwd: temporaryDirectory("program"),
    env: serverEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { log, ended } = watch(child);
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => said += chunk);
  const giveUp = performance.now() + START_DEADLINE_MS;
  let port = 0;
  while (port === 0 || !await connects(port)) {
    if (child.exitCode !== null || performance.now() > giveUp) {
      child.kill("SIGKILL");
      throw new Error(`Cannot start the program:\n${log()}`);
    }
    await pause(20);
    port = Number(/^port (\d+)\n/.exec(said)?.[1] ?? 0);
  }
  return {
    ...{ name: "a program", port, env: {}, log },
    url: (path, at = port) => `http://127.0.0.1:${at}${path}`,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A test that fails must not leave its program behind. */
function watch(child: ChildProcess): {
  readonly log: () => string;
  readonly ended: Promise<void>;
} {
  const end = (): void => void child.kill("SIGKILL");
  globalThis.addEventListener("unload", end);
  process.once("exit", end);
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => log += chunk.toString("latin1"));
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", (error) => {
      log += `${error}\n`;
      resolve();
    });
  });
  return { log: () => log, ended };
}
