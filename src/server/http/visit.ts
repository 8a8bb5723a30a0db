/**
 * What is known of one request beside its answer, which may be on its way long
 * before the work behind it has ended.
 *
 * @module
 */

/** One request, from its coming to the end of the work for it. */
export class Visit {
  /** Who asks, once that is known. */
  user: string | undefined;
  /** Ends the work; aborts when the client leaves, or the server closes. */
  readonly ending: AbortController = new AbortController();
  readonly #stops: (() => void)[] = [];
  /** What is being sent, where somebody counts it. */
  answer: { readonly sent: number } | undefined;
  #work: Promise<unknown> = Promise.resolve();

  /** Work for the request, which must not reject. */
  keep(work: Promise<unknown>): void {
    this.#work = Promise.all([this.#work, work]);
  }

  /** Ends the work when `signal` aborts, for `reason` or the signal's own. */
  endWith(signal: AbortSignal, reason?: () => unknown): void {
    const abort = () => this.ending.abort(reason?.() ?? signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#stops.push(() => signal.removeEventListener("abort", abort));
  }

  /** Resolves when all work is over; to be asked for once the answer stands. */
  async over(): Promise<void> {
    await this.#work;
    for (const stop of this.#stops) stop();
  }
}
