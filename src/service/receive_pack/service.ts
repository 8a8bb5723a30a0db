/**
 * receive-pack: what pushes talk to. In protocol v2 too, which has no push:
 * git answers such a request as one of v0.
 *
 * @see https://git-scm.com/docs/git-receive-pack
 * @module
 */

import { fromBinary } from "../../core/bytes.ts";
import { encodePacket } from "../../pktline/packet.ts";
import { PacketWriter } from "../../pktline/writer.ts";
import { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { isForPeer, messageForPeer } from "../failure.ts";
import type { Service, ServiceContext } from "../types.ts";
import { answerPush } from "./answer.ts";
import { NO_ORIGIN } from "./identity.ts";
import { PackSource } from "./pack_source.ts";

/** How long a peer may take to read why its session was ended. */
const LAST_WORDS_MS = 1000;

/** Serves one client of a repository, from the advertisement to the end. */
export const receivePack: Service = async (
  context: ServiceContext,
): Promise<void> => {
  const conversation = new Conversation(context);
  const origin = await context.origin?.(context.repository.config) ?? NO_ORIGIN;
  try {
    await carryOut(
      conversation,
      { kind: "receive-pack", origin },
      () => answerPush(conversation, origin),
    );
    await conversation.writer.send();
  } catch (error) {
    await sayWhy(error, conversation);
    throw error;
  }
};

/**
 * Tells the peer of an error, and lets it read that: it may still be sending
 * its commands. Of a session that was ended from outside only what is meant
 * for peers.
 */
async function sayWhy(
  error: unknown,
  conversation: Conversation,
): Promise<void> {
  const { context, channel } = conversation;
  const isEnded = context.signal.aborted;
  if (isEnded && !isForPeer(error)) return;
  const writer = isEnded
    ? new PacketWriter(context.connection, {
      signal: AbortSignal.timeout(LAST_WORDS_MS),
    })
    : conversation.writer;
  try {
    const message = messageForPeer(error);
    if (channel === "side-band") writer.putBand(3, `fatal: ${message}`);
    else if (channel === "lines") writer.putRaw(errorPacket(message));
    await writer.send();
    if (!isEnded) await new PackSource(conversation).drain();
  } catch {
    // The connection is what failed: there is nobody to tell.
  }
}

function errorPacket(message: string): Uint8Array {
  return encodePacket(fromBinary(`ERR ${message}`));
}
