/**
 * The log as text lines in the form of git daemon's: `[pid] message`. A line
 * that belongs to a session has the session's number where git has the number
 * of the child process. Where the lines go is the caller's business.
 *
 * @module
 */

import { printable } from "../core/bytes.ts";
import type { LogFields, Logger, LogLevel } from "../core/logger.ts";

/** How a text log is made. */
export interface TextLogOptions {
  /** The process id; without it, lines that belong to no session are bare. */
  readonly pid?: number;
  /** Whether lines of level "info" are written; errors always are. */
  readonly verbose: boolean;
  /** Takes a line with its newline, and its level. Must not throw. */
  readonly write: (line: string, level: LogLevel) => void;
}

/** Longest line before it is cut. */
const LINE_LIMIT = 4096;

/** So many warnings are remembered; then the memory starts anew. */
const MAX_REMEMBERED = 1000;

/**
 * A logger that writes text lines. The field `session` becomes the number in
 * front; other fields follow the message as `name=value`.
 */
export function textLogger(options: TextLogOptions): Logger {
  const isShown: Readonly<Record<LogLevel, boolean>> = {
    error: true,
    warn: true,
    info: options.verbose,
    debug: false,
  };
  return {
    log(level, message, fields = {}) {
      if (!isShown[level]) return;
      const { session, ...others } = fields;
      const facts = Object.entries(others)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => ` ${name}=${quoted(String(value))}`);
      const line = printable(`${message}${facts.join("")}`, LINE_LIMIT);
      const id = session ?? options.pid;
      options.write(`${id === undefined ? "" : `[${id}] `}${line}\n`, level);
    },
  };
}

/** A logger whose lines carry `fields` besides their own. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return {
    log: (level, message, own) =>
      logger.log(level, message, { ...fields, ...own }),
  };
}

/**
 * A logger that writes each warning about a repository once: every thread
 * opens the repository for itself, and meets the same stale file.
 */
export function withoutRepeats(logger: Logger): Logger {
  const told = new Set<string>();
  return {
    log(level, message, fields) {
      if (level === "warn" && fields?.repository !== undefined) {
        const line = [message, ...Object.values(fields)].join("\0");
        const key = line.slice(0, LINE_LIMIT);
        if (told.has(key)) return;
        if (told.size >= MAX_REMEMBERED) told.clear();
        told.add(key);
      }
      logger.log(level, message, fields);
    },
  };
}

function quoted(value: string): string {
  return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}
