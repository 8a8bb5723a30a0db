/**
 * Gzip on the way to a client: by the runtime's own `CompressionStream` where
 * no level is asked for, by fflate where one is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952
 * @module
 */

import { Gzip } from "fflate";
import type { DeflateLevel } from "../../archive/deflate.ts";
import type { ArchiveSink } from "./sink.ts";

/** Bytes that are compressed at a time. */
const PIECE_BYTES = 64 * 1024;

/** A gzip stream into `sink`; `level` is git's -1 where nothing was said. */
export function gzipSink(sink: ArchiveSink, level: number): ArchiveSink {
  const coder = level === -1
    ? new StreamCoder(sink)
    : new LevelCoder(sink, level as DeflateLevel);
  return new PieceSink(coder);
}

/** Compresses pieces, which it may keep. */
interface Coder {
  code(piece: Uint8Array<ArrayBuffer>): Promise<void>;
  end(): Promise<void>;
  abandon(): void;
}

/** Cuts what comes into pieces of one size. */
class PieceSink implements ArchiveSink {
  readonly #coder: Coder;
  #piece = new Uint8Array(PIECE_BYTES);
  #length = 0;

  constructor(coder: Coder) {
    this.#coder = coder;
  }

  put(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#length + bytes.length < PIECE_BYTES) {
      this.#piece.set(bytes, this.#length);
      this.#length += bytes.length;
      return undefined;
    }
    return this.#putMuch(bytes);
  }

  async end(): Promise<void> {
    await this.#coder.code(this.#piece.subarray(0, this.#length));
    await this.#coder.end();
  }

  abandon(): void {
    this.#coder.abandon();
  }

  async #putMuch(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const part = rest.subarray(0, PIECE_BYTES - this.#length);
      this.#piece.set(part, this.#length);
      this.#length += part.length;
      rest = rest.subarray(part.length);
      if (this.#length < PIECE_BYTES) return;
      const full = this.#piece;
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#length = 0;
      await this.#coder.code(full);
    }
  }
}

/** The runtime's own. */
class StreamCoder implements Coder {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #pumped: Promise<void>;

  constructor(sink: ArchiveSink) {
    const stream = new CompressionStream("gzip");
    this.#writer = stream.writable.getWriter();
    this.#pumped = this.#pump(stream.readable, sink);
    // Whoever writes next learns of it.
    this.#pumped.catch(() => {});
  }

  async code(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    // A sink that fails ends this at once: its reader is gone.
    await Promise.race([this.#writer.write(piece), this.#pumped]);
  }

  async end(): Promise<void> {
    await Promise.race([this.#writer.close(), this.#pumped]);
    await this.#pumped;
  }

  abandon(): void {
    this.#writer.abort().catch(() => {});
  }

  async #pump(
    readable: ReadableStream<Uint8Array>,
    sink: ArchiveSink,
  ): Promise<void> {
    const reader = readable.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        await sink.put(value);
      }
      await sink.end();
    } catch (error) {
      this.abandon();
      throw error;
    }
  }
}

/** fflate, in this thread. */
class LevelCoder implements Coder {
  readonly #sink: ArchiveSink;
  readonly #gzip: Gzip;
  readonly #made: Uint8Array[] = [];

  constructor(sink: ArchiveSink, level: DeflateLevel) {
    this.#sink = sink;
    // As git: no time and no name, so that equal trees give equal archives.
    this.#gzip = new Gzip(
      { level, mtime: 0 },
      (part) => void this.#made.push(part),
    );
  }

  async code(piece: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#gzip.push(piece);
    await this.#drain();
  }

  async end(): Promise<void> {
    const isLast = true;
    this.#gzip.push(new Uint8Array(0), isLast);
    await this.#drain();
    await this.#sink.end();
  }

  abandon(): void {}

  async #drain(): Promise<void> {
    for (const part of this.#made.splice(0)) await this.#sink.put(part);
  }
}
