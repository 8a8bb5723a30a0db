/**
 * Packets from a connection: the I/O around {@linkcode PacketDecoder}.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import { PacketDecoder } from "./decoder.ts";
import { LARGE_PACKET_MAX, type Packet } from "./packet.ts";

/** Limits of one reader. */
export interface PacketReaderOptions {
  /** Ends waiting reads. */
  readonly signal?: AbortSignal;
  /**
   * Most bytes to take from the peer in all; more throws a ProtocolError
   * "too-much-input". No limit unless told.
   */
  readonly limit?: number;
}

/** What {@linkcode PacketReader.read} gives: a packet, or the end of input. */
export type PacketOrEnd = Packet | { readonly type: "end" };

const END: PacketOrEnd = { type: "end" };
const CHUNK_BYTES = 16 * 1024;

/** Reads packets one at a time; their payloads may be kept. */
export class PacketReader {
  #connection: Pick<Connection, "read">;
  #decoder = new PacketDecoder();
  #signal: AbortSignal | undefined;
  #left: number;

  constructor(
    connection: Pick<Connection, "read">,
    options: PacketReaderOptions = {},
  ) {
    this.#connection = connection;
    this.#signal = options.signal;
    this.#left = options.limit ?? Infinity;
  }

  /** Whether bytes that were received wait to be read. */
  get buffered(): boolean {
    return this.#decoder.pending > 0;
  }

  /** How many more bytes may be taken from the peer. */
  get left(): number {
    return this.#left;
  }

  /**
   * Gives up the bytes that were received and not read, for another reader of
   * the same connection.
   */
  takeBuffered(): Uint8Array {
    return this.#decoder.take();
  }

  /**
   * The next packet, or "end" where the input ends between two packets.
   * Throws a ProtocolError where it ends inside one, or is no packet.
   */
  async read(): Promise<PacketOrEnd> {
    for (;;) {
      const packet = this.#decoder.next();
      if (packet !== undefined) return packet;
      const wanted = this.#decoder.pending === 0
        ? CHUNK_BYTES
        : LARGE_PACKET_MAX + CHUNK_BYTES;
      const chunk = new Uint8Array(wanted);
      const count = await this.#connection.read(chunk, this.#signal);
      if (count === 0) {
        if (this.#decoder.pending === 0) return END;
        throw new ProtocolError(
          "hung-up",
          "the remote end hung up unexpectedly",
        );
      }
      this.#left -= count;
      if (this.#left < 0) {
        throw new ProtocolError("too-much-input", "request is too large");
      }
      this.#decoder.push(chunk.subarray(0, count));
    }
  }
}
