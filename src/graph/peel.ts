/**
 * What annotated tags lead to. Not for refs, which storage resolves.
 *
 * @module
 */

import { TAG } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";

/**
 * The object at the end of the chain of tags that starts at `number`, which is
 * `number` itself where it is no tag; -1 where an object on the way is missing
 * or the chain comes back to where it was. As tag.c: deref_tag.
 */
export function peel(graph: ObjectGraph, number: number): number {
  let at = number;
  // No chain without a loop has more links than there are objects.
  for (let links = 0; links <= graph.count; links++) {
    if (!graph.has(at)) return -1;
    if (graph.kind(at) !== TAG) return at;
    at = graph.tagTarget(at);
  }
  return -1;
}
