/**
 * Passwords that are being checked: one at a time, as each takes a processor
 * for a while, and only so many that wait.
 *
 * @module
 */

import type { CheckPassword } from "./types.ts";

/** How many may be checked, and wait. */
export interface CheckBounds {
  /** At a time. */
  readonly running: number;
  /** Besides, in the queue. */
  readonly waiting: number;
}

/** Some five seconds' worth at the cost that htpasswd's manual recommends. */
export const CHECK_BOUNDS: CheckBounds = { running: 1, waiting: 64 };

/** Checks within bounds. */
export class CheckQueue {
  readonly #check: CheckPassword;
  readonly #bounds: CheckBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Checks nothing yet. */
  constructor(check: CheckPassword, bounds: CheckBounds = CHECK_BOUNDS) {
    this.#check = check;
    this.#bounds = bounds;
  }

  /** As {@linkcode CheckPassword}; "busy" at once where too many wait. */
  async check(password: string, hash: string): Promise<boolean | "busy"> {
    if (this.#running >= this.#bounds.running) {
      if (this.#waiting.length >= this.#bounds.waiting) return "busy";
      // Whoever ends hands its place over.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await this.#check(password, hash);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
