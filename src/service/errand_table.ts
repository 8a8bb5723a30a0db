/**
 * How each kind of errand is carried out in this thread.
 *
 * @module
 */

import type { ArchiveOrder } from "../archive/arguments.ts";
import { assertNever } from "../core/errors.ts";
import type { Conversation } from "./conversation.ts";
import type { Errand } from "./errand.ts";
import type { PlainOrder } from "./plain_order.ts";
import type { OverviewDetail } from "./overview.ts";
import type { PushOrigin } from "./receive_pack/identity.ts";
import { answerV0 } from "./upload_pack/v0.ts";
import { answerFetch } from "./v2/fetch.ts";
import { answerLsRefs } from "./v2/ls_refs.ts";
import { answerObjectInfo } from "./v2/object_info.ts";

/** Carries out `errand` over the conversation, on a snapshot of its own. */
export function doErrand(
  conversation: Conversation,
  errand: Errand,
): Promise<void> {
  switch (errand.kind) {
    case "upload-pack":
      return answerV0(conversation);
    case "ls-refs":
      return answerLsRefs(conversation, errand.request);
    case "fetch":
      return answerFetch(conversation, errand.request);
    case "object-info":
      return answerObjectInfo(conversation, errand.request);
    case "archive":
      return answerArchive(conversation, errand.order);
    case "plain":
      return answerPlain(conversation, errand.order);
    case "overview":
      return answerOverview(conversation, errand.detail);
    case "receive-pack":
      return answerPush(conversation, errand.origin);
    default:
      return assertNever(errand);
  }
}

/** Archives take code that no other errand does: loaded with the first. */
async function answerArchive(
  conversation: Conversation,
  order: ArchiveOrder,
): Promise<void> {
  const loaded = await import("./upload_archive/answer.ts");
  await loaded.answerArchive(conversation, order);
}

/** Plain files, likewise. */
async function answerPlain(
  conversation: Conversation,
  order: PlainOrder,
): Promise<void> {
  const loaded = await import("./plain_answer.ts");
  await loaded.answerPlain(conversation, order);
}

/** Pushes, likewise. */
async function answerPush(
  conversation: Conversation,
  origin: PushOrigin,
): Promise<void> {
  const loaded = await import("./receive_pack/answer.ts");
  await loaded.answerPush(conversation, origin);
}

/** What people ask for, likewise. */
async function answerOverview(
  conversation: Conversation,
  detail: OverviewDetail,
): Promise<void> {
  const loaded = await import("./overview.ts");
  await loaded.answerOverview(conversation, detail);
}
