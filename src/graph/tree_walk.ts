/**
 * Everything below some trees, level by level and a bounded number of trees at
 * a time. Not for paths or filters: it sees sets of objects.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import type { ObjectSet } from "../core/object_set.ts";
import type { ObjectGraph } from "../storage/types.ts";

/** Most trees that are looked up between two yields. */
const TREES_PER_STEP = 256;
const FIRST_STEP = 4;
/** Bytes of trees in one step: some milliseconds. */
const BYTES_PER_STEP = 2 * 1024 * 1024;

/** How many trees to look up next, after `step` of them took `bytes`. */
function nextStep(step: number, bytes: number): number {
  if (bytes > BYTES_PER_STEP) {
    return Math.max(1, Math.floor(step * BYTES_PER_STEP / bytes));
  }
  // Twice as many only where they are likely to fit.
  return bytes * 2 > BYTES_PER_STEP ? step : Math.min(TREES_PER_STEP, step * 2);
}

/**
 * Sorts the trees from `start` on, which are one level: numbers ascend as
 * objects lie in packs, where a delta's base comes before it, so that a long
 * chain is gone down once and not once for each step.
 */
function sortLevel(trees: NumberList, start: number): number {
  trees.view(start).sort();
  return trees.length;
}

/** What {@linkcode expandWanted} appends to; `trees` holds the roots. */
export interface Found {
  /** The roots, each in `seen`; grows by the trees below them. */
  readonly trees: NumberList;
  /** Grows by the blobs below the roots. */
  readonly blobs: NumberList;
}

/**
 * Goes through `trees` from `start` on, which grows meanwhile, level by level
 * and a step at a time; `expand` looks up one step and returns the bytes that
 * it took. Yields after every step but the last.
 */
export function* inSteps(
  trees: NumberList,
  start: number,
  expand: (step: Int32Array) => number,
): Generator<void, void, void> {
  let step = FIRST_STEP;
  let levelEnd = start;
  for (let at = start; at < trees.length;) {
    if (at === levelEnd) levelEnd = sortLevel(trees, at);
    const end = Math.min(levelEnd, at + step);
    step = nextStep(step, expand(trees.view(at, end)));
    at = end;
    if (at < trees.length) yield;
  }
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
  const expand = (step: Int32Array): number =>
    graph.expandTrees(step, seen, found);
  const start = yield* expandAll(graph, seen, found);
  for (const _ of inSteps(trees, start, expand)) {
    yield trees.length + blobs.length;
  }
}

/** How many of `found.trees` the store has expanded all at once. */
function* expandAll(
  graph: ObjectGraph,
  seen: ObjectSet,
  found: Found,
): Generator<number, number, void> {
  if (graph.expandAll === undefined) return 0;
  return yield* graph.expandAll(seen, found);
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
  const expand = (step: Int32Array): number => {
    const present = step.filter((tree) => graph.has(tree));
    const bytes = graph.expandTrees(present, had, found);
    blobs.truncate(0);
    return bytes;
  };
  for (const _ of inSteps(trees, 0, expand)) yield 0;
}
