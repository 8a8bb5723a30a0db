/**
 * HTTP by `Deno.serve`.
 *
 * @module
 */

import type {
  AnswerHttp,
  HttpListener,
  HttpListenOptions,
  HttpPeer,
  TlsPair,
} from "../core/http_host.ts";
import { Departure } from "./deno_departure.ts";
import { readAhead } from "./deno_read_ahead.ts";
import type { ReportTrouble } from "./host.ts";
import { peerOf } from "./http_peer.ts";
import { askToLeave, isSamePair, Leave } from "./http_renewal.ts";
import {
  ACCEPT_PAUSE_MS,
  httpListenError,
  noTlsError,
} from "./listen_error.ts";

/** Whether a second server may listen on the port, so as to take over. */
type Sharing = "shared" | "alone";

type Server = Deno.HttpServer<Deno.NetAddr>;

/** A server that has not finished. */
interface Running {
  readonly ending: AbortController;
  /** Another one takes over. */
  leave?: Leave;
  isEnding: boolean;
}

/** Listens with `Deno.serve`. Rejects with a UsageError where it cannot. */
export async function listenDenoHttp(
  options: HttpListenOptions,
  answer: AnswerHttp,
  report: ReportTrouble = () => {},
): Promise<HttpListener> {
  const listener = new DenoHttpListener(options, answer, report);
  await listener.start();
  return listener;
}

class DenoHttpListener implements HttpListener {
  readonly hostname: string;
  readonly finished: Promise<void>;
  readonly #answer: AnswerHttp;
  readonly #report: ReportTrouble;
  readonly #ended = Promise.withResolvers<void>();
  /** Servers that have not finished: more than one while one takes over. */
  readonly #running = new Map<Server, Running>();
  #server: Server | undefined;
  #port: number;
  #tls: TlsPair | undefined;
  #isDraining = false;

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
    if (this.#tls !== undefined && canSharePorts()) {
      // Who shares a port does not learn that somebody else has it.
      const trial = this.#serve(this.#port, this.#tls, "alone");
      this.#port = trial.addr.port;
      await trial.shutdown();
    }
    this.#start(this.#tls);
  }

  drain(): void {
    this.#isDraining = true;
    this.#server = undefined;
    for (const server of this.#running.keys()) this.#end(server);
    this.#settle();
  }

  abort(): void {
    this.#isDraining = true;
    // One that was told to end can no more be cut off, says the runtime by an
    // error that nobody can catch.
    for (const { isEnding, ending } of this.#running.values()) {
      if (!isEnding) ending.abort();
    }
    this.#server = undefined;
    this.#running.clear();
    this.#settle();
  }

  async renew(tls: TlsPair): Promise<void> {
    const old = this.#server;
    if (this.#tls === undefined || old === undefined) throw noTlsError();
    if (isSamePair(tls, this.#tls)) return;
    // Says what is wrong with the pair while the old one serves.
    await this.#serve(0, tls, "alone").shutdown();
    if (this.#isDraining) return;
    if (canSharePorts()) {
      this.#start(tls);
      this.#tls = tls;
      const leaving = this.#running.get(old);
      const leave = new Leave();
      if (leaving !== undefined) leaving.leave = leave;
      await leave.quiet(() => this.#isDraining);
      this.#end(old);
      return;
    }
    // The port has to be free first: connections that come meanwhile are
    // refused, and requests under way go on.
    this.#tls = tls;
    this.#server = undefined;
    void old.shutdown();
    await this.#listenAgain();
  }

  #serve(
    port: number,
    tls: TlsPair | undefined,
    how: Sharing,
    running: Running = beginning(),
  ): Server {
    const isSecure = tls !== undefined;
    const options: Deno.ServeTcpOptions = {
      hostname: this.hostname,
      port,
      signal: running.ending.signal,
      // Packs are compressed, and lengths and ranges have to stay true.
      automaticCompression: false,
      onListen() {},
      onError: () => new Response(null, { status: 500 }),
      ...(isSecure && how === "shared" && canSharePorts()
        ? { reusePort: true }
        : {}),
      ...(tls ?? {}),
    };
    try {
      return Deno.serve(
        options,
        async (request, { remoteAddr }) => {
          const departure = new Departure(request);
          const { gone } = departure;
          running.leave?.asked();
          const peer = { ...peerFrom(remoteAddr, isSecure), gone };
          try {
            const taken = isSecure ? request : readAhead(request);
            const response = await this.#answer(taken, peer);
            return running.leave ? askToLeave(response) : response;
          } finally {
            departure.answered();
          }
        },
      );
    } catch (error) {
      throw httpListenError({ hostname: this.hostname, port }, tls, error);
    }
  }

  /** Serves with a certificate, from now on. Throws a UsageError. */
  #start(tls: TlsPair | undefined): void {
    const running = beginning();
    const server = this.#serve(this.#port, tls, "shared", running);
    this.#server = server;
    this.#port = server.addr.port;
    this.#running.set(server, running);
    const done = () => {
      this.#running.delete(server);
      // It ends by itself when it could not accept: EMFILE.
      if (this.#server === server && !this.#isDraining) {
        this.#server = undefined;
        this.#report(new Error("Too many open files, listening again"));
        void this.#listenAgain();
      }
      this.#settle();
    };
    void server.finished.then(done, done);
  }

  /** Listens on the same port again, as soon as that is possible. */
  async #listenAgain(): Promise<void> {
    while (!this.#isDraining) {
      try {
        this.#start(this.#tls);
        return;
      } catch (error) {
        this.#report(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  /** Lets its requests end; it is told so once. */
  #end(server: Server): void {
    const running = this.#running.get(server);
    if (running === undefined || running.isEnding) return;
    running.isEnding = true;
    void server.shutdown();
  }

  #settle(): void {
    if (this.#isDraining && this.#running.size === 0) this.#ended.resolve();
  }
}

function beginning(): Running {
  return {
    ending: new AbortController(),
    isEnding: false,
  };
}

/** `reusePort` ends the process unless Deno was started with this. */
function canSharePorts(): boolean {
  return Deno.build.os === "linux" && "listenDatagram" in Deno;
}

function peerFrom(address: Deno.NetAddr, isSecure: boolean): HttpPeer {
  return peerOf(address.hostname, address.port, isSecure);
}
