/**
 * Packets to a connection, gathered so that many small ones go out in one
 * write.
 *
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import type { Connection } from "../core/host.ts";
import {
  DELIM,
  FLUSH,
  LARGE_PACKET_DATA_MAX,
  RESPONSE_END,
  writeLength,
} from "./packet.ts";

const BUFFER_BYTES = 64 * 1024;

/**
 * Writes packets. `put...` calls only gather; {@linkcode PacketWriter.send}
 * writes what was gathered. A producer of many packets awaits
 * {@linkcode PacketWriter.relieve} now and then, which is its backpressure.
 */
export class PacketWriter {
  #connection: Pick<Connection, "write">;
  #signal: AbortSignal | undefined;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  #length = 0;

  constructor(
    connection: Pick<Connection, "write">,
    options: { readonly signal?: AbortSignal } = {},
  ) {
    this.#connection = connection;
    this.#signal = options.signal;
  }

  /**
   * Gathers one data packet: bytes, or a binary string. Throws a RangeError
   * for more than {@linkcode LARGE_PACKET_DATA_MAX} bytes.
   */
  put(payload: Uint8Array | string): void {
    const length = payload.length + 4;
    if (payload.length > LARGE_PACKET_DATA_MAX) {
      throw new RangeError(`Cannot send packet: ${payload.length} bytes`);
    }
    const at = this.#reserve(length);
    writeLength(this.#buffer, at, length);
    this.#copy(payload, at + 4);
  }

  /** Gathers one side-band packet: a band (1, 2 or 3) and its bytes. */
  putBand(band: 1 | 2 | 3, payload: Uint8Array | string): void {
    const length = payload.length + 5;
    if (length - 4 > LARGE_PACKET_DATA_MAX) {
      throw new RangeError(`Cannot send packet: ${payload.length} bytes`);
    }
    const at = this.#reserve(length);
    writeLength(this.#buffer, at, length);
    this.#buffer[at + 4] = band;
    this.#copy(payload, at + 5);
  }

  /** Gathers a flush packet. */
  putFlush(): void {
    this.putRaw(FLUSH);
  }

  /** Gathers a delim packet. */
  putDelim(): void {
    this.putRaw(DELIM);
  }

  /** Gathers a response-end packet. */
  putResponseEnd(): void {
    this.putRaw(RESPONSE_END);
  }

  /** Gathers bytes that are framed already, or that need no frame. */
  putRaw(bytes: Uint8Array): void {
    // Reserved first: that may replace the buffer.
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /** Sends what was gathered if it is much. */
  async relieve(): Promise<void> {
    if (this.#length >= BUFFER_BYTES / 2) await this.send();
  }

  /** Sends what was gathered. */
  async send(): Promise<void> {
    if (this.#length === 0) return;
    const length = this.#length;
    const buffer = this.#buffer;
    // A fresh buffer while this one is with the kernel would cost an
    // allocation per message; callers do not put while they wait for send.
    this.#length = 0;
    await this.#connection.write(buffer.subarray(0, length), this.#signal);
  }

  /**
   * Sends what was gathered and then `frames`, which are packets already and
   * may be reused by the caller afterwards.
   */
  async sendRaw(frames: Uint8Array): Promise<void> {
    await this.send();
    await this.#connection.write(frames, this.#signal);
  }

  #reserve(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#buffer.length) {
      const wider = new Uint8Array(
        Math.max(needed, this.#buffer.length * 2),
      );
      wider.set(this.#buffer.subarray(0, at));
      this.#buffer = wider;
    }
    this.#length = needed;
    return at;
  }

  #copy(payload: Uint8Array | string, at: number): void {
    this.#buffer.set(
      typeof payload === "string" ? fromBinary(payload) : payload,
      at,
    );
  }
}
