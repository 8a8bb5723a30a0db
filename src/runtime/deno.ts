/**
 * Sockets by `Deno.listen`. Built from `read`, `write` and `closeWrite`: a
 * connection whose `readable` was read to its end is closed as a whole, and
 * could not answer a half-closed peer.
 *
 * @module
 */

import type { Connection, Listener, ListenOptions } from "../core/host.ts";
import { bindUnix, removeSocket } from "./addresses.ts";
import type { ReportTrouble } from "./host.ts";
import { ACCEPT_PAUSE_MS, listenError, UNIX_PEER } from "./listen_error.ts";
import { abortable } from "./signals.ts";

/** For the socket options that we switch on. */
const ON = true;

/** Listens with `Deno.listen`. */
export async function listenDeno(
  options: ListenOptions,
  report: ReportTrouble = () => {},
): Promise<Listener> {
  if ("path" in options) {
    const { path } = options;
    const bound = await bindUnix(
      options,
      () => Deno.listen({ transport: "unix", path }),
    );
    return new DenoListener(bound, report, path);
  }
  try {
    const { hostname, port } = options;
    // The runtime always sets SO_REUSEADDR, on Unix: nothing to pass on.
    return new DenoListener(Deno.listen({ hostname, port }), report);
  } catch (error) {
    throw listenError(options, error);
  }
}

class DenoListener implements Listener {
  readonly hostname: string;
  readonly port: number;
  readonly path?: string;
  #listener: Deno.TcpListener | Deno.UnixListener;
  #report: ReportTrouble;
  #isClosed = false;

  constructor(
    listener: Deno.TcpListener | Deno.UnixListener,
    report: ReportTrouble,
    path?: string,
  ) {
    this.#listener = listener;
    this.#report = report;
    const { addr } = listener;
    this.hostname = path ?? ("hostname" in addr ? addr.hostname : "");
    this.port = "port" in addr ? addr.port : 0;
    if (path !== undefined) this.path = path;
  }

  async accept(): Promise<Connection | undefined> {
    while (!this.#isClosed) {
      try {
        return new DenoConnection(await this.#listener.accept());
      } catch (error) {
        if (this.#isClosed) break;
        // A peer that left while it waited in the queue is nobody's trouble.
        if (
          error instanceof Deno.errors.ConnectionAborted ||
          error instanceof Deno.errors.ConnectionReset ||
          error instanceof Deno.errors.NotConnected
        ) continue;
        if (error instanceof Deno.errors.BadResource) break;
        this.#report(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    if (this.path !== undefined) removeSocket(this.path);
  }
}

class DenoConnection implements Connection {
  readonly peer: string;
  readonly address: string;
  sent = 0;
  #conn: Deno.TcpConn | Deno.UnixConn;
  #isClosed = false;

  constructor(conn: Deno.TcpConn | Deno.UnixConn) {
    this.#conn = conn;
    if (!isTcp(conn)) {
      this.address = "";
      this.peer = UNIX_PEER;
      return;
    }
    const { hostname, port } = conn.remoteAddr;
    this.address = hostname;
    this.peer = hostname.includes(":")
      ? `[${hostname}]:${port}`
      : `${hostname}:${port}`;
    try {
      // Short answers must not wait for the acknowledgement of the last one.
      conn.setNoDelay(ON);
      conn.setKeepAlive(ON);
    } catch {
      // The peer has left already: the first read says so.
    }
  }

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    // A read that was given up stays pending until the connection is closed.
    const wait = this.#conn.read(into);
    return await abortable(wait, signal, () => {}) ?? 0;
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    for (let at = 0; at < bytes.length;) {
      const wait = this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
      // What is half written cannot be followed by anything: close.
      const count = await abortable(wait, signal, () => this.close());
      at += count;
      this.sent += count;
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#conn.closeWrite();
    } catch {
      // Closed, reset or half-closed already.
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}

function isTcp(conn: Deno.TcpConn | Deno.UnixConn): conn is Deno.TcpConn {
  return conn.localAddr.transport === "tcp";
}
