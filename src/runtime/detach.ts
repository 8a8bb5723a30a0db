/**
 * Going into the background: this program is started once more, in a session
 * of its own, and tells the one that started it when it serves.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import nodeProcess from "node:process";

/** Set in the environment of the one in the background. */
const MARK = "GITSRV_IN_BACKGROUND";
const STDOUT = 1;
const STDERR = 2;
const LAST_WORDS_MS = 1000;
const READY = "ready\n";

/** Whether this is the one that was started in the background. */
export function isInBackground(): boolean {
  return nodeProcess.env[MARK] === String(nodeProcess.ppid);
}

/**
 * Starts this program again in the background. Resolves to the exit code for
 * this one: 0 once the other serves, and the other's own where it ended
 * before; what it said on standard error by then goes to `onError`.
 */
export function startInBackground(
  onError: (text: string) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(nodeProcess.execPath, ownArguments(), {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...nodeProcess.env, [MARK]: String(nodeProcess.pid) },
    });
    let said = "";
    child.stdout.on("data", (bytes: Uint8Array) => {
      said += new TextDecoder().decode(bytes);
      if (!said.endsWith(READY)) return;
      // Its last words may still be on their way.
      child.stderr.once("close", () => resolve(0));
      setTimeout(() => resolve(0), LAST_WORDS_MS);
    });
    child.stderr.on("data", (bytes: Uint8Array) => {
      onError(new TextDecoder().decode(bytes));
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 128));
  });
}

/** Tells who started us that we serve, and lets go of the terminal. */
export function settleInBackground(): void {
  try {
    writeSync(STDOUT, READY);
  } catch {
    // Nobody waits any more.
  }
  for (const descriptor of [STDOUT, STDERR]) {
    closeSync(descriptor);
    // The lowest that is free: the one just closed.
    openSync("/dev/null", "w");
  }
  delete nodeProcess.env[MARK];
}

/** The arguments that this program was started with, the runtime's included. */
function ownArguments(): readonly string[] {
  try {
    const all = readFileSync("/proc/self/cmdline", "utf8").split("\0");
    return all.slice(1, -1);
  } catch {
    const isDeno = "Deno" in globalThis;
    return [
      ...(isDeno ? ["run", "-A"] : nodeProcess.execArgv),
      ...nodeProcess.argv.slice(1),
    ];
  }
}
