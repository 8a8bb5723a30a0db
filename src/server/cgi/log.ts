/**
 * Standard error of a CGI program: what is said before the status is known
 * waits for it, since what git says depends on it.
 *
 * @module
 */

import { printable } from "../../core/bytes.ts";
import type { Logger, LogLevel } from "../../core/logger.ts";

/** Longest line before it is cut. */
const LINE_LIMIT = 4096;

/** Takes the log of one request. */
export class CgiLog implements Logger {
  readonly #tell: (text: string) => void;
  #waiting: string[] | undefined = [];
  #hasFailed = false;

  /** Tells nothing yet. */
  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  /** Whether an error was told. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  log(level: LogLevel, message: string): void {
    if (level !== "error" && level !== "warn") return;
    if (message === "") return;
    if (level === "error") this.#hasFailed = true;
    const text = level === "error" ? message : `warning: ${message}`;
    if (this.#waiting === undefined) this.#write(text);
    else this.#waiting.push(text);
  }

  /** The status is known: tells what waits, and from now on all at once. */
  release(status: number): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    // Its body says it: http-backend.c, check_content_type.
    if (status === 415) return;
    // Of these git tells; of all others it dies.
    const isTold = status === 403 || status === 404;
    const lines = waiting.map((line) =>
      isTold
        ? line.replace(/^fatal: /, "")
        : status < 400 || /^(?:fatal|warning|BUG): /.test(line)
        ? line
        : `fatal: ${line}`
    );
    for (const line of new Set(lines)) this.#write(line);
  }

  #write(line: string): void {
    // upload-pack.c says less to its client than to its own side.
    const text = line.replace(/^fatal: (?=upload-pack: )/, "fatal: git ");
    this.#tell(`${printable(text, LINE_LIMIT)}\n`);
  }
}
