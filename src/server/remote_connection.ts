/**
 * A connection whose socket another thread has: bytes go there in messages,
 * and no more of them than that thread has credit for.
 *
 * @module
 */

import { EMPTY_BYTES } from "../core/bytes.ts";
import type { Connection } from "../core/host.ts";
import type { ErrorChannel } from "../service/failure.ts";
import type { ErrandOrder, FromWorker } from "./errand_messages.ts";

/** Writes that may be under way at once: one is sent while one is made. */
const CREDIT = 3;
/** Buffers are made this large, and larger where a write is. */
const BUFFER_BYTES = 264 * 1024;
/** Larger reads are of bulk data: more is asked for than one at a time. */
const BULK_BYTES = 128 * 1024;
/** Reads that may be under way at once then. */
const READ_CREDIT = 3;
/** Smaller writes get a buffer of their own size. */
const SMALL_BYTES = 16 * 1024;

type Outgoing =
  | Omit<Extract<FromWorker, { type: "write" }>, "id">
  | Omit<Extract<FromWorker, { type: "read" }>, "id">
  | Omit<Extract<FromWorker, { type: "hold" }>, "id">;

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
  readonly #arrived: Uint8Array[] = [];
  #received: Uint8Array;
  #isAtEnd = false;
  #asked = 0;
  #underWay = 0;
  // Reading and writing wait apart: a pack comes while signs of life go.
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

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

  /**
   * Takes what a read was answered with; nothing is the end of input, unless
   * the read was given up.
   */
  give(bytes: Uint8Array, isGivenUp = false): void {
    this.#asked--;
    if (bytes.length > 0) this.#arrived.push(bytes);
    else if (!isGivenUp) this.#isAtEnd = true;
    this.#wakeReader?.();
  }

  /** Hears that one write has gone out. */
  wrote(buffer: ArrayBuffer): void {
    this.#underWay--;
    if (this.#spare.length < CREDIT && buffer.byteLength === BUFFER_BYTES) {
      this.#spare.push(buffer);
    }
    this.#wakeWriter?.();
  }

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    if (this.#received.length === 0) {
      this.#received = await this.#next(into.length, signal);
    }
    const count = Math.min(into.length, this.#received.length);
    into.set(this.#received.subarray(0, count));
    this.#received = this.#received.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    while (this.#underWay >= CREDIT) await this.#change(signal, "writer");
    const { length } = bytes;
    const buffer = this.#buffer(length);
    new Uint8Array(buffer).set(bytes);
    this.#underWay++;
    const channel = this.#way.channel();
    this.#way.send({ type: "write", buffer, length, channel }, [buffer]);
  }

  hold(): void {
    if (this.#asked > 0) this.#way.send({ type: "hold" });
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  /** What arrives next; nothing at the end of input. */
  async #next(
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    // One more is asked for while one is worked on.
    const wanted = length >= BULK_BYTES ? READ_CREDIT : 1;
    for (;;) {
      const bytes = this.#arrived.shift();
      while (!this.#isAtEnd && this.#asked + this.#arrived.length < wanted) {
        // A read that is under way will do.
        if (bytes !== undefined && wanted === 1) break;
        this.#asked++;
        this.#way.send({ type: "read", length, channel: this.#way.channel() });
      }
      if (bytes !== undefined) return bytes;
      if (this.#isAtEnd) return EMPTY_BYTES;
      await this.#change(signal, "reader");
    }
  }

  #buffer(length: number): ArrayBuffer {
    if (length <= SMALL_BYTES) return new ArrayBuffer(length);
    if (length > BUFFER_BYTES) return new ArrayBuffer(length);
    return this.#spare.pop() ?? new ArrayBuffer(BUFFER_BYTES);
  }

  /** Resolves at the next message for it; throws the signal's reason. */
  #change(
    signal: AbortSignal | undefined,
    side: "reader" | "writer",
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const set = (wake: (() => void) | undefined): void => {
        if (side === "reader") this.#wakeReader = wake;
        else this.#wakeWriter = wake;
      };
      const abort = () => {
        set(undefined);
        reject(signal?.reason);
      };
      set(() => {
        set(undefined);
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
