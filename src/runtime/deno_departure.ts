/**
 * Whether a client of `Deno.serve` has left without its answer. The runtime
 * tells by the request's signal, which it aborts after answers as well; the
 * first time that it does so to somebody who has asked for the signal, it
 * writes a warning to standard error. Nothing here takes the one for the other,
 * so that warning is left out.
 *
 * @module
 */

/** Answers that are made sooner are not watched: most never cost a thing. */
const WATCH_MS = 500;

/** How the warning begins. */
const WARNING = "Deno.serve: request.signal aborts";

/** Watches one request until it is answered. */
export class Departure {
  readonly #request: Request;
  readonly #gone = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #signal: AbortSignal | undefined;

  /** Watches from now on. */
  constructor(request: Request) {
    this.#request = request;
    this.#timer = setTimeout(() => this.#watch(), WATCH_MS);
  }

  /** Aborts when the client leaves before it is answered. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** There is an answer, of which its body tells whether somebody takes it. */
  answered(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#leave);
  }

  #watch(): void {
    leaveWarningOut();
    const { signal } = this.#request;
    this.#signal = signal;
    if (signal.aborted) return this.#leave();
    signal.addEventListener("abort", this.#leave, { once: true });
  }

  #leave = (): void => this.#gone.abort();
}

/** Nobody can act on it: `request.signal` has no other way to be asked for. */
function leaveWarningOut(): void {
  const output = console;
  const { warn } = output;
  if (warn.name === withoutWarning.name) return;
  output.warn = withoutWarning;

  function withoutWarning(...args: unknown[]): void {
    if (!String(args[0]).startsWith(WARNING)) return warn.apply(output, args);
    // It comes once.
    if (output.warn === withoutWarning) output.warn = warn;
  }
}
