/**
 * From the ids that a client wants to objects that it may have.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { Snapshot } from "../../storage/types.ts";

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
 * Throws a ProtocolError "not-our-ref" unless each of `wants` was advertised:
 * it is what HEAD or a ref resolves to (upload-pack.c: check_non_tip).
 */
export function checkAdvertised(
  snapshot: Snapshot,
  wants: readonly Oid[],
): void {
  const missing = new Set(wants);
  const head = snapshot.refs.head?.oid;
  if (head !== undefined) missing.delete(head);
  if (missing.size === 0) return;
  // The wants are here, and so is what refs with the same value resolve to.
  for (const { oid } of snapshot.refs.list("")) {
    if (missing.delete(oid) && missing.size === 0) return;
  }
  for (const oid of missing) throw notOurRef(oid);
}

function notOurRef(oid: Oid): ProtocolError {
  return new ProtocolError(
    "not-our-ref",
    `upload-pack: not our ref ${oid}`,
  );
}
