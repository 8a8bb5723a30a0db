/**
 * Log lines about a repository's state, each told once: the same torn ref is
 * met at every request.
 *
 * @module
 */

import type { LogFields, Logger } from "../../core/logger.ts";

/** So many different lines are remembered; then the memory starts anew. */
const MAX_REMEMBERED = 1000;

/** Writes each warning once. */
export class Complaints {
  readonly #logger: Logger;
  readonly #told = new Set<string>();

  /** Complaints about one repository, to `logger`. */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Logs a warning unless it was logged before. */
  warn(message: string, fields: LogFields = {}): void {
    const key = `${message}\0${Object.values(fields).join("\0")}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
    this.#told.add(key);
    this.#logger.log("warn", message, fields);
  }
}
