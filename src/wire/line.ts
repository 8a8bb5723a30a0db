/**
 * The text of one request packet, cut as git's packet reader and the C strings
 * behind it cut it. Not the packets themselves: those are `pktline/`.
 *
 * @module
 */

import { printable, toBinary } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";

/**
 * The line in a packet as a binary string: one line feed at its end is no part
 * of it (pkt-line.c: PACKET_READ_CHOMP_NEWLINE), and a NUL ends it. Throws a
 * ProtocolError "remote-error" for a line that starts with `ERR `
 * (PACKET_READ_DIE_ON_ERR_PACKET).
 */
export function requestLine(payload: Uint8Array): string {
  let end = payload.length;
  if (end > 0 && payload[end - 1] === 0x0a) end--;
  const zero = payload.indexOf(0);
  if (zero >= 0 && zero < end) end = zero;
  const line = toBinary(payload, 0, end);
  if (line.startsWith("ERR ")) {
    throw new ProtocolError(
      "remote-error",
      `remote error: ${printable(line.slice(4))}`,
    );
  }
  return line;
}

/** What follows `prefix` in `line`, or `undefined` where it does not start so. */
export function afterPrefix(line: string, prefix: string): string | undefined {
  return line.startsWith(prefix) ? line.slice(prefix.length) : undefined;
}
