/**
 * A connection over a pair of Web streams, for those who embed a session.
 *
 * @module
 */

import type { Connection } from "../core/host.ts";

/** The two directions of one session. */
export interface StreamPair {
  /** What the client sends. */
  readonly input: ReadableStream<Uint8Array>;
  /** Where the answer goes. */
  readonly output: WritableStream<Uint8Array>;
}

/** Makes a connection of two streams, which it takes and locks. */
export function streamConnection(streams: StreamPair): Connection {
  return new StreamConnection(streams);
}

/** Reads a stream as a {@linkcode Connection} is read. */
export class StreamSource {
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #isClosed = false;

  /** Takes and locks `stream`. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** As {@linkcode Connection.read}; a signal that aborts closes it. */
  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    while (this.#rest.length === 0) {
      if (this.#isClosed) throw new Error("Connection is closed");
      const { done, value } = await unless(
        this.#reader.read(),
        signal,
        () => this.close(),
      );
      if (done) return 0;
      this.#rest = value;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** Takes no more. Idempotent; never throws. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.cancel(new Error("Connection is closed")).catch(() => {});
  }
}

class StreamConnection implements Connection {
  readonly peer = "stream";
  readonly address = "";
  #source: StreamSource;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #isShut = false;
  #isClosed = false;

  constructor(streams: StreamPair) {
    this.#source = new StreamSource(streams.input);
    this.#writer = streams.output.getWriter();
    // Failures are reported by the calls that meet them.
    this.#writer.closed.catch(() => {});
  }

  read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#source.read(into, signal);
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isShut) throw new Error("Connection is closed");
    // A copy: the stream may keep it in its queue, and we promise reuse.
    const copy = bytes.slice();
    const close = () => this.close();
    await unless(this.#writer.ready, signal, close);
    await unless(this.#writer.write(copy), signal, close);
  }

  async closeWrite(): Promise<void> {
    if (this.#isShut) return;
    this.#isShut = true;
    try {
      await this.#writer.close();
    } catch {
      // The reader of the other end is gone.
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source.close();
    if (!this.#isShut) {
      this.#writer.abort(new Error("Connection is closed")).catch(() => {});
      this.#writer.ready.catch(() => {});
    }
    this.#isShut = true;
  }
}

/** Waits; when the signal aborts first, closes and throws its reason. */
async function unless<T>(
  wait: Promise<T>,
  signal: AbortSignal | undefined,
  close: () => void,
): Promise<T> {
  if (signal === undefined) return await wait;
  const aborted = Promise.withResolvers<undefined>();
  const abort = () => {
    close();
    aborted.resolve(undefined);
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([wait, aborted.promise]);
    signal.throwIfAborted();
    return await wait;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", abort);
    wait.catch(() => {});
  }
}
