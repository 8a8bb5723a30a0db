/**
 * What annotated tags lead to. Not for refs, which storage resolves.
 *
 * @module
 */

import { endOfTags } from "../object/tag_chain.ts";
import type { ObjectGraph } from "../storage/types.ts";

/** As {@linkcode endOfTags}. */
export function peel(graph: ObjectGraph, number: number): number {
  return endOfTags(graph, number);
}
