/**
 * What a server owes to bad input: clear words, a closed connection, and
 * undisturbed neighbours. One description serves ours and the reference,
 * which keeps most of its words for its log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./fixture_directory.ts";
import { tryGit } from "./git.ts";
import { type Daemon, eventually, pause, SERVER } from "./server.ts";
import { connectWire, errorLine, type Wire } from "./wire_client.ts";

/** One bad input and what must come of it. */
export interface Refusal {
  /** Everything the client sends. */
  readonly send: readonly Wire[];
  /** The words that must be said; git's own. */
  readonly words: RegExp;
  /**
   * Who must read the words: the `peer`, in an `ERR` packet (git's daemon
   * tells many of them to its log alone, which counts for git), or the `log`.
   */
  readonly to?: "peer" | "log";
  /** Sends FIN after the input. */
  readonly halfClose?: boolean;
  /** Must not be in the answer, such as ids of another repository. */
  readonly secrets?: readonly string[];
}

/** Sends the input and checks words, closing, and that nothing leaked. */
export async function expectRefusal(
  daemon: Daemon,
  refusal: Refusal,
): Promise<void> {
  const from = daemon.log().length;
  const client = await connectWire(daemon.port);
  await client.send(...refusal.send);
  if (refusal.halfClose === true) client.endWriting();
  const answer = await client.untilClosed();
  const line = errorLine(answer);
  const text = Buffer.from(answer).toString("latin1");
  for (const secret of refusal.secrets ?? []) {
    assert.ok(!text.includes(secret), `The answer holds ${secret}`);
  }
  if (line !== undefined && refusal.words.test(line)) {
    assertPrintable(line);
    return;
  }
  if (SERVER === "ours" && refusal.to !== "log") {
    assert.fail(
      `The peer must read ${refusal.words}; it got ${JSON.stringify(line)}, ` +
        `the last bytes ${JSON.stringify(text.slice(-200))}, and the log\n` +
        daemon.log().slice(from),
    );
  }
  await eventually(
    `the log says ${refusal.words}; it says ${daemon.log().slice(from)}`,
    () => refusal.words.test(daemon.log().slice(from)),
    5_000,
  );
}

/** Words for a terminal: one line without control characters. */
function assertPrintable(line: string): void {
  // git's daemon repeats the path it was sent, whatever is in it.
  if (SERVER === "git") return;
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line, /[\x00-\x1f\x7f]/);
}

/** A neighbour: clones again and again until it is stopped. */
export interface CloneLoop {
  /** Stops after the running clone; throws if any clone failed. */
  stop(): Promise<number>;
}

/** Starts a {@linkcode CloneLoop} of one repository. */
export function startCloneLoop(url: string): CloneLoop {
  const directory = temporaryDirectory("loop");
  const failures: string[] = [];
  let count = 0;
  let isStopped = false;
  const running = (async () => {
    do {
      const target = join(directory, `${count}`);
      const result = await tryGit([
        "clone",
        "--quiet",
        "--bare",
        url,
        target,
      ]);
      if (result.code !== 0) failures.push(result.stderr);
      rmSync(target, { recursive: true, force: true });
      count++;
      await pause(100);
    } while (!isStopped);
  })();
  return {
    async stop() {
      isStopped = true;
      await running;
      assert.deepEqual(failures, [], "Clones beside the bad input failed");
      return count;
    },
  };
}

/** Resident memory of a process in bytes, from `/proc`. */
export function residentBytes(status: string): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return Number(found?.[1] ?? Number.NaN) * 1024;
}
