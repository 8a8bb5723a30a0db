/**
 * What one session may ask in all, beyond the bounds of one request.
 *
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import { checkHaves } from "../wire/upload_request.ts";
import type { Conversation } from "./conversation.ts";

/** Counts `count` haves; throws a RefusedError "too-many-haves". */
export function countHave(conversation: Conversation, count = 1): void {
  conversation.haves += count;
  checkHaves(conversation.haves, conversation.context.limits.maxHaves);
}

/** Counts one round of negotiation; throws "too-many-rounds". */
export function countRound(conversation: Conversation): void {
  const limit = conversation.context.limits.maxRounds;
  if (++conversation.rounds > limit) {
    throw new RefusedError(
      "too-many-rounds",
      `upload-pack: too many rounds of negotiation (limit ${limit})`,
    );
  }
}
