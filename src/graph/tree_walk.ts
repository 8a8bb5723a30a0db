/**
 * Everything below some trees, level by level and a bounded number of trees at
 * a time. Not for paths or filters: it sees sets of objects.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import type { ObjectSet } from "../core/object_set.ts";
import type { ObjectGraph } from "../storage/types.ts";

/** Trees that are looked up between two yields. */
export const TREES_PER_STEP = 256;

/** What {@linkcode expandWanted} appends to; `trees` holds the roots. */
export interface Found {
  /** The roots, each in `seen`; grows by the trees below them. */
  readonly trees: NumberList;
  /** Grows by the blobs below the roots. */
  readonly blobs: NumberList;
}

/**
 * Appends everything below `found.trees` that is not in `seen`, and adds it
 * there. Throws as `graph.expandTrees` where a tree is missing. Yields how many
 * trees and blobs `found` holds.
 */
export function* expandWanted(
  graph: ObjectGraph,
  seen: ObjectSet,
  found: Found,
): Generator<number, void, void> {
  const { trees, blobs } = found;
  for (let at = 0; at < trees.length;) {
    const end = Math.min(trees.length, at + TREES_PER_STEP);
    graph.expandTrees(trees.view(at, end), seen, found);
    at = end;
    if (at < trees.length) yield trees.length + blobs.length;
  }
}

/**
 * Adds everything below `trees` to `had`, where `trees` are in it already.
 * Missing trees are passed over, as revision.c does on the uninteresting side:
 * mark_tree_contents_uninteresting. Yields 0 after every step.
 */
export function* expandHad(
  graph: ObjectGraph,
  trees: NumberList,
  had: ObjectSet,
): Generator<number, void, void> {
  const blobs = new NumberList();
  const found: Found = { trees, blobs };
  const present = new Int32Array(TREES_PER_STEP);
  for (let at = 0; at < trees.length;) {
    const end = Math.min(trees.length, at + TREES_PER_STEP);
    let length = 0;
    for (; at < end; at++) {
      const tree = trees.at(at);
      if (graph.has(tree)) present[length++] = tree;
    }
    if (length > 0) graph.expandTrees(present.subarray(0, length), had, found);
    blobs.truncate(0);
    if (at < trees.length) yield 0;
  }
}
