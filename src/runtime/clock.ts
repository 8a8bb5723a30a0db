/**
 * Time and turns of the event loop.
 *
 * A turn must let sockets be served, not merely run callbacks. Measured with
 * a client that echoes, over 300 turns of 1 ms of work each:
 *
 * | turn by | Deno: cost, echoes | Bun: cost, echoes |
 * |---|---|---|
 * | `setImmediate` | 3 us, 5 | 1.4 us, 285 |
 * | `MessageChannel` | 2 us, 0 | 1.1 us, 0 |
 * | `setTimeout(0)` | 1,080 us, 1651 | 1,050 us, 2176 |
 * | an operation on the thread pool | 75 us, 470 | - |
 *
 * Deno's loop looks at its sockets only every 61 rounds as long as it has
 * callbacks of its own to run. Waiting for another thread makes it look,
 * unless that thread is faster than the loop: on a busy machine one turn in
 * some tens is lost so, and now and then many in a row. A timer never is.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Clock } from "../core/host.ts";

const NOTHING = new Uint8Array(0);

/** Under Deno, a turn waits for a timer at least this often. */
const TIMER_TURN_MS = 50;

/** The clock under Deno. */
export function denoClock(): Clock {
  let lastTimer = -Infinity;
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    async turn() {
      if (performance.now() - lastTimer < TIMER_TURN_MS) {
        await crypto.subtle.digest("SHA-1", NOTHING);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
      lastTimer = performance.now();
    },
  };
}

/** The clock under Bun, and under anything whose setImmediate serves I/O. */
export const IMMEDIATE_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
