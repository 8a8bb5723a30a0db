/**
 * The real `git`, run in a world of its own: no system or user configuration,
 * fixed people and dates, no prompts. This is the reference that everything
 * under `tests/conformance` is compared with. Not for code under test.
 *
 * `GITSRV_TEST_GIT` names another git than the one on the search path.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import { Buffer } from "node:buffer";
import process from "node:process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./fixture_directory.ts";

/** The git that tests run. */
export const GIT: string = process.env.GITSRV_TEST_GIT ?? "git";

/** What a finished command left behind. */
export interface GitResult {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  /** The signal that ended it, such as `SIGTERM`; `null` otherwise. */
  readonly signal: string | null;
  /** Standard output, one character per byte (latin1): git is not UTF-8. */
  readonly stdout: string;
  /** Standard error, one character per byte. */
  readonly stderr: string;
}

/** How to run one command. */
export interface GitOptions {
  /** Working directory; the temporary home unless told. */
  readonly cwd?: string;
  /** Standard input; a string is one byte per character (latin1). */
  readonly input?: string | Uint8Array;
  /** Added to the isolated environment; `undefined` removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Protocol version that the client asks for; git's own choice if absent. */
  readonly protocol?: 0 | 1 | 2;
  /** Kills the command after so many milliseconds; 60,000 unless told. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
let sharedHome: string | undefined;

/** The temporary `HOME` of every git that tests start. */
export function gitHome(): string {
  if (sharedHome === undefined) {
    sharedHome = temporaryDirectory("home");
    writeFileSync(join(sharedHome, ".gitconfig"), GLOBAL_CONFIG);
  }
  return sharedHome;
}

const GLOBAL_CONFIG = `[protocol "file"]
\tallow = always
[init]
\tdefaultBranch = main
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
[pack]
\tthreads = 1
[core]
\tlogAllRefUpdates = false
`;

/** The environment in which git, and servers under test, are started. */
export function gitEnvironment(
  extra: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const home = gitHome();
  const environment: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    TMPDIR: process.env.TMPDIR,
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
    GIT_AUTHOR_NAME: "A U Thor",
    GIT_AUTHOR_EMAIL: "author@example.com",
    GIT_AUTHOR_DATE: "1700000000 +0000",
    GIT_COMMITTER_NAME: "C O Mitter",
    GIT_COMMITTER_EMAIL: "committer@example.com",
    GIT_COMMITTER_DATE: "1700000000 +0000",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    LC_ALL: "C",
    TZ: "UTC",
    ...extra,
  };
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined) result[name] = value;
  }
  return result;
}

/** Runs git and tells how it ended, whatever that was. */
export function tryGit(
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  return runProgram(GIT, [...protocolArguments(options), ...args], options);
}

/**
 * As {@linkcode tryGit}, against services of git's own: a client that is still
 * writing when they refuse it ends by SIGPIPE, and reads nothing. That is asked
 * again. Ours wait for their clients, so that they need no such patience.
 */
export async function tryGitAgain(
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  for (let left = 20;; left--) {
    const result = await tryGit(args, options);
    if (result.signal !== "SIGPIPE" || left === 0) return result;
  }
}

/** Runs git and gives its standard output; throws when git fails. */
export async function git(
  args: readonly string[],
  options: GitOptions = {},
): Promise<string> {
  const result = await tryGit(args, options);
  if (result.code !== 0) throw failure(args, result);
  return result.stdout;
}

/** The synchronous {@linkcode git}, for hooks that build fixtures. */
export function gitSync(
  args: readonly string[],
  options: GitOptions = {},
): string {
  const result = spawnSync(GIT, [...protocolArguments(options), ...args], {
    cwd: options.cwd ?? gitHome(),
    env: gitEnvironment(options.env),
    input: inputBytes(options.input),
    maxBuffer: 1 << 28,
    timeout: options.timeout ?? DEFAULT_TIMEOUT_MS,
  });
  if (result.error !== undefined) throw result.error;
  const stdout = Buffer.from(result.stdout).toString("latin1");
  if (result.status !== 0) {
    throw failure(args, {
      code: result.status,
      signal: result.signal,
      stdout,
      stderr: Buffer.from(result.stderr).toString("latin1"),
    });
  }
  return stdout;
}

/** Runs any program in the isolated environment. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? gitHome(),
      env: gitEnvironment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const timer = setTimeout(
      () => child.kill("SIGKILL"),
      options.timeout ?? DEFAULT_TIMEOUT_MS,
    );
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program that ends without reading all its input is no error of ours.
    child.stdin.on("error", () => {});
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString("latin1"),
        stderr: Buffer.concat(stderr).toString("latin1"),
      });
    });
    child.stdin.end(inputBytes(options.input) ?? Buffer.alloc(0));
  });
}

function protocolArguments(options: GitOptions): string[] {
  return options.protocol === undefined
    ? []
    : ["-c", `protocol.version=${options.protocol}`];
}

function inputBytes(input: string | Uint8Array | undefined): Buffer {
  if (input === undefined) return Buffer.alloc(0);
  return typeof input === "string"
    ? Buffer.from(input, "latin1")
    : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
}

function failure(args: readonly string[], result: GitResult): Error {
  return new Error(
    `git ${args.join(" ")} ended with ${result.code ?? result.signal}:\n` +
      result.stderr,
  );
}
