/**
 * Incremental pkt-line decoding without I/O: bytes in, packets out, however
 * the bytes were split.
 *
 * @see https://git-scm.com/docs/protocol-common
 * @module
 */

import { hexDigit, printable, toBinary } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import { LARGE_PACKET_MAX, type Packet } from "./packet.ts";

const FLUSH_PACKET: Packet = { type: "flush" };
const DELIM_PACKET: Packet = { type: "delim" };
const END_PACKET: Packet = { type: "response-end" };

/**
 * Decodes packets. Payloads are views: of what was pushed where a packet lies
 * in one chunk, of a copy where it does not. They stay valid as long as the
 * pushed chunk is not overwritten.
 */
export class PacketDecoder {
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Bytes that were pushed and belong to no packet yet. */
  get pending(): number {
    return this.#chunk.length - this.#at;
  }

  /** Takes back the bytes that belong to no packet yet. */
  take(): Uint8Array {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }

  /** Adds bytes; keeps a view of them. */
  push(bytes: Uint8Array): void {
    const rest = this.pending;
    if (rest === 0) {
      this.#chunk = bytes;
    } else {
      const joined = new Uint8Array(rest + bytes.length);
      joined.set(this.#chunk.subarray(this.#at));
      joined.set(bytes, rest);
      this.#chunk = joined;
    }
    this.#at = 0;
  }

  /**
   * The next packet, or `undefined` until more bytes are pushed. Throws a
   * ProtocolError, in git's words, where four bytes are no length; the decoder
   * is of no use after that.
   */
  next(): Packet | undefined {
    if (this.pending < 4) return undefined;
    const length = this.#length();
    if (length < 3) {
      this.#at += 4;
      return [FLUSH_PACKET, DELIM_PACKET, END_PACKET][length] as Packet;
    }
    if (length === 3 || length > LARGE_PACKET_MAX + 3) {
      // pkt-line.c: packet_read_with_status. It takes lengths of up to its
      // buffer (LARGE_PACKET_MAX) of payload: fff3 is the last good one. Of
      // those that are too long it names the payload's length.
      throw new ProtocolError(
        "bad-line-length",
        `protocol error: bad line length ${length === 3 ? 3 : length - 4}`,
      );
    }
    if (this.pending < length) return undefined;
    const start = this.#at + 4;
    this.#at += length;
    return { type: "data", payload: this.#chunk.subarray(start, this.#at) };
  }

  #length(): number {
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.#chunk[this.#at + i] as number);
      if (digit < 0) {
        const seen = toBinary(this.#chunk, this.#at, this.#at + 4);
        throw new ProtocolError(
          "bad-line-length",
          `protocol error: bad line length character: ${printable(seen)}`,
        );
      }
      length = length * 16 + digit;
    }
    return length;
  }
}
