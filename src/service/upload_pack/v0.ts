/**
 * upload-pack in protocol v0 and v1: advertisement, wants, negotiation, pack,
 * in one conversation on one snapshot.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack
 * @module
 */

import { once } from "../../core/once.ts";
import {
  type UploadRequest,
  UploadRequestLines,
} from "../../wire/upload_request.ts";
import type { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { noteClientSession } from "../session_id.ts";
import { advertise } from "./advertise.ts";
import { filterRules } from "./filter_rules.ts";
import { checkSettings } from "./settings.ts";

// Loaded when a client wants something: an advertisement needs none of it.
const answerModule = once(() => import("./v0_answer.ts"));

/** Serves one client. Resolves at once where it wants nothing. */
export function serveV0(conversation: Conversation): Promise<void> {
  return carryOut(
    conversation,
    { kind: "upload-pack" },
    () => answerV0(conversation),
  );
}

/**
 * Talks to one client, from the advertisement on: upload-pack.c, upload_pack.
 * A stateless client has that from another session.
 */
export async function answerV0(conversation: Conversation): Promise<void> {
  const { context } = conversation;
  const { advertiseOnly, stateless } = context.terms;
  checkSettings(context);
  using snapshot = await context.repository.snapshot();
  if (advertiseOnly || !stateless) await advertise(conversation, snapshot);
  if (advertiseOnly) return;
  const request = await readRequest(conversation);
  if (request === undefined || request.wants.length === 0) return;
  noteClientSession(context, request.capabilities.get("session-id"));
  const { answerRequest } = await answerModule();
  await answerRequest(conversation, snapshot, request);
}

/** The request; `undefined` where the peer left after the advertisement. */
async function readRequest(
  conversation: Conversation,
): Promise<UploadRequest | undefined> {
  const { context } = conversation;
  const { repository, limits } = context;
  const lines = new UploadRequestLines(
    repository.format,
    limits,
    filterRules(context),
  );
  let line = await conversation.lineOrEnd();
  if (line.type === "end") return undefined;
  // As upload-pack.c: receive_needs, any packet without a line ends them.
  while (line.type === "line") {
    lines.take(line.text);
    line = await conversation.line();
  }
  return lines.request();
}
