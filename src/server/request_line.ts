/**
 * Reads the one packet that opens a git:// connection, and not a byte more:
 * what follows belongs to the service.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_git_transport
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import { PacketDecoder } from "../pktline/decoder.ts";

const EMPTY = new Uint8Array(0);

/**
 * The payload of the first packet; `undefined` where the peer left without a
 * byte, as those do who only look whether somebody listens. A flush packet is
 * an empty payload, as to git. Throws a ProtocolError where it is no packet,
 * or ends early.
 */
export async function readRequestLine(
  connection: Pick<Connection, "read">,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const head = new Uint8Array(4);
  const count = await fill(connection, head, signal);
  if (count === 0) return undefined;
  if (count < head.length) throw hungUp();
  const decoder = new PacketDecoder();
  decoder.push(head);
  const packet = decoder.next();
  if (packet !== undefined) {
    return packet.type === "data" ? packet.payload : EMPTY;
  }
  // The decoder has checked the digits and the limit.
  const payload = new Uint8Array(parseInt(toBinary(head), 16) - head.length);
  if (await fill(connection, payload, signal) < payload.length) throw hungUp();
  return payload;
}

/** Reads until `into` is full or the input ends; returns the count. */
async function fill(
  connection: Pick<Connection, "read">,
  into: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const count = await connection.read(into.subarray(at), signal);
    if (count === 0) break;
    at += count;
  }
  return at;
}

function hungUp(): ProtocolError {
  return new ProtocolError("hung-up", "the remote end hung up unexpectedly");
}
