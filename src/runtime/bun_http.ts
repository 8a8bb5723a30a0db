/**
 * HTTP by `Bun.serve`.
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
import { UsageError } from "../core/errors.ts";
import { bunGlobal, type BunHttpServer } from "./bun_types.ts";
import { listenError } from "./listen_error.ts";

/** Bun refuses larger bodies otherwise; ours are bounded where they are read. */
const ANY_SIZE = Number.MAX_SAFE_INTEGER;

/** Closes connections that are open. */
const CLOSING = true;

/** Listens with `Bun.serve`. Rejects with a UsageError where it cannot. */
export function listenBunHttp(
  options: HttpListenOptions,
  answer: AnswerHttp,
): Promise<HttpListener> {
  return Promise.resolve(new BunHttpListener(options, answer));
}

class BunHttpListener implements HttpListener {
  readonly hostname: string;
  readonly port: number;
  readonly finished: Promise<void>;
  readonly #server: BunHttpServer;
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: HttpListenOptions, answer: AnswerHttp) {
    const { hostname, port, tls } = options;
    const isSecure = tls !== undefined;
    const bun = bunGlobal();
    if (bun === undefined) throw new TypeError("Cannot listen: not Bun");
    try {
      this.#server = bun.serve({
        hostname,
        port,
        idleTimeout: 0,
        maxRequestBodySize: ANY_SIZE,
        ...(tls === undefined ? {} : { tls }),
        fetch: (request, server) =>
          answer(request, {
            ...peerOf(server.requestIP(request), isSecure),
            gone: request.signal,
          }),
      });
    } catch (error) {
      throw listenError(options, error);
    }
    this.hostname = this.#server.hostname;
    this.port = this.#server.port;
    this.finished = this.#ended.promise;
  }

  drain(): void {
    void this.#server.stop().then(() => this.#ended.resolve());
  }

  abort(): void {
    void this.#server.stop(CLOSING).then(() => this.#ended.resolve());
  }

  renew(_tls: TlsPair): Promise<void> {
    return Promise.reject(
      new UsageError("no-renewal", "a certificate cannot be changed here"),
    );
  }
}

function peerOf(
  from: { readonly address: string; readonly port: number } | null,
  isSecure: boolean,
): HttpPeer {
  if (from === null) return { peer: "http", address: "", isSecure };
  const { address, port } = from;
  const host = address.includes(":") ? `[${address}]` : address;
  return { peer: `${host}:${port}`, address, isSecure };
}
