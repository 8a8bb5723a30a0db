/**
 * The log as the rooms see it: something that takes a line. Where lines go and
 * how they look is the business of `server/` and `cli/`.
 *
 * @module
 */

/** How much a line matters. */
export type LogLevel = "error" | "warn" | "info" | "debug";

/** Facts beside a log line; bytes from outside are escaped by the writer. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | undefined>
>;

/** Takes log lines. Never throws: a full log disk must not stop a session. */
export interface Logger {
  /** Writes one line. */
  log(level: LogLevel, message: string, fields?: LogFields): void;
}

/** A logger that drops everything, for embedding and tests. */
export const SILENT: Logger = { log() {} };
