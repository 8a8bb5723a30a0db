/**
 * The last part of every fetch: choose the objects, plan the pack, and stream
 * it, with progress and signs of life on the way.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ObjectSet } from "../../core/object_set.ts";
import { addReachedTags, type ReachedTag } from "../../graph/include_tag.ts";
import { peel } from "../../graph/peel.ts";
import { select, type Selection } from "../../graph/select.ts";
import type { Boundary } from "../../graph/shallow.ts";
import type { ObjectFilter } from "../../object/filter.ts";
import { TAG } from "../../object/kind.ts";
import { SideBandFrames } from "../../pktline/side_band.ts";
import type {
  ObjectStore,
  PackBytes,
  PackPlan,
  Snapshot,
} from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import { type HiddenRefs, hiddenRefs } from "../hidden_refs.ts";
import { KeepAlive } from "./keep_alive.ts";
import { hasBases, readyFilter } from "./ready_filter.ts";
import { BandProgress, NO_PROGRESS, type Progress } from "./progress.ts";

/** What the client is to get, and how it takes it. */
export interface PackOrder {
  /** What it wants. */
  readonly wants: readonly number[];
  /** What it has. */
  readonly haves: readonly number[];
  /** Where its history ends. */
  readonly boundary: Boundary;
  /** What is to be left out. */
  readonly filter?: ObjectFilter | undefined;
  /** Deltas may be against objects that it has. */
  readonly thin: boolean;
  /** Deltas may name their base by its offset. */
  readonly ofsDelta: boolean;
  /** Tags of objects that are sent are sent too. */
  readonly includeTag: boolean;
  /** It wants to see progress. */
  readonly progress: boolean;
  /** Payload bytes of a side-band packet, or 0 for a bare pack. */
  readonly bandPayload: number;
}

/** Bytes per write: four packets of 64 KiB nearly double the rate of one. */
const WRITE_BYTES = 256 * 1024;
/** Up to so many bytes a finished pack is gathered with what follows it. */
const SMALL_PACK_BYTES = 48 * 1024;

/**
 * Sends the pack. When this throws, what was sent does not end like a whole
 * pack, and `conversation.channel` says whether the peer can still be told.
 */
export async function sendPack(
  conversation: Conversation,
  snapshot: Snapshot,
  order: PackOrder,
): Promise<void> {
  const { context, writer } = conversation;
  const hasBands = order.bandPayload > 0;
  conversation.channel = hasBands ? "side-band" : "none";
  const progress = hasBands && order.progress
    ? new BandProgress(writer, context.clock)
    : NO_PROGRESS;
  const life = new KeepAlive(conversation, { hasBands });
  const plan = await choosePack(
    conversation,
    snapshot,
    order,
    { progress, life },
  );
  using bytes = plan.open(context.kernels.hash(context.repository.format));
  if (hasBands) {
    await streamBands(conversation, bytes, order.bandPayload);
    progress.total(plan);
    writer.putFlush();
    await writer.send();
  } else {
    await streamRaw(conversation, bytes);
  }
  conversation.channel = "lines";
}

interface Watch {
  readonly progress: Progress;
  readonly life: KeepAlive;
}

/**
 * The plan alone: the selection is as large, and must not be kept for as long
 * as a client takes to read.
 */
async function choosePack(
  conversation: Conversation,
  snapshot: Snapshot,
  order: PackOrder,
  watch: Watch,
): Promise<PackPlan> {
  const selection = await selectObjects(conversation, snapshot, order, watch);
  return await planPack(conversation, snapshot.objects, selection, {
    order,
    ...watch,
  });
}

