/**
 * `gitsrv.strictWants`: in v2 a client may ask for every object that is here,
 * as its specification says; where the owner sets this, only for what it was
 * or could have been shown. A rule of ours, that git does not have.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { Oid } from "../../core/oid.ts";
import { findUnreached } from "../../graph/reach_any.ts";
import type { ObjectFilter } from "../../object/filter.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import type { BetweenSlices } from "../pacer.ts";
import { countRound } from "../quota.ts";
import {
  findSparse,
  noSparse,
  sparseNames,
} from "../upload_pack/ready_filter.ts";
import { notOurRef, withoutTips } from "../upload_pack/wants.ts";

/**
 * Throws a ProtocolError "not-our-ref" where the repository is strict and no
 * advertised ref reaches one of `oids`, or it is not here at all: whoever asks
 * does not learn which. Does nothing where the repository is not strict.
 */
export async function checkAdvertised(
  conversation: Conversation,
  snapshot: Snapshot,
  oids: readonly Oid[],
  between?: BetweenSlices,
): Promise<void> {
  const { context, pacer } = conversation;
  if (!isStrict(context)) return;
  const isShown = namedRefs(context);
  const others = withoutTips(snapshot, oids, isShown);
  if (others.size === 0) return;
  const { objects } = snapshot;
  const targets = new ObjectSet();
  for (const oid of others) {
    const number = objects.find(oid);
    if (number < 0) throw notOurRef(oid);
    targets.add(number);
  }
  // A walk may go through all that there is: nobody has that for nothing.
  countRound(conversation);
  const cut = new ObjectSet();
  for (const oid of snapshot.shallow) cut.add(objects.intern(oid));
  const unreached = await pacer.drive(
    findUnreached(objects, { tips: tips(snapshot, isShown), targets, cut }),
    between,
  );
  if (unreached >= 0) throw notOurRef(objects.oid(unreached));
}

/**
 * The same for what `sparse:oid` filters name: their patterns tell of a blob
 * what it says. Throws a RefusedError in git's words for names that lead
 * nowhere, here also where they lead to what was not shown.
 */
export async function checkSparse(
  conversation: Conversation,
  snapshot: Snapshot,
  filter: ObjectFilter | undefined,
  between?: BetweenSlices,
): Promise<void> {
  if (filter === undefined || !isStrict(conversation.context)) return;
  for (const name of sparseNames(filter)) {
    const number = findSparse(snapshot, name);
    if (number < 0) throw noSparse(name);
    const oid = snapshot.objects.oid(number);
    try {
      await checkAdvertised(conversation, snapshot, [oid], between);
    } catch (error) {
      const isOurs = error instanceof ProtocolError &&
        error.code === "not-our-ref";
      throw isOurs ? noSparse(name) : error;
    }
  }
}

/** Which refs a client may name: where the owner is strict, those it is shown. */
export function namedRefs(
  context: Conversation["context"],
): (name: string) => boolean {
  if (!isStrict(context)) return () => true;
  const hidden = hiddenRefs(context);
  return (name) => !hidden.hides(name);
}

function isStrict({ repository }: Conversation["context"]): boolean {
  return repository.config.boolean("gitsrv.strictwants") === true;
}

/** What HEAD and the refs that are shown resolve to. */
function* tips(
  { refs, objects }: Snapshot,
  isShown: (name: string) => boolean,
): Generator<number, void, void> {
  const head = refs.head?.oid;
  if (head !== undefined && isShown("HEAD")) yield objects.find(head);
  for (const { name, oid } of refs.list("refs/")) {
    if (isShown(name)) yield objects.find(oid);
  }
}
