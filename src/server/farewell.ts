/**
 * How a connection is ended so that the peer reads our last words: closing
 * while bytes of the peer's are unread makes the system send a reset, and a
 * reset throws away what the peer has not read yet.
 *
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import type { Connection } from "../core/host.ts";
import { encodePacket } from "../pktline/packet.ts";

/** Longest wait for a peer to take our last words and to leave. */
const LINGER_MS = 1000;
/** What a peer may still send meanwhile. */
const LINGER_BYTES = 1024 * 1024;
/** Most characters of a message that are sent. */
const MESSAGE_LIMIT = 8192;

/**
 * Sends `ERR <message>`, a binary string. Never throws: the peer may be gone.
 */
export async function sendError(
  connection: Connection,
  message: string,
): Promise<void> {
  const packet = encodePacket(
    fromBinary(`ERR ${message.slice(0, MESSAGE_LIMIT)}`),
  );
  try {
    await connection.write(packet, AbortSignal.timeout(LINGER_MS));
  } catch {
    // Nobody is left to tell.
  }
}

/**
 * Sends FIN, waits a moment for the peer's, and closes. Never throws. The wait
 * ends early when `signal` aborts.
 */
export async function closeGently(
  connection: Connection,
  signal?: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.timeout(LINGER_MS);
  const either = signal === undefined
    ? limit
    : AbortSignal.any([signal, limit]);
  try {
    await connection.closeWrite();
    const waste = new Uint8Array(16 * 1024);
    for (let total = 0; total < LINGER_BYTES;) {
      const count = await connection.read(waste, either);
      if (count === 0) break;
      total += count;
    }
  } catch {
    // Reset, or still there after the wait: closed below.
  }
  connection.close();
}
