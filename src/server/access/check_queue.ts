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

/** What those who wait hear. */
type Outcome = "turn" | "busy";
type Waiting = (outcome: Outcome) => void;

/**
 * Checks within bounds. Addresses take turns, and where too many wait, the
 * last of the one with the most gives way: whoever guesses without end keeps
 * nobody else from signing in.
 */
export class CheckQueue {
  readonly #check: CheckPassword;
  readonly #bounds: CheckBounds;
  /** By address, in the order of their turns; none is empty. */
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #running = 0;

  /** Checks nothing yet. */
  constructor(check: CheckPassword, bounds: CheckBounds = CHECK_BOUNDS) {
    this.#check = check;
    this.#bounds = bounds;
  }

  /**
   * As {@linkcode CheckPassword}, for who asks from an address; "busy" where
   * too many wait.
   */
  async check(
    password: string,
    hash: string,
    from = "",
  ): Promise<boolean | "busy"> {
    if (this.#running < this.#bounds.running) this.#running++;
    // Whoever ends hands its place over.
    else if (await this.#wait(from) === "busy") return "busy";
    try {
      return await this.#check(password, hash);
    } finally {
      const next = this.#next();
      if (next === undefined) this.#running--;
      else next("turn");
    }
  }

  #wait(from: string): Promise<Outcome> {
    const own = this.#waiting.get(from) ?? [];
    if (this.#count >= this.#bounds.waiting && !this.#makeRoom(own.length)) {
      return Promise.resolve("busy");
    }
    this.#count++;
    this.#waiting.set(from, own);
    return new Promise((resolve) => own.push(resolve));
  }

  /** Whether some address had more than one that has `own` and one more. */
  #makeRoom(own: number): boolean {
    let most: Waiting[] = [];
    for (const each of this.#waiting.values()) {
      if (each.length > most.length) most = each;
    }
    if (most.length <= own + 1) return false;
    this.#count--;
    most.pop()?.("busy");
    return true;
  }

  /** The first of the address whose turn it is, which is then the last. */
  #next(): Waiting | undefined {
    for (const [from, waiting] of this.#waiting) {
      this.#waiting.delete(from);
      const next = waiting.shift();
      if (waiting.length > 0) this.#waiting.set(from, waiting);
      if (next === undefined) continue;
      this.#count--;
      return next;
    }
    return undefined;
  }
}
