/**
 * Sockets by `Bun.listen`. Bun calls back; a connection here is asked. So each
 * has a queue of what was received, kept short by pausing the socket, and a
 * write waits for `drain`, since the kernel takes what it likes.
 *
 * @module
 */

import type { Connection, Listener, ListenOptions } from "../core/host.ts";
import { bindUnix, removeSocket } from "./addresses.ts";
import {
  bunGlobal,
  type BunListener,
  type BunSocket,
  type BunSocketHandler,
} from "./bun_types.ts";
import { compileReadily } from "./compiler.ts";
import type { ReportTrouble } from "./host.ts";
import { ACCEPT_PAUSE_MS, listenError, UNIX_PEER } from "./listen_error.ts";
import { abortable } from "./signals.ts";
import { SpareDescriptor } from "./spare_descriptor.ts";

/** Received bytes that wait to be read before the socket is paused. */
const QUEUE_BYTES = 256 * 1024;
/** Idle time before the system asks whether the peer is still there. */
const KEEP_ALIVE_MS = 60_000;
/** For the socket options that we switch on. */
const ON = true;

/**
 * Listens with `Bun.listen`. Where descriptors run out, connections are
 * closed as they come: this runtime cannot let them wait.
 */
export async function listenBun(
  options: ListenOptions,
  report: ReportTrouble = () => {},
): Promise<Listener> {
  const bun = bunGlobal();
  if (bun === undefined) {
    throw new TypeError("Cannot listen: this is not Bun");
  }
  // Who listens will be here for long.
  compileReadily();
  const listener = new BunSocketListener(report);
  const common = {
    // Without it the answer to a half-closed peer is lost.
    allowHalfOpen: true,
    socket: handler((connection) => listener.push(connection)),
  };
  if ("path" in options) {
    const { path } = options;
    const bound = await bindUnix(
      options,
      () => bun.listen<BunConnection | undefined>({ unix: path, ...common }),
    );
    return listener.bind(bound, path);
  }
  try {
    const { hostname, port } = options;
    return listener.bind(
      bun.listen<BunConnection | undefined>({ hostname, port, ...common }),
    );
  } catch (error) {
    throw listenError(options, error);
  }
}

function handler(
  accept: (connection: BunConnection) => void,
): BunSocketHandler<BunConnection | undefined> {
  return {
    open(socket) {
      const connection = new BunConnection(socket);
      socket.data = connection;
      accept(connection);
    },
    data: (socket, bytes) => socket.data?.onData(bytes),
    drain: (socket) => socket.data?.onDrain(),
    end: (socket) => socket.data?.onEnd(),
    close: (socket, error) => socket.data?.onClose(error),
    error: (socket, error) => socket.data?.onClose(error),
  };
}

class BunSocketListener implements Listener {
  hostname = "";
  port = 0;
  path?: string;
  #listener: BunListener | undefined;
  #waiting: BunConnection[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  #spare = new SpareDescriptor();
  #live = new Set<BunConnection>();
  #watch: ReturnType<typeof setInterval> | undefined;
  #report: ReportTrouble;

  constructor(report: ReportTrouble) {
    this.#report = report;
  }

  bind(listener: BunListener, path?: string): this {
    this.#listener = listener;
    if (path === undefined) {
      this.hostname = listener.hostname;
      this.port = listener.port;
    } else {
      this.hostname = path;
      this.path = path;
    }
    return this;
  }

  push(connection: BunConnection): void {
    if (this.#isClosed) {
      connection.close();
      return;
    }
    if (!this.#spare.isFree()) {
      connection.close();
      this.#report(new Error("Too many open files, dropping connection"));
      return;
    }
    // Files are only opened while somebody is served.
    this.#watch ??= setInterval(() => this.#look(), ACCEPT_PAUSE_MS);
    this.#live.add(connection);
    connection.onGone = () => this.#live.delete(connection);
    this.#waiting.push(connection);
    this.#wake?.();
  }

