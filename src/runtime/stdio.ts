/**
 * Standard input and output as one connection, for one session that another
 * program (ssh, a test, a CGI server) has started.
 *
 * Reads and writes run on the runtime's threads, so that time limits and
 * signals are served while they wait.
 *
 * @module
 */

import {
  closeSync,
  read as fsRead,
  write as fsWrite,
  writeSync,
} from "node:fs";
import type { Connection } from "../core/host.ts";
import { compileReadily } from "./compiler.ts";
import { abortable } from "./signals.ts";

const STDIN = 0;
const STDOUT = 1;
/**
 * So much fits into a pipe or a socket that nobody has written to, at once:
 * PIPE_BUF. The first bytes of a session then wait for no thread to start.
 */
const FIRST_BYTES = 4096;
/** Wait before trying again where a descriptor was left non-blocking. */
const AGAIN_MS = 2;

/** Standard input and output. Make one per process. */
export function stdioConnection(): Connection {
  return new StdioConnection();
}

class StdioConnection implements Connection {
  readonly peer = "stdio";
  readonly address = "";
  sent = 0;
  #isShut = false;
  #isClosed = false;
  #isBegun = false;

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    if (!this.#isBegun) {
      this.#isBegun = true;
      compileReadily();
    }
    for (;;) {
      this.#check(signal);
      const result = await abortable(
        settle((done) => fsRead(STDIN, into, 0, into.length, null, done)),
        signal,
        () => {},
      );
      if (typeof result === "number") return result;
      if (result.code === "EOF") return 0;
      if (!isAgain(result)) throw result;
      await pause();
    }
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.#check(signal);
      if (this.#isShut) throw new Error("Output is closed");
      if (this.sent === 0 && bytes.length <= FIRST_BYTES) {
        const count = writeFirst(bytes);
        at += count;
        this.sent += count;
        if (count > 0) continue;
      }
      const result = await abortable(
        settle((done) =>
          fsWrite(STDOUT, bytes, at, bytes.length - at, null, done)
        ),
        signal,
        () => this.close(),
      );
      if (typeof result === "number") {
        at += result;
        this.sent += result;
      } else if (isAgain(result)) await pause();
      else throw result;
    }
  }

  closeWrite(): Promise<void> {
    if (!this.#isShut) {
      this.#isShut = true;
      try {
        closeSync(STDOUT);
      } catch {
        // Closed by whoever started us.
      }
    }
    return Promise.resolve();
  }

  close(): void {
    this.#isShut = true;
    this.#isClosed = true;
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new Error("Connection is closed");
  }
}

function settle(
  begin: (
    done: (error: NodeJS.ErrnoException | null, count: number) => void,
  ) => void,
): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) =>
    begin((error, count) => resolve(error ?? count))
  );
}

/** Writes without waiting; 0 where there is no room. */
function writeFirst(bytes: Uint8Array): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error) {
    if (isAgain(error as NodeJS.ErrnoException)) return 0;
    throw error;
  }
}

function isAgain(error: NodeJS.ErrnoException): boolean {
  return error.code === "EAGAIN" || error.code === "EINTR";
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
}
