/**
 * The v2 command `fetch`.
 *
 * @see https://git-scm.com/docs/protocol-v2#_fetch
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import { Negotiation } from "../../graph/reach.ts";
import { type Boundary, keepBoundary } from "../../graph/shallow.ts";
import { SIDE_BAND_64K_MAX } from "../../pktline/side_band.ts";
import type { Snapshot } from "../../storage/types.ts";
import { acknowledgments } from "../../wire/negotiation.ts";
import {
  FetchArguments,
  type FetchRequest,
  formatWantedRef,
} from "../../wire/v2_fetch.ts";
import type { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import type { BetweenSlices } from "../pacer.ts";
import { countHave, countRound } from "../quota.ts";
import {
  asksForDepth,
  deepen,
  inherit,
  resolveShallow,
  type ShallowState,
} from "../upload_pack/deepen.ts";
import { KeepAlive } from "../upload_pack/keep_alive.ts";
import { filterRules } from "../upload_pack/filter_rules.ts";
import { sendPack } from "../upload_pack/send_pack.ts";
import { checkSettings } from "../upload_pack/settings.ts";
import { fetchFeatures } from "./fetch_features.ts";
import { checkAdvertised, checkSparse, namedRefs } from "./strict_wants.ts";
import type { V2Invocation } from "./table.ts";
import { findWanted, type FoundRef } from "./wanted.ts";

/** The command. */
export function fetchCommand(conversation: Conversation): V2Invocation {
  const { context } = conversation;
  const { repository, limits } = context;
  const args = new FetchArguments(repository.format, limits, {
    features: fetchFeatures(context),
    filters: filterRules(context),
  });
  return {
    take(line) {
      args.take(line);
      // From here on the client reads bands.
      if (args.sidebandAll) conversation.channel = "side-band";
    },
    unended: "expected flush after fetch arguments",
    async run() {
      await run(conversation, args.request());
      conversation.channel = "lines";
    },
  };
}

async function run(
  conversation: Conversation,
  request: FetchRequest,
): Promise<void> {
  const { wants, wantRefs, flags } = request;
  const isWanted = wants.length + wantRefs.length > 0;
  // Nothing wanted: nothing is answered, not even a flush.
  if (!isWanted && !flags.has("wait-for-done")) return;
  await carryOut(
    conversation,
    { kind: "fetch", request },
    () => answerFetch(conversation, request),
  );
}

/** Answers a `fetch` that wants something: upload-pack.c, upload_pack_v2. */
export async function answerFetch(
  conversation: Conversation,
  request: FetchRequest,
): Promise<void> {
  const isMultiplexed = request.flags.has("sideband-all");
  conversation.multiplexed = isMultiplexed;
  if (isMultiplexed) conversation.channel = "side-band";
  await answer(conversation, request);
  conversation.multiplexed = false;
  conversation.channel = "lines";
}

async function answer(
  conversation: Conversation,
  request: FetchRequest,
): Promise<void> {
  const { context, multiplexed } = conversation;
  const { flags } = request;
  checkSettings(context);
  // Before a pack, empty packets are for progress: gitprotocol-v2.
  const life = new KeepAlive(conversation, { hasBands: multiplexed, band: 2 });
  using snapshot = await context.repository.snapshot();
  const { wants, refs } = findWanted(
    snapshot,
    hiddenRefs(context),
    request,
  );
  const beat = (): Promise<void> => life.beat();
  await checkAdvertised(conversation, snapshot, request.wants, beat);
  await checkSparse(conversation, snapshot, request.filter, beat);
  const state = resolveShallow(
    snapshot,
    wants,
    request.shallow,
    namedRefs(context),
  );
  const negotiation = new Negotiation(snapshot.objects, {
    wants,
    cut: keepBoundary({ ...state, clientShallow: [] }).cut,
  });
  if (request.haves.length > 0) {
    const common = await noteHaves(
      conversation,
      snapshot,
      negotiation,
      request,
    );
    if (!flags.has("done")) {
      const ready = !flags.has("wait-for-done") && negotiation.okToGiveUp();
      if (!await acknowledge(conversation, common, { ready })) return;
    }
  }
  // The order of the specification, and the one that git's clients read. git's
  // server has these two the other way round, and its clients fail of it.
  const boundary = await shallowInfo(conversation, snapshot, state, beat);
  await tellRefs(conversation, refs);
  conversation.say("packfile\n");
  await sendPack(conversation, snapshot, {
    wants,
    haves: negotiation.haves,
    boundary,
    filter: request.filter,
    thin: flags.has("thin-pack"),
    ofsDelta: flags.has("ofs-delta"),
    includeTag: flags.has("include-tag"),
    progress: !flags.has("no-progress"),
    bandPayload: SIDE_BAND_64K_MAX,
  });
}

/** Which of the client's objects are here: upload-pack.c, process_haves. */
async function noteHaves(
  conversation: Conversation,
  snapshot: Snapshot,
  negotiation: Negotiation,
  { haves }: FetchRequest,
): Promise<Oid[]> {
  const { pacer } = conversation;
  countRound(conversation);
  countHave(conversation, haves.length);
  const common: Oid[] = [];
  for (const oid of haves) {
    const number = snapshot.objects.find(oid);
    if (number >= 0) {
      common.push(oid);
      negotiation.add(number);
    }
    if (pacer.due) await pacer.turn();
  }
  return common;
}

/** Sends the acknowledgments; true where the pack follows at once. */
async function acknowledge(
  conversation: Conversation,
  common: readonly Oid[],
  options: { readonly ready: boolean },
): Promise<boolean> {
  const { writer } = conversation;
  for (const line of acknowledgments(common, options)) {
    conversation.say(`${line}\n`);
    await writer.relieve();
  }
  if (options.ready) writer.putDelim();
  else writer.putFlush();
  return options.ready;
}

/** upload-pack.c: send_wanted_ref_info. */
async function tellRefs(
  conversation: Conversation,
  refs: readonly FoundRef[],
): Promise<void> {
  if (refs.length === 0) return;
  const { writer } = conversation;
  conversation.say("wanted-refs\n");
  for (const { oid, name } of refs) {
    conversation.say(formatWantedRef(oid, name));
    await writer.relieve();
  }
  writer.putDelim();
}

/** upload-pack.c: send_shallow_info. */
async function shallowInfo(
  conversation: Conversation,
  snapshot: Snapshot,
  state: ShallowState,
  between: BetweenSlices,
): Promise<Boundary> {
  const { writer } = conversation;
  const asks = asksForDepth(state.request);
  const isShallow = snapshot.shallow.length > 0;
  if (!asks && !isShallow && state.clientShallow.length === 0) {
    return keepBoundary(state);
  }
  conversation.say("shallow-info\n");
  let boundary: Boundary;
  if (asks) boundary = await deepen(conversation, snapshot, state, between);
  else if (isShallow) {
    boundary = await inherit(conversation, snapshot.objects, state, between);
  } else boundary = keepBoundary(state);
  writer.putDelim();
  return boundary;
}
