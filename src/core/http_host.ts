/**
 * HTTP as the core asks it of the runtime, as types alone. The implementations
 * live in `runtime/`.
 *
 * @module
 */

/** Who sent a request, as the transport knows it and no header says it. */
export interface HttpPeer {
  /** For the log: "127.0.0.1:51234"; "unix" for a Unix domain socket. */
  readonly peer: string;
  /** The address without a port, "" where there is none. */
  readonly address: string;
  /** Whether the connection itself is TLS. */
  readonly isSecure: boolean;
  /** Whom a web server in front has authenticated: CGI's `REMOTE_USER`. */
  readonly user?: string;
  /** Aborts when the client has left without its answer, where that is seen. */
  readonly gone?: AbortSignal;
  /** The version that was spoken: CGI's `SERVER_PROTOCOL`. */
  readonly protocol?: string;
}

/** Answers one request. Never rejects. */
export type AnswerHttp = (
  request: Request,
  peer: HttpPeer,
) => Promise<Response>;

/** A certificate chain and its key, both PEM text. */
export interface TlsPair {
  /** The chain, the server's own certificate first. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Where to listen for HTTP, and how. */
export interface HttpListenOptions {
  /** An address. */
  readonly hostname: string;
  /** A TCP port; 0 lets the system choose. */
  readonly port: number;
  /** Makes it HTTPS. */
  readonly tls?: TlsPair;
}

/** A listening HTTP server. */
export interface HttpListener {
  /** The address it is bound to. */
  readonly hostname: string;
  /** The port it is bound to, also when port 0 was asked for. */
  readonly port: number;
  /** Resolves when it listens no more and no request is under way. */
  readonly finished: Promise<void>;
  /** Takes no more connections, and lets requests end. Idempotent. */
  drain(): void;
  /**
   * Closes the connections that are left, too, and waits for nobody. Answers
   * that were under way when it drained may have to be ended by whoever makes
   * them. Idempotent.
   */
  abort(): void;
  /**
   * Uses another certificate for connections that come, at the latest when it
   * resolves, some seconds later. Requests under way go on; connections without
   * one may be closed. Rejects with a UsageError where the certificate cannot
   * be used; then the old one stays.
   */
  renew(tls: TlsPair): Promise<void>;
}
