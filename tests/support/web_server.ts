/**
 * What Debian's Apache and nginx have in common as servers for tests: both run
 * a CGI program for each request below `/git/`, on loopback, with a
 * configuration and directories of their own.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { git, gitHome } from "./git.ts";
import {
  type Command,
  eventually,
  ourCommand,
  serverEnvironment,
} from "./server.ts";
import { connects } from "./wire_client.ts";

/** Who has to say who they are. */
export type WebAuthentication = "none" | "pushes" | "all";

/** A certificate and its key, as files. */
export interface TlsFiles {
  /** The certificate chain, PEM. */
  readonly cert: string;
  /** Its key, PEM. */
  readonly key: string;
}

/** How to start a web server. */
export interface WebServerOptions {
  /** What runs for each request; {@linkcode cgiCommand} has both kinds. */
  readonly cgi: Command;
  /** `GIT_PROJECT_ROOT`. */
  readonly root: string;
  /** More for the program's environment; `undefined` takes a name away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Names and passwords for Basic authentication. */
  readonly users?: Readonly<Record<string, string>>;
  /** For what they are asked; for pushes unless told, where there are users. */
  readonly authentication?: WebAuthentication;
  /** Makes it HTTPS. */
  readonly tls?: TlsFiles;
}

/** A web server that listens on loopback. End it with `stop`. */
export interface WebServer {
  /** The process that all its others come from. */
  readonly pid: number;
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The URL of a path below the root, `/a.git`; `user` is "name:password". */
  url(path: string, user?: string): string;
  /** Its error log, which has what the program wrote to standard error. */
  log(): string;
  /** Ends it. */
  stop(): Promise<void>;
}

/** The CGI program: git's own, or ours under the runtime of the tests. */
export async function cgiCommand(kind: "ours" | "git"): Promise<Command> {
  if (kind === "git") {
    const path = (await git(["--exec-path"])).trim();
    return { program: join(path, "git-http-backend"), args: [] };
  }
  const { program, args } = ourCommand();
  return { program, args: [...args, "serve-command", "http-backend"] };
}

/** A program that a web server can name, which takes no arguments. */
export function cgiScript({ program, args }: Command, path: string): string {
  if (args.length === 0) return program;
  const words = [program, ...args].map((word) => `'${word}'`).join(" ");
  writeFileSync(path, `#!/bin/sh\nexec ${words}\n`);
  chmodSync(path, 0o755);
  return path;
}

/**
 * The environment of the program: where git's configuration and the runtime's
 * cache are, and no name of a committer, which pushes would be named by.
 */
export function cgiEnvironment(
  { root, env = {} }: WebServerOptions,
): Record<string, string> {
  const { PATH = "", HOME = gitHome(), DENO_DIR = "", ...others } =
    serverEnvironment();
  const given: Record<string, string | undefined> = {
    PATH,
    HOME,
    DENO_DIR,
    TMPDIR: others.TMPDIR,
    GIT_CONFIG_NOSYSTEM: others.GIT_CONFIG_NOSYSTEM,
    GIT_CONFIG_GLOBAL: others.GIT_CONFIG_GLOBAL,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    ...env,
  };
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) result[name] = value;
  }
  return result;
}

/** A file of passwords that both servers read. */
export function passwordFile(
  users: Readonly<Record<string, string>>,
  path: string,
): string {
  const lines = Object.entries(users).map(([name, password]) => {
    const hash = createHash("sha1").update(password).digest("base64");
    return `${name}:{SHA}${hash}\n`;
  });
  writeFileSync(path, lines.join(""), { mode: 0o600 });
  return path;
}

/** For what credentials are asked. */
export function authenticationOf(
  { users, authentication }: WebServerOptions,
): WebAuthentication {
  return authentication ?? (users === undefined ? "none" : "pushes");
}

/** A process that serves until it is told to end. */
export interface Serving {
  /** Its process id. */
  readonly pid: number;
  /** What it has written. */
  output(): string;
  /** Ends it by SIGTERM. */
  stop(): Promise<void>;
}

/** Starts a process; resolves once `isReady`, throws when it ends before. */
export async function startServing(
  { program, args }: Command,
  log: string | undefined,
  isReady: () => boolean | Promise<boolean>,
): Promise<Serving> {
  const child = spawn(program, args, {
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithTests(child);
  let output = "";
  const add = (chunk: Buffer) => void (output += chunk.toString("latin1"));
  child.stdout.on("data", add);
  child.stderr.on("data", add);
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    child.on("exit", () => {
      isGone = true;
      resolve();
    });
    child.on("error", (error) => {
      output += `${error}\n`;
      isGone = true;
      resolve();
    });
  });
  const serving = {
    pid: child.pid ?? 0,
    output: () => output,
    async stop() {
      if (!isGone) child.kill("SIGTERM");
      await gone;
    },
  };
  try {
    await eventually(`${program} is ready`, async () => {
      if (isGone) throw new Error(`${program} ended`);
      return await isReady();
    });
  } catch (error) {
    await serving.stop();
    throw new Error(
      `${(error as Error).message}:\n${output}${textOf(log)}`,
    );
  }
  return serving;
}

/** What a program that is started by the system has: nothing of git's. */
function plainEnvironment(): Record<string, string> {
  const environment = serverEnvironment();
  for (const name of Object.keys(environment)) {
    if (name.startsWith("GIT_")) delete environment[name];
  }
  return environment;
}

/** Whether something listens on a port. */
export function listens(port: number): () => Promise<boolean> {
  return () => connects(port);
}

/** The server that processes came to; the last of them is ended first. */
export function webServer(
  { port, tls, log, parts }: {
    readonly port: number;
    readonly tls: TlsFiles | undefined;
    readonly log: string;
    readonly parts: readonly Serving[];
  },
): WebServer {
  const scheme = tls === undefined ? "http" : "https";
  return {
    pid: parts.at(-1)?.pid ?? 0,
    port,
    url: (path, user) =>
      `${scheme}://${
        user === undefined ? "" : `${user}@`
      }127.0.0.1:${port}/git${path}`,
    log: () => parts.map((part) => part.output()).join("") + textOf(log),
    async stop() {
      for (const part of parts.toReversed()) await part.stop();
    },
  };
}

function textOf(path: string | undefined): string {
  return path !== undefined && existsSync(path)
    ? readFileSync(path, "latin1")
    : "";
}

const running = new Set<ChildProcess>();

/** A test that fails must not leave its servers behind. */
function endWithTests(child: ChildProcess): void {
  if (running.size === 0) {
    // Not SIGKILL: they have children of their own to end.
    const endAll = (): void => running.forEach((each) => each.kill("SIGTERM"));
    globalThis.addEventListener("unload", endAll);
    process.once("exit", endAll);
  }
  running.add(child);
  child.once("exit", () => running.delete(child));
}
