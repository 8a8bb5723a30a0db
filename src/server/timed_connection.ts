/**
 * A connection with an idle limit: one timer per connection, however many
 * reads and writes there are.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import type { Clock, Connection } from "../core/host.ts";

/** What a {@linkcode TimedConnection} needs. */
export interface TimedConnectionOptions {
  /** Time. */
  readonly clock: Pick<Clock, "monotonic">;
  /** Longest wait for the peer, ms; 0 is no limit. */
  readonly idleMs: number;
  /** Ends reads and writes that name no signal of their own. */
  readonly signal: AbortSignal;
  /**
   * Called once when the limit is exceeded; must abort the signal of the call
   * that waits.
   */
  readonly onIdle: () => void;
}

/**
 * A connection that watches how long it waits for its peer. Time in which
 * nobody waits does not count; a write whose bytes trickle out does not either
 * as long as some of them leave. Where the connection fails, a ProtocolError
 * "disconnected" is thrown, with the runtime's error as its cause.
 */
export class TimedConnection implements Connection, Disposable {
  #connection: Connection;
  #options: TimedConnectionOptions;
  #waiting = 0;
  #hasHeard = false;
  #since = 0;
  #sent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes `connection`: closing this closes it. */
  constructor(connection: Connection, options: TimedConnectionOptions) {
    this.#connection = connection;
    this.#options = options;
    if (options.idleMs > 0) this.#arm(options.idleMs);
  }

  /** As the connection's. */
  get peer(): string {
    return this.#connection.peer;
  }

  /** As the connection's. */
  get address(): string {
    return this.#connection.address;
  }

  /** Bytes sent, parts included. */
  get sent(): number {
    return this.#connection.sent ?? 0;
  }

  /** Whether the peer has never sent a byte that was read. */
  get isSilent(): boolean {
    return !this.#hasHeard;
  }

  /** Reads: see {@linkcode Connection.read}. */
  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    const ending = signal ?? this.#options.signal;
    this.#begin();
    try {
      const count = await this.#connection.read(into, ending);
      if (count > 0) this.#hasHeard = true;
      return count;
    } catch (cause) {
      throw disconnected(cause, ending);
    } finally {
      this.#end();
    }
  }

  /** Writes: see {@linkcode Connection.write}. */
  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    const ending = signal ?? this.#options.signal;
    this.#begin();
    try {
      await this.#connection.write(bytes, ending);
    } catch (cause) {
      throw disconnected(cause, ending);
    } finally {
      this.#end();
    }
  }

  /** Waits for `work`, which is the peer's, like for a read. */
  async watch(work: Promise<void>): Promise<void> {
    this.#begin();
    try {
      await work;
    } finally {
      this.#end();
    }
  }

  /** Half-closes: see {@linkcode Connection.closeWrite}. */
  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Closes the connection and stops the watch. */
  close(): void {
    this[Symbol.dispose]();
    this.#connection.close();
  }

  /** Stops the watch; the connection stays open. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #begin(): void {
    if (this.#waiting++ === 0) this.#touch();
  }

  #end(): void {
    this.#waiting--;
    this.#touch();
  }

  #touch(): void {
    this.#since = this.#options.clock.monotonic();
    this.#sent = this.sent;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#check(), Math.max(1, ms));
  }

  #check(): void {
    const { clock, idleMs, onIdle } = this.#options;
    if (this.#waiting === 0 || this.sent !== this.#sent) this.#touch();
    const left = this.#since + idleMs - clock.monotonic();
    if (left > 0) {
      this.#arm(left);
      return;
    }
    this.#timer = undefined;
    onIdle();
  }
}

function disconnected(cause: unknown, ending: AbortSignal): unknown {
  return ending.aborted ? ending.reason : new ProtocolError(
    "disconnected",
    "the remote end hung up unexpectedly",
    { cause },
  );
}
