/**
 * What a pkt-line is: the packets by name, their limits, and their encoding.
 * No I/O here.
 *
 * @see https://git-scm.com/docs/protocol-common
 * @module
 */

import { fromBinary } from "../core/bytes.ts";

/** One packet: a payload, or one of the three that carry none. */
export type Packet =
  | { readonly type: "data"; readonly payload: Uint8Array }
  | { readonly type: "flush" }
  | { readonly type: "delim" }
  | { readonly type: "response-end" };

/** Largest packet, its four length digits included: pkt-line.h. */
export const LARGE_PACKET_MAX = 65520;
/** Largest payload of one packet that we send. */
export const LARGE_PACKET_DATA_MAX = LARGE_PACKET_MAX - 4;

/** `0000`: the end of a message. */
export const FLUSH: Uint8Array = fromBinary("0000");
/** `0001`: the end of a section of a v2 message. */
export const DELIM: Uint8Array = fromBinary("0001");
/** `0002`: the end of a stateless response. */
export const RESPONSE_END: Uint8Array = fromBinary("0002");

const DIGITS = fromBinary("0123456789abcdef");

/** Writes the four length digits of a packet of `length` bytes in all. */
export function writeLength(
  into: Uint8Array,
  at: number,
  length: number,
): void {
  into[at] = DIGITS[(length >>> 12) & 15] as number;
  into[at + 1] = DIGITS[(length >>> 8) & 15] as number;
  into[at + 2] = DIGITS[(length >>> 4) & 15] as number;
  into[at + 3] = DIGITS[length & 15] as number;
}

/**
 * One data packet. Throws a RangeError above {@linkcode LARGE_PACKET_DATA_MAX}
 * bytes of payload.
 *
 * @example
 * ```ts
 * import { encodePacket } from "./packet.ts";
 *
 * const packet = encodePacket(new TextEncoder().encode("done\n"));
 * console.assert(new TextDecoder().decode(packet) === "0009done\n");
 * ```
 */
export function encodePacket(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > LARGE_PACKET_DATA_MAX) {
    throw new RangeError(
      `Cannot encode packet: ${payload.length} bytes of payload`,
    );
  }
  const packet = new Uint8Array(payload.length + 4);
  writeLength(packet, 0, packet.length);
  packet.set(payload, 4);
  return packet;
}
