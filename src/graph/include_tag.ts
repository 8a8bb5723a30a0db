/**
 * The tags that the `include-tag` capability adds to a selection.
 *
 * @see https://git-scm.com/docs/protocol-capabilities#_include_tag
 * @module
 */

import { TAG } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";
import type { Selection } from "./select.ts";

/** A ref under `refs/tags/` that holds an annotated tag. */
export interface ReachedTag {
  /** The tag object. */
  readonly tag: number;
  /** What it leads to in the end, or -1 where that is missing. */
  readonly peeled: number;
}

/**
 * Adds every tag whose peeled object is selected, with all the tags between
 * the two; nothing is added to an empty selection. The objects go to the end
 * of `selection.objects`. Throws as `graph.tagTarget` where a tag on the way
 * is missing. As pack-objects.c: add_ref_tag, add_tag_chain.
 */
export function addReachedTags(
  graph: ObjectGraph,
  selection: Selection,
  tags: Iterable<ReachedTag>,
): void {
  if (selection.objects.length === 0) return;
  for (const { tag, peeled } of tags) {
    if (peeled < 0 || tag === peeled) continue;
    if (!selection.members.has(peeled) || selection.members.has(tag)) continue;
    addChain(graph, selection, tag);
  }
}

function addChain(
  graph: ObjectGraph,
  selection: Selection,
  tag: number,
): void {
  let at = tag;
  for (let links = 0; links <= graph.count; links++) {
    if (graph.kind(at) !== TAG) return;
    if (selection.members.add(at)) selection.objects.push(at);
    at = graph.tagTarget(at);
  }
}
