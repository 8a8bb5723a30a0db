/**
 * A connection whose socket another thread has: bytes go there in messages,
 * and no more of them than that thread has credit for.
 *
 * @module
 */

import type { Connection } from "../core/host.ts";
import type { ErrorChannel } from "../service/failure.ts";
import type { ErrandOrder, FromWorker } from "./errand_messages.ts";

/** Writes that may be under way at once: one is sent while one is made. */
const CREDIT = 3;
/** Buffers are made this large, and larger where a write is. */
const BUFFER_BYTES = 264 * 1024;
/** Smaller writes get a buffer of their own size. */
const SMALL_BYTES = 16 * 1024;

type Outgoing =
  | Omit<Extract<FromWorker, { type: "write" }>, "id">
  | Omit<Extract<FromWorker, { type: "read" }>, "id">;

/** The way to the thread that has the socket. */
export interface RemoteWay {
  /** Sends a message about this connection. */
  send(message: Outgoing, transfer?: ArrayBuffer[]): void;
  /** How the peer could be told of an error after what was written so far. */
  channel(): ErrorChannel;
}

/** The end of a connection that a thread without its socket works with. */
export class RemoteConnection implements Connection {
  readonly peer: string;
  readonly address: string;
  readonly #way: RemoteWay;
  readonly #spare: ArrayBuffer[] = [];
  #received: Uint8Array;
  #isAtEnd = false;
  #underWay = 0;
  #wake: (() => void) | undefined;

  /** `received` is read first: bytes that the other thread has taken. */
  constructor(
    { received, peer, peerAddress }: Pick<
      ErrandOrder,
      "received" | "peer" | "peerAddress"
    >,
    way: RemoteWay,
  ) {
    this.peer = peer;
    this.address = peerAddress;
    this.#received = received;
    this.#way = way;
  }

  /** Takes what a read was answered with; nothing is the end of input. */
  give(bytes: Uint8Array): void {
    this.#received = bytes;
    this.#isAtEnd = bytes.length === 0;
    this.#wake?.();
  }

  /** Hears that one write has gone out. */
  wrote(buffer: ArrayBuffer): void {
    this.#underWay--;
    if (this.#spare.length < CREDIT && buffer.byteLength === BUFFER_BYTES) {
      this.#spare.push(buffer);
    }
    this.#wake?.();
  }

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    if (this.#received.length === 0 && !this.#isAtEnd) {
      this.#way.send({ type: "read", length: into.length });
      while (this.#received.length === 0 && !this.#isAtEnd) {
        await this.#change(signal);
      }
    }
    const count = Math.min(into.length, this.#received.length);
    into.set(this.#received.subarray(0, count));
    this.#received = this.#received.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    while (this.#underWay >= CREDIT) await this.#change(signal);
    const { length } = bytes;
    const buffer = this.#buffer(length);
    new Uint8Array(buffer).set(bytes);
    this.#underWay++;
    const channel = this.#way.channel();
    this.#way.send({ type: "write", buffer, length, channel }, [buffer]);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  #buffer(length: number): ArrayBuffer {
    if (length <= SMALL_BYTES) return new ArrayBuffer(length);
    if (length > BUFFER_BYTES) return new ArrayBuffer(length);
    return this.#spare.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  }

  /** Resolves at the next message; throws the signal's reason. */
  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#wake = undefined;
        reject(signal?.reason);
      };
      this.#wake = () => {
        this.#wake = undefined;
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
