/**
 * Which refs a client is shown, and what they peel to: shared by the
 * advertisement of v0 and v1 and by `ls-refs`.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import type { Oid } from "../core/oid.ts";
import { peel } from "../graph/peel.ts";
import { TAG } from "../object/kind.ts";
import type { ObjectGraph, RefRecord } from "../storage/types.ts";

/**
 * The object that a ref resolves to, or -1 where it is not here: such refs are
 * left out. git before 2.34 did so too; since then its clones fail of them
 * (refs.c: GIT_REF_PARANOIA).
 */
export function shownObject(graph: ObjectGraph, ref: RefRecord): number {
  return graph.find(ref.oid);
}

/**
 * What the object `number` peels to where it is an annotated tag; `undefined`
 * where it is none, or leads nowhere. `known` is what the ref store knows.
 */
export function peeledOid(
  graph: ObjectGraph,
  number: number,
  known?: Oid | null,
): Oid | undefined {
  if (known !== undefined) return known ?? undefined;
  if (number < 0) return undefined;
  try {
    if (graph.kind(number) !== TAG) return undefined;
    const target = peel(graph, number);
    return target < 0 ? undefined : graph.oid(target);
  } catch (error) {
    // refs.c: peel_object; a damaged object costs its peeled line alone.
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
