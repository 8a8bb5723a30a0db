/**
 * The HTTP server: answers requests from its listeners, keeps their number
 * within bounds, and ends them when it is told to.
 *
 * @module
 */

import { RefusedError } from "../../core/errors.ts";
import type {
  AnswerHttp,
  HttpListener,
  HttpPeer,
  TlsPair,
} from "../../core/http_host.ts";
import { withCors } from "./cors.ts";
import { httpHandler } from "./handler.ts";
import { reply } from "./replies.ts";
import type { HttpContext } from "./types.ts";

/** How long aborted requests may take to leave before they are cut off. */
const ABORT_MS = 1000;

/** Requests that end sooner are not told of at the end. */
const NOTICE_MS = 100;

/** A server for requests from any number of listeners. */
export class HttpDaemon {
  readonly #context: HttpContext;
  readonly #answer: AnswerHttp;
  readonly #closing = new AbortController();
  readonly #listeners: HttpListener[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #isDraining = false;

  /** Listens nowhere yet. */
  constructor(context: HttpContext) {
    this.#context = context;
    this.#answer = withCors(
      httpHandler({ ...context, closing: this.#closing.signal }),
      context.cors ?? [],
    );
  }

  /** Resolves when nothing listens and every request has been answered. */
  get finished(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes requests from `listeners`, once. */
  serve(listeners: readonly HttpListener[]): void {
    this.#listeners.push(...listeners);
    void Promise.all(listeners.map(({ finished }) => finished))
      .then(() => this.#ended.resolve());
  }

  /** Answers one request. */
  answer(request: Request, peer: HttpPeer): Promise<Response> {
    return this.#isDraining
      ? Promise.resolve(
        reply(503, "The server is shutting down", { Connection: "close" }),
      )
      : this.#answer(request, peer);
  }

  /** Uses another certificate from now on. */
  async renew(tls: TlsPair): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.renew(tls)));
  }

  /**
   * Stops listening and lets requests finish; what is left after the limit
   * `drainMs` is aborted. Idempotent.
   */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const listener of this.#listeners) listener.drain();
    const { logger, limits: { drainMs } } = this.#context;
    const words = `Waiting up to ${drainMs / 1000} s for requests over HTTP`;
    // Only the runtime knows of answers that are still being sent.
    const notice = setTimeout(
      () => logger.log("info", words, { waiting: 1 }),
      Math.min(NOTICE_MS, drainMs),
    );
    const timer = setTimeout(() => this.abort(), drainMs);
    void this.finished.then(() => {
      clearTimeout(notice);
      clearTimeout(timer);
    });
  }

  /** Stops listening and aborts every request. Idempotent. */
  abort(): void {
    this.#isDraining = true;
    this.#closing.abort(
      new RefusedError("aborted", "the server is shutting down"),
    );
    const timer = setTimeout(() => {
      for (const listener of this.#listeners) listener.abort();
      this.#ended.resolve();
    }, ABORT_MS);
    void this.finished.then(() => clearTimeout(timer));
  }
}
