/**
 * The part of Bun's global that we use, typed by hand: its own type package
 * declares the same globals as Deno's and cannot be loaded beside them.
 *
 * @see https://bun.com/docs/api/tcp
 * @module
 */

/** A socket of Bun's, TCP or Unix. */
export interface BunSocket<Data> {
  /** What the listener attached to it. */
  data: Data;
  /** The peer's address; absent on Unix domain sockets. */
  readonly remoteAddress?: string;
  /** The peer's port; absent on old versions and closed sockets. */
  readonly remotePort?: number;
  /** Takes what the kernel takes now and returns the count; -1 if closed. */
  write(bytes: Uint8Array): number;
  /** Sends FIN once what was written is out. */
  shutdown(): void;
  /** Closes it in an orderly way. */
  end(): void;
  /** Closes it with a reset. */
  terminate(): void;
  /** Stops reading from the kernel. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** TCP_NODELAY. */
  setNoDelay(on: boolean): boolean;
  /** SO_KEEPALIVE, with the first probe after so many milliseconds. */
  setKeepAlive(on: boolean, delay: number): boolean;
}

/** What Bun calls when something happens to a socket. */
export interface BunSocketHandler<Data> {
  /** It was accepted. */
  open(socket: BunSocket<Data>): void;
  /** Bytes came; the array is the callee's. */
  data(socket: BunSocket<Data>, bytes: Uint8Array): void;
  /** The kernel takes more after a short write. */
  drain(socket: BunSocket<Data>): void;
  /** The peer has sent FIN. */
  end(socket: BunSocket<Data>): void;
  /** It is closed, perhaps by an error. */
  close(socket: BunSocket<Data>, error?: Error): void;
  /** Something failed, or a handler threw. */
  error(socket: BunSocket<Data>, error: Error): void;
}

/** A listening socket of Bun's. */
export interface BunListener {
  /** The address it is bound to. */
  readonly hostname: string;
  /** The port it is bound to. */
  readonly port: number;
  /** Stops listening; sockets live on unless told. */
  stop(closeSockets?: boolean): void;
}

/** An HTTP server of Bun's. */
export interface BunHttpServer {
  /** The address it is bound to. */
  readonly hostname: string;
  /** The port it is bound to. */
  readonly port: number;
  /** Who sent a request; `null` once its connection is closed. */
  requestIP(
    request: Request,
  ): { readonly address: string; readonly port: number } | null;
  /** How many requests are under way. */
  readonly pendingRequests: number;
  /** Closes connections on which no request is under way. */
  closeIdleConnections(): void;
  /** Seconds that the connection of a request may be idle; 0 is no limit. */
  timeout(request: Request, seconds: number): void;
  /** Stops listening; resolves when requests have ended, or closes them. */
  stop(closeConnections?: boolean): Promise<void>;
}

/** Bun's global, as far as we use it. */
export interface BunGlobal {
  /** Serves HTTP. */
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    /** Seconds; 0 is no limit. */
    readonly idleTimeout: number;
    readonly maxRequestBodySize: number;
    /** Whether errors are answered by pages that show them. */
    readonly development: boolean;
    /** Whether a second server may listen on the same port. */
    readonly reusePort: boolean;
    readonly tls?: { readonly cert: string; readonly key: string };
    /** What is answered where `fetch` throws. */
    error(): Response;
    fetch(request: Request, server: BunHttpServer): Promise<Response>;
  }): BunHttpServer;
  /** Listens on TCP, or on a Unix domain socket. */
  listen<Data>(
    options:
      & ({ readonly hostname: string; readonly port: number } | {
        readonly unix: string;
      })
      & {
        readonly allowHalfOpen: boolean;
        readonly socket: BunSocketHandler<Data>;
      },
  ): BunListener;
  /** What Bun promises nothing about. */
  readonly unsafe: {
    /** Scales what must run before it is compiled; 1 is the usual. */
    setJITPolicy?(scale: number): void;
  };
}

/** Bun's global, or `undefined` under another runtime. */
export function bunGlobal(): BunGlobal | undefined {
  return (globalThis as { readonly Bun?: BunGlobal }).Bun;
}
