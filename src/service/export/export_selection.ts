/**
 * What a repository shows to those who read it as plain files: its refs without
 * those that are hidden, and the objects that these reach.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import { select } from "../../graph/select.ts";
import type { Selection } from "../../graph/selection.ts";
import type { PackPlan, Repository, Snapshot } from "../../storage/types.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import { plainRefLines } from "../plain_refs.ts";
import { shownRefs } from "../shown_refs.ts";
import { GIT_TERMS } from "../types.ts";

/** The refs as files tell them: binary strings. */
export interface ExportedRefs {
  /** The content of `info/refs`. */
  readonly listing: string;
  /** The content of `HEAD`. */
  readonly head: string;
  /** What these two name. */
  readonly tips: readonly Oid[];
  /** The branch that HEAD names, in full, where there is one. */
  readonly branch?: RefName;
}

/** What is read of a snapshot. Throws a StorageError "shallow". */
export function exportedRefs(
  repository: Repository,
  snapshot: Snapshot,
): ExportedRefs {
  if (snapshot.shallow.length > 0) {
    throw new StorageError(
      "shallow",
      "a shallow repository cannot be exported: who reads plain files needs " +
        "all of its history",
    );
  }
  const context = { repository, terms: GIT_TERMS };
  const hidden = hiddenRefs(context);
  const listing = [...plainRefLines(snapshot, hidden)].join("");
  const { head, branch } = headOf(shownRefs(context, snapshot.refs));
  const tips = tipsOf(listing, head);
  return { listing, head, tips, ...(branch && { branch }) };
}

/** The objects that the contents of `info/refs` and `HEAD` name. */
export function tipsOf(listing: string, head: string): readonly Oid[] {
  const tips = new Set<Oid>();
  for (const line of listing.split("\n")) {
    const [, oid, name] = /^([0-9a-f]{40,64})\t(.*)$/.exec(line) ?? [];
    if (name?.endsWith("^{}") === false) tips.add(oid as Oid);
  }
  const detached = /^[0-9a-f]{40,64}(?=\n)/.exec(head)?.[0];
  if (detached !== undefined) tips.add(detached as Oid);
  return [...tips].sort();
}

/** One that clients can check out, whatever is hidden. */
function headOf(
  refs: Snapshot["refs"],
): { readonly head: string; readonly branch?: RefName } {
  const { head } = refs;
  if (head?.oid !== undefined && head.target === undefined) {
    return { head: `${head.oid}\n` };
  }
  const target = head?.target;
  const isThere = target !== undefined && refs.get(target) !== undefined;
  const branch = isThere || (target !== undefined && refs.size === 0)
    ? target
    : fallback(refs);
  return branch === undefined
    ? { head: `ref: refs/heads/main\n` }
    : { head: `ref: ${branch}\n`, branch };
}

function fallback(refs: Snapshot["refs"]): RefName | undefined {
  const known = ["refs/heads/main", "refs/heads/master"] as RefName[];
  const usual = known.find((name) => refs.get(name) !== undefined);
  if (usual !== undefined) return usual;
  for (const { name } of refs.list("refs/heads/")) return name;
  return undefined;
}

/**
 * The objects that `tips` reach and `had` do not; `undefined` where `had`
 * reach something that `tips` do not, or are not here. Yields now and then.
 * Throws a StorageError "missing-object" where history is incomplete.
 */
export function* selectAdded(
  { objects }: Snapshot,
  tips: readonly Oid[],
  had: readonly Oid[],
): Generator<number, Selection | undefined, void> {
  const wants = tips.map((oid) => objects.find(oid));
  const haves = had.map((oid) => objects.find(oid));
  if (haves.includes(-1)) return undefined;
  const cut = new ObjectSet();
  if (haves.length > 0) {
    const lost = yield* select(objects, {
      wants: haves,
      haves: wants,
      cut,
      bases: false,
    });
    if (lost.objects.length > 0) return undefined;
  }
  return yield* select(objects, { wants, haves, cut, bases: false });
}

/** A pack of a selection that needs no object outside of it. */
export function* planExport(
  { objects: store }: Snapshot,
  { objects, members, roots: paths }: Selection,
): Generator<number, PackPlan, void> {
  return yield* store.planPack({ objects, members, paths, ofsDelta: true });
}
