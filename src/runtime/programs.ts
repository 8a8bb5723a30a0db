/**
 * Running another program to its end, over `node:child_process`, which both
 * runtimes have. Never by a shell, and in a process group of its own, so that
 * what it has started can be killed with it.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import nodeProcess from "node:process";
import { concatBytes } from "../core/bytes.ts";
import type { ProgramEnd, ProgramRun } from "../core/process.ts";

/** As {@linkcode RunProgram}. */
export function runProgram(
  program: string,
  run: ProgramRun,
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    run.signal?.throwIfAborted();
    const child = spawn(program, run.args, {
      env: { ...nodeProcess.env, ...run.env },
      ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    const output: Uint8Array[] = [];
    let kept = 0;
    // Not there where there were no descriptors for it: an error follows.
    child.stdout?.on("data", (bytes: Uint8Array) => {
      const part = bytes.subarray(0, run.outputLimit - kept);
      kept += part.length;
      if (part.length > 0) output.push(part);
    });
    let isTimedOut = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      killGroup(child);
    }, run.timeoutMs);
    const abort = () => killGroup(child);
    run.signal?.addEventListener("abort", abort, { once: true });
    const settle = (end: () => void) => {
      clearTimeout(timer);
      run.signal?.removeEventListener("abort", abort);
      end();
    };
    child.on("error", (error) => settle(() => reject(error)));
    child.on("close", (code) =>
      settle(() =>
        resolve({
          code: code ?? undefined,
          output: concatBytes(output),
          isTimedOut,
        })
      ));
  });
}

/** Ends a program and everything in its process group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    nodeProcess.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
  // Who has left the group may still hold the pipe: nothing waits for it.
  child.stdout?.destroy();
}
