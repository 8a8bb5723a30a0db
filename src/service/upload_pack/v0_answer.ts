/**
 * What an upload-pack client of protocol versions 0 and 1 gets for its
 * request: the depth agreed on, the negotiation, the pack.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack
 * @module
 */

import { Negotiation } from "../../graph/reach.ts";
import { type Boundary, keepBoundary } from "../../graph/shallow.ts";
import { SIDE_BAND_64K_MAX, SIDE_BAND_MAX } from "../../pktline/side_band.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { CapabilityList } from "../../wire/capabilities.ts";
import {
  ackMode,
  Acknowledger,
  type AckState,
} from "../../wire/negotiation.ts";
import {
  parseNegotiationLine,
  type UploadRequest,
} from "../../wire/upload_request.ts";
import type { Conversation } from "../conversation.ts";
import { countHave, countRound } from "../quota.ts";
import { asksForDepth, deepen, resolveShallow } from "./deepen.ts";
import { sendPack } from "./send_pack.ts";
import { checkAllowed, findWants } from "./wants.ts";

/** Answers a request that wants something. */
export async function answerRequest(
  conversation: Conversation,
  snapshot: Snapshot,
  request: UploadRequest,
): Promise<void> {
  const wants = findWants(snapshot, request.wants);
  await checkAllowed(conversation, snapshot, request.wants);
  const boundary = await agreeOnDepth(conversation, snapshot, wants, request);
  const negotiation = new Negotiation(snapshot.objects, {
    // The parents behind a boundary that moves count as wants here.
    wants: [...wants, ...boundary.extraWants],
    cut: boundary.cut,
  });
  const { capabilities } = request;
  const end = await negotiate(
    conversation,
    snapshot,
    negotiation,
    capabilities,
  );
  if (end === "later") return;
  await sendPack(conversation, snapshot, {
    wants,
    haves: negotiation.haves,
    boundary,
    filter: request.filter,
    thin: capabilities.has("thin-pack"),
    ofsDelta: capabilities.has("ofs-delta"),
    includeTag: capabilities.has("include-tag"),
    progress: !capabilities.has("no-progress"),
    bandPayload: bandPayload(capabilities),
  });
}

async function agreeOnDepth(
  conversation: Conversation,
  snapshot: Snapshot,
  wants: readonly number[],
  { shallow }: UploadRequest,
): Promise<Boundary> {
  const state = resolveShallow(snapshot, wants, shallow);
  if (!asksForDepth(shallow)) return keepBoundary(state);
  const boundary = await deepen(conversation, snapshot, state);
  conversation.writer.putFlush();
  await conversation.writer.send();
  return boundary;
}

/**
 * Answers `have` lines up to `done`: upload-pack.c, get_common_commits.
 * "later" where a stateless client goes on in another session: its input ended
 * behind the shallow lines, or its round did.
 */
async function negotiate(
  conversation: Conversation,
  snapshot: Snapshot,
  negotiation: Negotiation,
  capabilities: CapabilityList,
): Promise<"pack" | "later"> {
  const { writer, reader, context } = conversation;
  // Advertised for stateless transports alone, and taken from everyone.
  const answers = new Acknowledger(ackMode(capabilities), {
    noDone: capabilities.has("no-done"),
  });
  const say = (lines: readonly string[]): void => {
    for (const line of lines) writer.put(`${line}\n`);
  };
  const state: AckState = {
    get common() {
      return negotiation.haves.length;
    },
    ready: () => negotiation.okToGiveUp(),
  };
  const { stateless } = context.terms;
  for (let isFirst = true;; isFirst = false) {
    if (!reader.buffered) await writer.send();
    const packet = await (stateless && isFirst
      ? conversation.lineOrEnd()
      : conversation.line());
    if (packet.type === "end") {
      return "later";
    }
    if (packet.type !== "line") {
      countRound(conversation);
      say(answers.flush(state));
      if (answers.ended) {
        return "pack";
      }
      if (stateless) {
        return "later";
      }
      continue;
    }
    const line = parseNegotiationLine(
      packet.text,
      context.repository.format,
    );
    if (line.type === "done") {
      say(answers.done(state));
      return "pack";
    }
    countHave(conversation);
    const number = snapshot.objects.find(line.oid);
    if (number >= 0) {
      negotiation.add(number);
      say(answers.have(line.oid, state));
    } else {
      say(answers.haveUnknown(line.oid, state));
    }
    await writer.relieve();
    if (conversation.pacer.due) {
      await conversation.pacer.turn();
    }
  }
}

function bandPayload(capabilities: CapabilityList): number {
  if (capabilities.has("side-band-64k")) return SIDE_BAND_64K_MAX;
  return capabilities.has("side-band") ? SIDE_BAND_MAX : 0;
}
