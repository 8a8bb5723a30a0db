/**
 * The system's log by way of the program `logger`, one for as long as we run.
 * Nothing waits for it: lines that it does not take are dropped, and when it
 * dies the next line starts another.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import nodeProcess from "node:process";
import { concatBytes } from "../core/bytes.ts";
import { messageOf, UsageError } from "../core/errors.ts";

/** Facility "daemon", and the levels that we use: syslog(3). */
const PRIORITIES = { error: 27, warn: 28, info: 30, debug: 31 } as const;

/**
 * Bytes of one message. util-linux's `logger` takes 1024; what is behind them
 * is a message of its own to it, with a priority of its own if it says so.
 */
const MESSAGE_BYTES = 1000;
/** Bytes that may wait for the program. */
const QUEUE_BYTES = 1024 * 1024;
const LINE_END = Uint8Array.of(0x0a);
/** Between two starts of the program. */
const RESTART_MS = 1000;
/** How long the last lines may take at the end. */
const FLUSH_MS = 1000;

/** Where `logger` finds the system's log: Linux, and macOS. */
const LOG_SOCKETS = ["/dev/log", "/var/run/syslog"];

/** Whether anything takes the system's log. `logger` itself does not tell. */
export function hasSystemLog(): boolean {
  return LOG_SOCKETS.some((path) => existsSync(path));
}

/** A log that others keep. */
export interface SystemLog {
  /** Takes a line without a newline. Never throws and never waits. */
  write(level: keyof typeof PRIORITIES, line: string): void;
  /** Lets the last lines go, for a second at most. */
  end(): Promise<void>;
}

/**
 * A line as `logger --prio-prefix` reads it: in so many messages that it finds
 * no priority in any but ours.
 */
export function syslogInput(
  level: keyof typeof PRIORITIES,
  line: string,
): Uint8Array {
  const encoder = new TextEncoder();
  const bytes = encoder.encode(line);
  const prefix = encoder.encode(`<${PRIORITIES[level]}>`);
  const parts: Uint8Array[] = [];
  for (let at = 0; parts.length === 0 || at < bytes.length;) {
    let end = Math.min(at + MESSAGE_BYTES, bytes.length);
    // Not in the middle of a character.
    while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) {
      end--;
    }
    parts.push(prefix, bytes.subarray(at, end), LINE_END);
    at = end;
  }
  return concatBytes(parts);
}

/**
 * Starts logging to the system's log as `tag`. Rejects with a UsageError where
 * there is no `logger`.
 */
export async function openSystemLog(tag: string): Promise<SystemLog> {
  const log = new LoggerProgram(tag);
  await log.start();
  return log;
}

class LoggerProgram implements SystemLog {
  #tag: string;
  #child: ChildProcess | undefined;
  #startedAt = 0;
  #waiting = 0;
  #isEnded = false;

  constructor(tag: string) {
    this.#tag = tag;
  }

  async start(): Promise<void> {
    const child = this.#spawn();
    try {
      await new Promise<void>((resolve, reject) => {
        child.once("spawn", resolve);
        child.once("error", reject);
      });
    } catch (cause) {
      throw new UsageError(
        "no-syslog",
        `cannot log to syslog: cannot start the program 'logger': ${
          messageOf(cause)
        }`,
        { cause },
      );
    }
  }

  write(level: keyof typeof PRIORITIES, line: string): void {
    if (this.#isEnded) return;
    const child = this.#child ?? this.#restart();
    if (child?.stdin === undefined || child.stdin === null) return;
    const bytes = syslogInput(level, line);
    if (this.#waiting + bytes.length > QUEUE_BYTES) return;
    this.#waiting += bytes.length;
    child.stdin.write(bytes, () => {
      if (this.#child === child) this.#waiting -= bytes.length;
    });
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    const child = this.#child;
    if (child === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.stdin?.end();
      }),
      new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS)),
    ]);
    clearTimeout(timer);
  }

  #restart(): ChildProcess | undefined {
    if (performance.now() - this.#startedAt < RESTART_MS) return undefined;
    try {
      return this.#spawn();
    } catch {
      return undefined; // EMFILE, ENOMEM: the next line tries again.
    }
  }

  #spawn(): ChildProcess {
    this.#startedAt = performance.now();
    this.#waiting = 0;
    const child = spawn("logger", [
      "-t",
      `${this.#tag}[${nodeProcess.pid}]`,
      "-p",
      "daemon.info",
      "--prio-prefix",
    ], {
      stdio: ["pipe", "ignore", "ignore"],
      // Ctrl-C is meant for us: it shall hear of the end as well.
      detached: true,
    });
    this.#child = child;
    const gone = () => {
      if (this.#child === child) this.#child = undefined;
    };
    child.on("error", gone);
    child.on("exit", gone);
    // Not there where there were no descriptors for it.
    child.stdin?.on("error", () => {});
    return child;
  }
}
