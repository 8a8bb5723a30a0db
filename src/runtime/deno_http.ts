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
import { UsageError } from "../core/errors.ts";
import { listenError } from "./listen_error.ts";

/** Listens with `Deno.serve`. Rejects with a UsageError where it cannot. */
export function listenDenoHttp(
  options: HttpListenOptions,
  answer: AnswerHttp,
): Promise<HttpListener> {
  return Promise.resolve(new DenoHttpListener(options, answer));
}

class DenoHttpListener implements HttpListener {
  readonly hostname: string;
  readonly port: number;
  readonly finished: Promise<void>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #ending = new AbortController();

  constructor(options: HttpListenOptions, answer: AnswerHttp) {
    const { hostname, port, tls } = options;
    const isSecure = tls !== undefined;
    try {
      this.#server = Deno.serve(
        {
          hostname,
          port,
          signal: this.#ending.signal,
          onListen() {},
          ...(tls ?? {}),
        },
        (request, { remoteAddr }) =>
          answer(request, peerOf(remoteAddr, isSecure)),
      );
    } catch (error) {
      throw listenError(options, error);
    }
    this.hostname = this.#server.addr.hostname;
    this.port = this.#server.addr.port;
    this.finished = this.#server.finished;
  }

  drain(): void {
    void this.#server.shutdown();
  }

  abort(): void {
    this.#ending.abort();
  }

  renew(_tls: TlsPair): Promise<void> {
    return Promise.reject(
      new UsageError("no-renewal", "a certificate cannot be changed here"),
    );
  }
}

function peerOf(address: Deno.NetAddr, isSecure: boolean): HttpPeer {
  const { hostname, port } = address;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return { peer: `${host}:${port}`, address: hostname, isSecure };
}
