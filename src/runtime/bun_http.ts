/**
 * HTTP by `Bun.serve`.
 *
 * @module
 */

import type {
  AnswerHttp,
  HttpListener,
  HttpListenOptions,
  TlsPair,
} from "../core/http_host.ts";
import { bunGlobal, type BunHttpServer } from "./bun_types.ts";
import { compileReadily } from "./compiler.ts";
import type { ReportTrouble } from "./host.ts";
import { peerOf } from "./http_peer.ts";
import { askToLeave, isSamePair, Leave } from "./http_renewal.ts";
import {
  ACCEPT_PAUSE_MS,
  httpListenError,
  noTlsError,
} from "./listen_error.ts";
import { SpareDescriptor } from "./spare_descriptor.ts";

/** Bun refuses larger bodies otherwise; ours are bounded where they are read. */
const ANY_SIZE = Number.MAX_SAFE_INTEGER;
/** Closes connections that are open. */
const CLOSING = true;
/** A connection without a request is closed after so many seconds. */
const IDLE_SECONDS = 30;
/** A request has limits of its own. */
const NEVER = 0;

/**
 * Listens with `Bun.serve`. Rejects with a UsageError where it cannot. Where
 * descriptors run out, requests are answered 503: this runtime cannot let
 * connections wait.
 */
export async function listenBunHttp(
  options: HttpListenOptions,
  answer: AnswerHttp,
  report: ReportTrouble = () => {},
): Promise<HttpListener> {
  // Who listens will be here for long.
  compileReadily();
  const listener = new BunHttpListener(options, answer, report);
  await listener.start();
  return listener;
}

class BunHttpListener implements HttpListener {
  readonly hostname: string;
  readonly finished: Promise<void>;
  readonly #answer: AnswerHttp;
  readonly #report: ReportTrouble;
  readonly #ended = Promise.withResolvers<void>();
  readonly #running = new Set<BunHttpServer>();
  /** Those whose place another one takes. */
  readonly #leaving = new Map<BunHttpServer, Leave>();
  /** Those that were told to end. */
  readonly #retired = new Set<BunHttpServer>();
  readonly #spare = new SpareDescriptor();
  #server: BunHttpServer | undefined;
  #port: number;
  #tls: TlsPair | undefined;
  #isDraining = false;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    { hostname, port, tls }: HttpListenOptions,
    answer: AnswerHttp,
    report: ReportTrouble,
  ) {
    this.hostname = hostname;
    this.#port = port;
    this.#tls = tls;
    this.#answer = answer;
    this.#report = report;
    this.finished = this.#ended.promise;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens. Rejects with a UsageError. */
  async start(): Promise<void> {
    if (this.#tls !== undefined) {
      // Who shares a port does not learn that somebody else has it.
      const trial = this.#serve(this.#port, this.#tls, "alone");
      this.#port = trial.port;
      await trial.stop(CLOSING);
    }
    this.#take(this.#serve(this.#port, this.#tls));
  }

  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const server of this.#running) this.#retire(server);
    this.#settle();
  }

  abort(): void {
    this.#isDraining = true;
    for (const server of this.#running) void server.stop(CLOSING);
    this.#running.clear();
    this.#settle();
  }

  async renew(tls: TlsPair): Promise<void> {
    const old = this.#server;
    if (this.#tls === undefined || old === undefined) throw noTlsError();
    if (isSamePair(tls, this.#tls)) return;
    // Says what is wrong with the pair while the old one serves.
    await this.#serve(0, tls, "alone").stop(CLOSING);
    if (this.#isDraining) return;
    this.#take(this.#serve(this.#port, tls));
    this.#tls = tls;
    const leave = new Leave();
    this.#leaving.set(old, leave);
    await leave.quiet(() => this.#isDraining);
    if (!this.#isDraining) this.#retire(old);
  }

  #serve(
    port: number,
    tls: TlsPair | undefined,
    how: "shared" | "alone" = "shared",
  ): BunHttpServer {
    const bun = bunGlobal();
    if (bun === undefined) throw new TypeError("Cannot listen: not Bun");
    const isSecure = tls !== undefined;
    try {
      return bun.serve({
        hostname: this.hostname,
        port,
        idleTimeout: IDLE_SECONDS,
        maxRequestBodySize: ANY_SIZE,
        development: false,
        reusePort: isSecure && how === "shared",
        ...(isSecure ? { tls } : {}),
        fetch: (request, server) => this.#fetch(request, server, isSecure),
        error: () => new Response(null, { status: 500 }),
      });
    } catch (error) {
      throw httpListenError({ hostname: this.hostname, port }, tls, error);
    }
  }

  async #fetch(
    request: Request,
    server: BunHttpServer,
    isSecure: boolean,
  ): Promise<Response> {
    this.#keepLooking();
    server.timeout(request, NEVER);
    const from = server.requestIP(request);
    if (!this.#spare.isFree()) {
      this.#report(new Error("Too many open files, refusing a request"));
      const headers = { "Connection": "close", "Retry-After": "1" };
      return new Response(null, { status: 503, headers });
    }
    this.#leaving.get(server)?.asked();
    const peer = from === null
      ? { peer: "http", address: "", isSecure }
      : peerOf(from.address, from.port, isSecure);
    const asked = { ...peer, gone: request.signal };
    const response = await this.#answer(request, asked);
    return this.#leaving.has(server) ? askToLeave(response) : response;
  }

  #take(server: BunHttpServer): void {
    this.#server = server;
    this.#port = server.port;
    this.#running.add(server);
  }

  /** Files are only opened, and servers only ended, while it runs. */
  #keepLooking(): void {
    this.#watch ??= setInterval(() => this.#look(), ACCEPT_PAUSE_MS);
  }

  /** Lets its requests end; connections that only wait do not hold it up. */
  #retire(server: BunHttpServer): void {
    this.#keepLooking();
    this.#retired.add(server);
    void server.stop().then(() => {
      this.#running.delete(server);
      this.#retired.delete(server);
      this.#leaving.delete(server);
      this.#settle();
    });
    server.closeIdleConnections();
  }

  /** Connections that have become idle after they were told to end. */
  #look(): void {
    if (!this.#spare.isFree()) this.#spare.release();
    for (const server of this.#running) {
      if (this.#retired.has(server)) {
        server.closeIdleConnections();
      }
    }
    const [only, another] = this.#running;
    if (this.#isDraining || another !== undefined) return;
    if (only !== undefined && only.pendingRequests > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #settle(): void {
    if (!this.#isDraining || this.#running.size > 0) return;
    clearInterval(this.#watch);
    this.#spare.release();
    this.#ended.resolve();
  }
}