  #look(): void {
    if (!this.#spare.isFree()) this.#spare.release();
    if (this.#live.size > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  async accept(): Promise<Connection | undefined> {
    for (;;) {
      const connection = this.#waiting.shift();
      if (connection !== undefined) return connection;
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.stop();
    if (this.path !== undefined) removeSocket(this.path);
    this.#spare.release();
    clearInterval(this.#watch);
    for (const connection of this.#waiting.splice(0)) connection.close();
    this.#wake?.();
  }
}

class BunConnection implements Connection {
  readonly peer: string;
  readonly address: string;
  sent = 0;
  /** Called once when the socket is closed. */
  onGone: () => void = () => {};
  #socket: BunSocket<BunConnection | undefined>;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #isPaused = false;
  #hasEnded = false;
  #isShut = false;
  #failure: Error | undefined;
  #readable = new Gate();
  #writable = new Gate();

  constructor(socket: BunSocket<BunConnection | undefined>) {
    this.#socket = socket;
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) {
      this.address = "";
      this.peer = UNIX_PEER;
      return;
    }
    this.address = remoteAddress;
    const host = remoteAddress.includes(":")
      ? `[${remoteAddress}]`
      : remoteAddress;
    this.peer = remotePort === undefined ? host : `${host}:${remotePort}`;
    // Short answers must not wait for the acknowledgement of the last one.
    socket.setNoDelay(ON);
    socket.setKeepAlive(ON, KEEP_ALIVE_MS);
  }

  onData(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued >= QUEUE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
    this.#readable.open();
  }

  onDrain(): void {
    this.#writable.open();
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.#readable.open();
  }

  onClose(error: Error | undefined): void {
    this.onGone();
    this.#failure ??= error ?? closedError();
    this.#readable.open();
    this.#writable.open();
  }

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#queued > 0) return this.#take(into);
      // Once both sides have sent FIN the socket closes by itself.
      if (this.#hasEnded) return 0;
      if (this.#failure !== undefined) throw this.#failure;
      await abortable(this.#readable.shut(), signal, () => {});
    }
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      signal?.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isShut) throw closedError();
      // Armed before the write: drain may fire before we wait for it.
      const drained = this.#writable.shut();
      const count = this.#socket.write(at === 0 ? bytes : bytes.subarray(at));
      if (count < 0) throw this.#failure ?? closedError();
      at += count;
      this.sent += count;
      // What is half written cannot be followed by anything: close.
      if (at < bytes.length) {
        await abortable(drained, signal, () => this.close());
      }
    }
  }

  closeWrite(): Promise<void> {
    if (!this.#isShut && this.#failure === undefined) {
      this.#isShut = true;
      this.#socket.shutdown();
    }
    return Promise.resolve();
  }

  close(): void {
    if (this.#failure !== undefined) return;
    this.#failure = closedError();
    this.#queue.length = 0;
    this.#queued = 0;
    this.#hasEnded = false;
    // Not terminate(): it resets, and what the peer has not read is lost.
    this.#socket.end();
    this.#readable.open();
    this.#writable.open();
  }

  #take(into: Uint8Array): number {
    let at = 0;
    while (at < into.length) {
      const head = this.#queue[0];
      if (head === undefined) break;
      const count = Math.min(head.length, into.length - at);
      into.set(count < head.length ? head.subarray(0, count) : head, at);
      at += count;
      if (count < head.length) this.#queue[0] = head.subarray(count);
      else this.#queue.shift();
    }
    this.#queued -= at;
    if (this.#isPaused && this.#queued < QUEUE_BYTES / 2) {
      this.#isPaused = false;
      if (this.#failure === undefined) this.#socket.resume();
    }
    return at;
  }
}

/** A wait that is ended from outside, as often as it is begun. */
class Gate {
  #wait: PromiseWithResolvers<void> | undefined;

  shut(): Promise<void> {
    this.#wait ??= Promise.withResolvers<void>();
    return this.#wait.promise;
  }

  open(): void {
    this.#wait?.resolve();
    this.#wait = undefined;
  }
}

function closedError(): Error {
  return new Error("Connection is closed");
}
