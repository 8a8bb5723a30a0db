/**
 * A session's share of the processor: computing is cut into slices, and other
 * sessions are served between them.
 *
 * @module
 */

import type { ServiceContext } from "./types.ts";

/** Called between two slices with the last count that the work yielded. */
export type BetweenSlices = (count: number) => void | Promise<void>;

/** Cuts work into slices of `limits.sliceMs`. */
export class Pacer {
  #context: Pick<ServiceContext, "clock" | "limits" | "signal">;
  #sliceEnd: number;

  /** A pacer whose first slice starts now. */
  constructor(context: Pick<ServiceContext, "clock" | "limits" | "signal">) {
    this.#context = context;
    this.#sliceEnd = context.clock.monotonic() + context.limits.sliceMs;
  }

  /** Whether the slice is used up. */
  get due(): boolean {
    return this.#context.clock.monotonic() >= this.#sliceEnd;
  }

  /**
   * Lets the event loop serve others, then starts a slice. Throws the
   * signal's reason once the session is to end.
   */
  async turn(): Promise<void> {
    const { clock, limits, signal } = this.#context;
    await clock.turn();
    signal.throwIfAborted();
    this.#sliceEnd = clock.monotonic() + limits.sliceMs;
  }

  /** Starts a slice: the loop has just been served, by waiting for I/O. */
  restart(): void {
    const { clock, limits } = this.#context;
    this.#sliceEnd = clock.monotonic() + limits.sliceMs;
  }

  /**
   * Runs `work` to its end and returns its result. The generator is closed
   * when this throws.
   */
  async drive<T>(
    work: Generator<number, T, void>,
    between?: BetweenSlices,
  ): Promise<T> {
    try {
      for (;;) {
        const step = work.next();
        if (step.done === true) return step.value;
        if (!this.due) continue;
        if (between !== undefined) await between(step.value);
        await this.turn();
      }
    } finally {
      // For the ways out by an error: what the work holds is let go of.
      work.return(undefined as T);
    }
  }
}
