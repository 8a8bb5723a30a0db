/**
 * upload-pack: what clones and fetches talk to, in every protocol version.
 *
 * @module
 */

import { PacketWriter } from "../../pktline/writer.ts";
import { Conversation } from "../conversation.ts";
import { isForPeer, tellPeer } from "../failure.ts";
import type { Service, ServiceContext } from "../types.ts";
import { serveV2 } from "../v2/serve.ts";
import { serveV0 } from "./v0.ts";

/** How long a peer may take to read why its session was ended. */
const LAST_WORDS_MS = 1000;

/** Serves one client of a repository, from the advertisement to the end. */
export const uploadPack: Service = async (
  context: ServiceContext,
): Promise<void> => {
  const conversation = new Conversation(context);
  const { repository: { config }, logger } = context;
  if (config.get("uploadpack.packobjectshook") !== undefined) {
    logger.log("warn", "uploadpack.packObjectsHook is set; it is not run");
  }
  try {
    await (context.protocol === 2
      ? serveV2(conversation)
      : serveV0(conversation));
    await conversation.writer.send();
  } catch (error) {
    await sayWhy(error, conversation);
    throw error;
  }
};

/**
 * Tells the peer of an error. Of a session that was ended from outside only
 * what is meant for peers, such as a time limit, and past the ended signal.
 */
async function sayWhy(
  error: unknown,
  { context, channel, writer }: Conversation,
): Promise<void> {
  if (!context.signal.aborted) return await tellPeer(error, channel, writer);
  if (!isForPeer(error)) return;
  const signal = AbortSignal.timeout(LAST_WORDS_MS);
  const last = new PacketWriter(context.connection, { signal });
  await tellPeer(error, channel, last);
}
