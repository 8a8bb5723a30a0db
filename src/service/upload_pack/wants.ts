/**
 * From the ids that a client wants to objects that it may have.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { Oid } from "../../core/oid.ts";
import { peel } from "../../graph/peel.ts";
import { reachedFrom } from "../../graph/reach.ts";
import { COMMIT } from "../../object/kind.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import { ourRefs, ourTips, wantPolicy } from "./our_refs.ts";

/**
 * The numbers of `wants`, each of which must be in the repository. That is all
 * that v2 asks: its specification does not limit wants to advertised objects.
 * Throws a ProtocolError "not-our-ref", in git's words, for the first other.
 */
export function findWants(
  snapshot: Snapshot,
  wants: readonly Oid[],
): number[] {
  return wants.map((oid) => {
    const number = snapshot.objects.find(oid);
    if (number < 0) throw notOurRef(oid);
    return number;
  });
}

/**
 * Throws a ProtocolError "not-our-ref" unless a v0 client may have each of
 * `wants`, which are in the repository: it was advertised, or the repository's
 * configuration allows it (upload-pack.c: receive_needs, check_non_tip).
 */
export async function checkAllowed(
  conversation: Conversation,
  snapshot: Snapshot,
  wants: readonly Oid[],
): Promise<void> {
  const { context } = conversation;
  const policy = wantPolicy(context.repository.config);
  if (policy.any) return;
  const others = withoutTips(snapshot, wants, ourRefs(context));
  const [first] = others;
  if (first === undefined) return;
  // What was advertised to a stateless client, by another process, may have
  // been left behind since.
  const mayReach = policy.reachable || context.terms.stateless;
  if (mayReach && await reached(conversation, snapshot, others)) return;
  // As git, which does not look for the one that is to blame.
  throw notOurRef(first);
}

/** Those of `wants` that none of our refs resolves to. */
export function withoutTips(
  { refs }: Snapshot,
  wants: readonly Oid[],
  isOurs: (name: string) => boolean,
): Set<Oid> {
  const others = new Set(wants);
  const head = refs.head?.oid;
  if (head !== undefined && isOurs("HEAD")) others.delete(head);
  if (others.size === 0) return others;
  // The wants are here, and so is what refs with the same value resolve to.
  for (const { name, oid } of refs.list("refs/")) {
    if (!others.has(oid) || !isOurs(name)) continue;
    others.delete(oid);
    if (others.size === 0) break;
  }
  return others;
}

/**
 * Whether our refs reach every commit of `wants`, tags peeled. Trees and blobs
 * pass, as in git, which looks at commits alone (upload-pack.c:
 * has_unreachable).
 */
async function reached(
  { context, pacer }: Conversation,
  snapshot: Snapshot,
  wants: Iterable<Oid>,
): Promise<boolean> {
  const { objects } = snapshot;
  const commits = new ObjectSet();
  for (const want of wants) {
    const target = peel(objects, objects.find(want));
    if (target < 0) return false;
    if (objects.kind(target) === COMMIT) commits.add(target);
  }
  const cut = new ObjectSet();
  for (const oid of snapshot.shallow) cut.add(objects.intern(oid));
  const tips = ourTips(context, snapshot);
  const found = await pacer.drive(reachedFrom(objects, tips, commits, cut));
  return found.size === commits.size;
}

/** What a client is told of an object that it may not have. */
export function notOurRef(oid: Oid): ProtocolError {
  return new ProtocolError(
    "not-our-ref",
    `upload-pack: not our ref ${oid}`,
  );
}
