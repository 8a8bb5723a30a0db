/**
 * What selecting objects comes to, and what all ways of doing it share.
 *
 * @module
 */

import type { NumberList } from "../core/number_list.ts";
import type { ObjectSet } from "../core/object_set.ts";
import type { ObjectGraph, PathRoots } from "../storage/types.ts";
import type { RevisionWalk } from "./revision_walk.ts";

/** What a pack is to hold. */
export interface Selection {
  /** Each object once: commits newest first, then tags, trees and blobs. */
  readonly objects: NumberList;
  /** The same objects. */
  readonly members: ObjectSet;
  /**
   * Objects known to be at the reader: painted commits, and the trees and
   * blobs of those at the boundary; by bitmaps all that its commits reach. A
   * thin pack may use them as bases.
   */
  readonly had: ObjectSet;
  /** The trees of the commits that are sent, and those before them. */
  readonly roots: PathRoots;
}

/** The tree of a commit's first parent, or -1 where the walk did not see it. */
export function treeBefore(
  graph: ObjectGraph,
  walk: RevisionWalk,
  members: ObjectSet,
  commit: number,
): number {
  if (walk.parentCount(commit) === 0) return -1;
  const parent = graph.parent(commit, 0);
  const isSeen = members.has(parent) || walk.isParsed(parent);
  return isSeen && graph.has(parent) ? graph.commitTree(parent) : -1;
}

/** Appends to `list` what neither `had` nor `set` holds, and adds it there. */
export function addUnlessHad(
  from: NumberList,
  had: ObjectSet,
  set: ObjectSet,
  list: NumberList,
): void {
  for (let i = 0; i < from.length; i++) {
    const object = from.at(i);
    if (!had.has(object) && set.add(object)) list.push(object);
  }
}