async function selectObjects(
  conversation: Conversation,
  snapshot: Snapshot,
  order: PackOrder,
  { progress, life }: Watch,
): Promise<Selection> {
  const { cut, edges, extraWants } = order.boundary;
  const graph = snapshot.objects;
  const filter = order.filter && readyFilter(snapshot, order.filter);
  progress.start("Enumerating objects", 0);
  const selection = await conversation.pacer.drive(
    select(graph, {
      wants: [...order.wants, ...extraWants],
      haves: order.haves,
      cut,
      edges,
      bases: order.thin,
      ...(filter === undefined ? {} : { filter }),
    }),
    (count) => progress.update(count) ? life.speak() : life.beat(),
  );
  if (order.includeTag) {
    const hidden = hiddenRefs(conversation.context);
    addReachedTags(graph, selection, tags(snapshot, hidden));
  }
  progress.finish(selection.objects.length);
  return selection;
}

/**
 * The annotated tags under `refs/tags/` that are not hidden, and what they lead
 * to. pack-objects.c knows of no hidden refs and adds all: a client that cannot
 * see a tag has no use for it.
 */
function* tags(
  snapshot: Snapshot,
  hidden: HiddenRefs,
): Generator<ReachedTag, void, void> {
  const { objects } = snapshot;
  for (const { name, oid, peeled } of snapshot.refs.list("refs/tags/")) {
    if (peeled === null || hidden.hides(name)) continue;
    const tag = objects.find(oid);
    if (tag < 0) continue;
    const target = peeled !== undefined
      ? objects.find(peeled)
      : peeledTag(objects, tag);
    if (target >= 0) yield { tag, peeled: target };
  }
}

/** What an annotated tag peels to; -1 for what is none, or is damaged. */
function peeledTag(objects: ObjectStore, tag: number): number {
  try {
    return objects.kind(tag) === TAG ? peel(objects, tag) : -1;
  } catch (error) {
    // A tag that nobody asked for must not cost the pack.
    if (error instanceof StorageError) return -1;
    throw error;
  }
}

async function planPack(
  conversation: Conversation,
  store: ObjectStore,
  selection: Selection,
  { order, progress, life }: Watch & { readonly order: PackOrder },
): Promise<PackPlan> {
  const { objects, members, had, roots: paths } = selection;
  const bases: { bases?: ObjectSet } = order.thin && hasBases(order.filter)
    ? { bases: had }
    : {};
  progress.start("Counting objects", objects.length);
  const plan = await conversation.pacer.drive(
    store.planPack({
      objects,
      members,
      paths,
      ofsDelta: order.ofsDelta,
      // isomorphic-git passes over deltas whose base it has not read yet.
      ...(order.thin ? {} : { order: "bases-first" }),
      ...bases,
    }),
    (count) => progress.update(count) ? life.speak() : life.beat(),
  );
  progress.finish(objects.length);
  const made = plan.objects - plan.reused;
  progress.start("Compressing objects", made);
  progress.finish(made);
  return plan;
}

async function streamBands(
  conversation: Conversation,
  bytes: PackBytes,
  payload: number,
): Promise<void> {
  const { writer, pacer } = conversation;
  const source = (into: Uint8Array): number => bytes.read(into);
  // Most packs fit into one packet: room for more is made when one did not.
  let frames = new SideBandFrames(payload, 1);
  for (let round = 0;; round++) {
    if (round === 1) {
      frames = new SideBandFrames(payload, Math.ceil(WRITE_BYTES / payload));
    }
    const filled = frames.fill(1, source);
    if (filled.ended && filled.frames.length <= SMALL_PACK_BYTES) {
      writer.putRaw(filled.frames);
      return;
    }
    await writer.sendRaw(filled.frames);
    if (filled.ended) return;
    if (pacer.due) await pacer.turn();
  }
}

async function streamRaw(
  conversation: Conversation,
  bytes: PackBytes,
): Promise<void> {
  const { writer, pacer } = conversation;
  const chunk = new Uint8Array(WRITE_BYTES);
  for (;;) {
    const count = bytes.read(chunk);
    if (count > 0) await writer.sendRaw(chunk.subarray(0, count));
    if (count < chunk.length) return;
    if (pacer.due) await pacer.turn();
  }
}
