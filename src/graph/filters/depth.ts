/**
 * What is less deep than a `tree:` filter says, level by level: an object's
 * depth is the least at which any way leads to it.
 *
 * @module
 */

import { NumberList } from "../../core/number_list.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { ObjectGraph } from "../../storage/types.ts";
import { inSteps } from "../tree_walk.ts";
import type { Shown } from "./walk.ts";

/**
 * Appends to `shown` the trees of `roots`, which are 0 deep, and all below them
 * that is less deep than `depth`, without what is in `seen`, which grows. Throws
 * as `graph.expandTrees`. Yields how many trees and blobs there are so far.
 */
export function* walkByDepth(
  graph: ObjectGraph,
  roots: NumberList,
  depth: number,
  seen: ObjectSet,
  shown: Shown,
): Generator<number, void, void> {
  const { trees, blobs } = shown;
  if (depth === 0) return;
  let level = new NumberList();
  for (let i = 0; i < roots.length; i++) {
    if (seen.add(roots.at(i))) level.push(roots.at(i));
  }
  for (let at = 0; level.length > 0; at++) {
    trees.pushAll(level.view());
    if (at + 1 >= depth) return;
    const next = { trees: new NumberList(), blobs };
    const met = new Level(level, seen);
    for (
      const _ of inSteps(level, 0, (step) => graph.expandTrees(step, met, next))
    ) yield trees.length + blobs.length;
    yield trees.length + blobs.length;
    level = next.trees;
  }
}

/**
 * For looking up the trees of one level: it holds these alone, so that none of
 * their entries is left to a tree of another depth, and adds to what was seen
 * at any.
 */
class Level extends ObjectSet {
  readonly #seen: ObjectSet;

  constructor(trees: NumberList, seen: ObjectSet) {
    super(1);
    for (let i = 0; i < trees.length; i++) super.add(trees.at(i));
    this.#seen = seen;
  }

  override add(number: number): boolean {
    return this.#seen.add(number);
  }
}
