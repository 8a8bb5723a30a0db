/**
 * What a peer may read of an error: the one place where errors are translated.
 * What the log says of them is the caller's business.
 *
 * @module
 */

import { printable } from "../core/bytes.ts";
import { messageOf, ProtocolError, RefusedError } from "../core/errors.ts";
import type { PacketWriter } from "../pktline/writer.ts";

/**
 * How a peer can be told of an error at some moment of a session: in an `ERR`
 * packet, on band 3, or not at all (a pack without side-band).
 */
export type ErrorChannel = "lines" | "side-band" | "none";

/** upload-pack.c: create_pack_file, when no whole pack can be sent. */
export const PACK_ABORTED: string = "aborting due to possible repository " +
  "corruption on the remote side.";

// Enough for any message of ours; a packet of `side-band` takes 995 bytes.
const MAX_MESSAGE_LENGTH = 900;

/** Whether a peer may read an error's own message. */
export function isForPeer(error: unknown): boolean {
  return error instanceof ProtocolError || error instanceof RefusedError;
}

/**
 * The message that a peer may read: an error's own where the peer broke the
 * protocol or was refused, and "internal error" for everything else.
 */
export function messageForPeer(error: unknown): string {
  const isForPeer = error instanceof ProtocolError ||
    error instanceof RefusedError;
  return isForPeer ? oneLine(messageOf(error)) : "internal error";
}

/**
 * Tells the peer of an error as far as `channel` allows, and sends what was
 * gathered before. Never throws: a peer that cannot be told has left.
 */
export async function tellPeer(
  error: unknown,
  channel: ErrorChannel,
  writer: PacketWriter,
): Promise<void> {
  try {
    switch (channel) {
      case "lines":
        writer.put(`ERR ${messageForPeer(error)}`);
        break;
      case "side-band":
        writer.putBand(3, abortMessage(error));
        break;
      case "none":
        break;
    }
    await writer.send();
  } catch {
    // The connection is what failed: there is nobody to tell.
  }
}

/** Once a pack has begun, our own errors look like git's there. */
function abortMessage(error: unknown): string {
  const message = messageForPeer(error);
  return message === "internal error" ? PACK_ABORTED : message;
}

/** What fits into a packet of one line: no line feeds, bytes alone. */
function oneLine(text: string): string {
  return printable(text.replace(/\n+$/, ""), MAX_MESSAGE_LENGTH);
}
