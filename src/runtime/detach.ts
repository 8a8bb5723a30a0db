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
const STDERR = 2;
/** The last that the one in the background writes: it serves. */
const READY = "\0ready\n";

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
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...nodeProcess.env, [MARK]: String(nodeProcess.pid) },
    });
    const decoder = new TextDecoder();
    let held = "";
    child.stderr.on("data", (bytes: Uint8Array) => {
      held += decoder.decode(bytes, { stream: true });
      const end = held.indexOf("\0");
      onError(end < 0 ? held : held.slice(0, end));
      held = end < 0 ? "" : held.slice(end);
      if (held === READY) resolve(0);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 128));
  });
}

/** Tells who started us that we serve, and lets go of the terminal. */
export function settleInBackground(): void {
  delete nodeProcess.env[MARK];
  try {
    writeSync(STDERR, READY);
    // Where a runtime keeps the descriptor it is a pipe that nobody reads,
    // and what is written to it is lost as well.
    closeSync(STDERR);
    openSync("/dev/null", "w");
  } catch {
    // Nobody waits any more.
  }
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
