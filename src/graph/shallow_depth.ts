/**
 * The walk behind `deepen <n>`: which commits lie within a number of steps
 * from some heads, and which of them are the last.
 *
 * shallow.c: get_shallow_commits. git walks depth first and corrects depths
 * that it finds too great; here a first pass finds the least depths level by
 * level in linear time, and a second one visits the commits in git's order.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { COMMIT } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { NumberMap } from "./number_map.ts";
import { peel } from "./peel.ts";
import { COMMITS_PER_STEP } from "./revision_walk.ts";

/** upload-pack's depth for "everything" (shallow.h: INFINITE_DEPTH). */
export const INFINITE_DEPTH = 2147483647;

/** What the walk found. */
export interface DepthWalk {
  /** The last commits on every line, in git's order of sending. */
  readonly border: NumberList;
  /** The commits before those, whose parents are in reach (NOT_SHALLOW). */
  readonly inner: ObjectSet;
}

/**
 * Walks `depth` commits deep from `heads` (tags peeled, others than commits
 * left out; the heads count as 1). Commits in `cut` are borders at any depth.
 * Throws as `graph` where a commit is missing. Yields how many commits it saw,
 * after at most 4096.
 */
export function* walkDepth(
  graph: ObjectGraph,
  heads: readonly number[],
  depth: number,
  cut: ObjectSet,
): Generator<number, DepthWalk, void> {
  const levels = new NumberMap(graph.count);
  const queue = new NumberList();
  for (const head of heads) {
    const commit = peel(graph, head);
    if (commit < 0 || graph.kind(commit) !== COMMIT) continue;
    if (levels.get(commit) === 0) continue;
    levels.set(commit, 0);
    queue.push(commit);
  }
  const starts = queue.view().slice();
  const inner = new ObjectSet(graph.count);
  for (let at = 0; at < queue.length; at++) {
    if ((at + 1) % COMMITS_PER_STEP === 0) yield at;
    const commit = queue.at(at);
    const level = levels.get(commit) + 1;
    if (level >= depth && depth < INFINITE_DEPTH || cut.has(commit)) continue;
    inner.add(commit);
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) {
      const parent = graph.parent(commit, i);
      if (levels.get(parent) >= 0) continue;
      levels.set(parent, level);
      queue.push(parent);
    }
  }
  return { border: yield* orderBorder(graph, starts, levels, inner), inner };
}

/**
 * The commits outside `inner` in the order of git's list, which is the reverse
 * of its visits: head by head along last parents, then the other parents from
 * a stack.
 */
function* orderBorder(
  graph: ObjectGraph,
  starts: Int32Array,
  levels: NumberMap,
  inner: ObjectSet,
): Generator<number, NumberList, void> {
  const border = new NumberList();
  const stack = new NumberList();
  const claimed = new ObjectSet(graph.count);
  let next = 0;
  for (let steps = 1; next < starts.length || stack.length > 0; steps++) {
    let commit: number;
    if (next < starts.length) {
      commit = starts[next++] as number;
    } else {
      commit = stack.at(stack.length - 1);
      stack.truncate(stack.length - 1);
    }
    for (; commit >= 0; steps++) {
      if (steps % COMMITS_PER_STEP === 0) yield claimed.size;
      if (!inner.has(commit)) {
        border.push(commit);
        break;
      }
      const level = levels.get(commit) + 1;
      const parents = graph.parentCount(commit);
      let follow = -1;
      for (let i = 0; i < parents; i++) {
        const parent = graph.parent(commit, i);
        if (levels.get(parent) !== level || !claimed.add(parent)) continue;
        if (i < parents - 1) stack.push(parent);
        else follow = parent;
      }
      commit = follow;
    }
  }
  border.view().reverse();
  return border;
}
