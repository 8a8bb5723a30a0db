/**
 * Counts the signals that ask for an end, as the person who sent them meant
 * them. What becomes of a request is the command's business.
 *
 * @module
 */

import type { EndSignal } from "../core/process.ts";

/**
 * Signals of one kind within this many milliseconds are one: at a terminal,
 * Ctrl-C reaches the whole process group, and npm and others that run us send
 * it on a second time.
 */
const ECHO_MS = 500;

/** The signals so far. */
export class EndRequests {
  #now: () => number;
  #last: { readonly signal: EndSignal; readonly at: number } | undefined;

  /** Takes the time in milliseconds from `now`. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The last signal that counted. */
  get signal(): EndSignal | undefined {
    return this.#last?.signal;
  }

  /** What a signal that has come is: the first, another, or an echo. */
  take(signal: EndSignal): "first" | "again" | "echo" {
    const last = this.#last;
    const at = this.#now();
    if (last?.signal === signal && at - last.at <= ECHO_MS) return "echo";
    this.#last = { signal, at };
    return last === undefined ? "first" : "again";
  }
}
