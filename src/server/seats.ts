/**
 * How many are served at once: one count for a server, whichever transport
 * they come by.
 *
 * @module
 */

/** So many places for connections and requests that are under way. */
export class Seats {
  readonly #most: number;
  #taken = 0;

  /** `most` is the limit `maxConnections`; 0 is no limit. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes one, to be given back by a call, once; `undefined`: all are taken. */
  take(): (() => void) | undefined {
    if (this.#most > 0 && this.#taken >= this.#most) return undefined;
    this.#taken++;
    let isTaken = true;
    return () => {
      if (isTaken) this.#taken--;
      isTaken = false;
    };
  }
}
