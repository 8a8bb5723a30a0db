/**
 * Running another program to its end, over `node:child_process`, which both
 * runtimes have, in threads too. Never by a shell, and in a process group of
 * its own, so that what it has started can be killed with it.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants as modes } from "node:fs";
import { constants } from "node:os";
import nodeProcess from "node:process";
import { concatBytes } from "../core/bytes.ts";
import type { ProgramEnd, ProgramRun } from "../core/process.ts";

/**
 * How long more output is waited for when the program itself has ended: what it
 * wrote is in the pipe by then.
 */
const GRACE_MS = 200;
/** As much as a pipe can hold; whoever writes more is still running. */
const GRACE_BYTES = 1024 * 1024;

/** As {@linkcode RunProgram}. */
export async function runProgram(
  program: string,
  run: ProgramRun,
): Promise<ProgramEnd> {
  run.signal?.throwIfAborted();
  const child = spawn(program, run.args, {
    env: environmentOf(run.env ?? {}),
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    stdio: [run.input === undefined ? "ignore" : "pipe", "pipe", "ignore"],
    detached: true,
  });
  return await new Running(child, run).end();
}

/**
 * Whether a file may be executed; `undefined` where there is none. As git asks
 * (hook.c: find_hook).
 */
export function isExecutable(path: string): boolean | undefined {
  try {
    accessSync(path, modes.X_OK);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EACCES" ? false : undefined;
  }
}

function environmentOf(
  changes: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (
    const [name, value] of Object.entries({ ...nodeProcess.env, ...changes })
  ) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** A program under way. */
class Running {
  readonly #child: ChildProcess;
  readonly #run: ProgramRun;
  readonly #kept: Uint8Array[] = [];
  readonly #exit: Promise<{ code: number | null; signal: string | null }>;
  #room: number;
  #hasEnded = false;
  #isTimedOut = false;
  #late = 0;
  #isTaking = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(child: ChildProcess, run: ProgramRun) {
    this.#child = child;
    this.#run = run;
    this.#room = run.outputLimit;
    this.#exit = new Promise((resolve, reject) => {
      child.once("error", (error) => {
        this.#hasEnded = true;
        reject(error);
      });
      child.once("exit", (code, signal) => {
        this.#hasEnded = true;
        this.#waitForRest();
        resolve({ code, signal });
      });
    });
    // Nobody may be waiting yet when it fails.
    this.#exit.catch(() => {});
  }

  async end(): Promise<ProgramEnd> {
    const { timeoutMs, signal, input } = this.#run;
    const timer = timeoutMs === 0 ? undefined : setTimeout(() => {
      this.#isTimedOut = !this.#hasEnded;
      this.#kill();
    }, timeoutMs);
    const abort = () => this.#kill();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      if (input !== undefined) void this.#feed(input);
      await this.#read();
      const { code, signal: name } = await this.#exit;
      return {
        code: code ?? undefined,
        killedBy: signalNumber(name),
        output: concatBytes(this.#kept),
        isTimedOut: this.#isTimedOut,
      };
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#grace);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Writes the input as it is read; that it is not read is no fault. */
  async #feed(input: Iterable<Uint8Array>): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === null) return;
    let isOpen = true;
    let wake = () => {};
    const close = () => {
      isOpen = false;
      wake();
    };
    stdin.on("error", close).on("close", close).on("drain", () => wake());
    this.#exit.then(close, close);
    for (const bytes of input) {
      if (!isOpen) break;
      if (stdin.write(bytes)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (!isOpen) resolve();
      });
    }
    if (isOpen) stdin.end();
    else stdin.destroy();
  }

  /** Takes the output, no more of it than there is room for. */
  async #read(): Promise<void> {
    // Not there where there were no descriptors for it: an error follows.
    const { stdout } = this.#child;
    if (stdout === null) return;
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const bytes of stdout) {
        if (stdout.destroyed) continue;
        if (this.#hasEnded) this.#late += bytes.length;
        this.#isTaking = true;
        clearTimeout(this.#grace);
        try {
          await this.#take(bytes);
        } catch (error) {
          failure = { error };
        }
        this.#isTaking = false;
        // Not by `break`: that would be an error of the stream, which nobody
        // could catch.
        if (failure === undefined && this.#late <= GRACE_BYTES) {
          this.#waitForRest();
        } else {
          stdout.destroy();
        }
      }
    } catch {
      // It was cut: by us, or the program could not be started.
    }
    if (failure === undefined) return;
    this.#kill();
    throw failure.error;
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const { onOutput } = this.#run;
    if (onOutput !== undefined) return await onOutput(bytes);
    const part = bytes.subarray(0, this.#room);
    this.#room -= part.length;
    if (part.length > 0) this.#kept.push(part);
  }

  /** Who was left behind may hold the pipe for ever. */
  #waitForRest(): void {
    if (!this.#hasEnded || this.#isTaking) return;
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#child.stdout?.destroy(), GRACE_MS);
  }

  /** Ends it and everything in its process group. */
  #kill(): void {
    const { pid } = this.#child;
    // Its number may be another's when it has ended.
    if (!this.#hasEnded && pid !== undefined) {
      try {
        nodeProcess.kill(-pid, "SIGKILL");
      } catch {
        this.#child.kill("SIGKILL");
      }
    }
    // Who has left the group may still hold the pipe: nothing waits for it.
    this.#child.stdout?.destroy();
  }
}

function signalNumber(name: string | null): number {
  if (name === null) return 0;
  return (constants.signals as Record<string, number>)[name] ?? 0;
}
