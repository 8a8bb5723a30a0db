/**
 * Knows when this process runs out of file descriptors, for a runtime that
 * does not say so: Bun's listener fails to accept without a word, and tries
 * again at once for as long as a connection waits, which is a busy loop.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";

const ANY_FILE = "/dev/null";

/**
 * Holds one descriptor back, to be given away when there is no other: then one
 * more connection can be accepted, and refused, which ends the loop.
 */
export class SpareDescriptor {
  #held: number | undefined;

  /** Takes the descriptor. */
  constructor() {
    this.#held = open();
  }

  /** Whether a descriptor is free beside the one held back. */
  isFree(): boolean {
    this.#held ??= open();
    const another = open();
    if (another === undefined) return false;
    closeSync(another);
    return this.#held !== undefined;
  }

  /** Gives the descriptor away; it is taken again when one is free. */
  release(): void {
    if (this.#held === undefined) return;
    closeSync(this.#held);
    this.#held = undefined;
  }
}

function open(): number | undefined {
  try {
    return openSync(ANY_FILE, "r");
  } catch {
    // EMFILE, ENFILE; and whatever else it is, there is none to spare.
    return undefined;
  }
}
