/**
 * Which objects a pack must hold: all that the wanted ones reach, without what
 * the reader has. Not concerned with their bytes; filters are carried out in
 * `filtered_select.ts`.
 *
 * builtin/pack-objects.c: get_object_list; list-objects.c:
 * mark_edges_uninteresting, traverse_commit_list.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { COMMIT } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { selectByBitmaps } from "./bitmap_select.ts";
import { filterSelection, selectFiltered } from "./filtered_select.ts";
import { plainFilter } from "./filters/plain.ts";
import type { ReadyFilter } from "./filters/walk.ts";
import { COMMITS_PER_STEP, RevisionWalk } from "./revision_walk.ts";
import { addUnlessHad, type Selection, treeBefore } from "./selection.ts";
import { expandHad, expandWanted } from "./tree_walk.ts";

export type { Selection } from "./selection.ts";

/** What a reader asks for. */
export interface SelectRequest {
  /** Objects of any kind; tags are included and followed. */
  readonly wants: readonly number[];
  /**
   * What the reader has, of any kind, with all that it reaches. With those of
   * `Negotiation.haves` alone the commits are exactly git's.
   */
  readonly haves: readonly number[];
  /**
   * Commits treated as parentless, for wants and haves alike: the reader's
   * shallow ones, new boundaries, and the repository's own.
   */
  readonly cut: ObjectSet;
  /** Further commits the reader has (upload-pack.c: extra_edge_obj). */
  readonly edges?: readonly number[];
  /** Look for everything that a thin pack may use as bases. */
  readonly bases: boolean;
  /** What to leave out of that. */
  readonly filter?: ReadyFilter;
}

/**
 * Selects what `git pack-objects --revs` selects for the same request, less
 * what git finds at the reader only with `pack.useSparse` (its default) or only
 * without: we look at the trees of both, and at all that is below them. Thus
 * contents which moved between directories are not sent again.
 *
 * Where `graph` has bitmaps that git would use, nothing is sent that the
 * reader's objects reach, as git does then: see `bitmap_select.ts`.
 *
 * Yields the number of objects found so far after at most 4096 commits or 256
 * trees. Throws StorageError as `graph` where an object of the wanted side is
 * missing; on the reader's side missing objects are passed over.
 */
export function* select(
  graph: ObjectGraph,
  request: SelectRequest,
): Generator<number, Selection, void> {
  const { wants, haves, edges = [], cut, filter } = request;
  const plain = filter && plainFilter(filter.filter);
  if (filter === undefined || plain !== undefined) {
    const byBitmaps = yield* selectByBitmaps(graph, request);
    if (byBitmaps !== undefined) {
      return plain === undefined
        ? byBitmaps
        : yield* filterSelection(graph, byBitmaps, plain, wants);
    }
  }
  const walk = new RevisionWalk(graph, { cut });
  walk.start([
    { objects: wants, side: "wanted" },
    { objects: haves, side: "unwanted" },
    { objects: edges, side: "unwanted" },
  ]);
  const commits = yield* walk.commits();
  const { had } = walk;

  const hadTrees = walk.hadTrees;
  if (walk.limited) yield* collectEdges(graph, walk, commits, hadTrees);
  // pack-objects.c gives --objects-edge-aggressive for thin shallow packs.
  if (walk.limited && request.bases && cut.size > 0) {
    addTips(graph, walk, [...wants, ...haves, ...edges], hadTrees);
  }
  for (const _ of expandHad(graph, hadTrees, had)) yield commits.length;
  if (filter !== undefined) {
    return yield* selectFiltered(graph, { walk, commits, filter, plain });
  }

  const members = new ObjectSet(graph.count);
  const objects = new NumberList(commits.length + 64);
  addUnlessHad(commits, had, members, objects);
  const commitCount = objects.length;
  addUnlessHad(walk.tags, had, members, objects);
  const seen = had.size === 0 ? members : had.clone();
  const trees = new NumberList(1024);
  const blobs = new NumberList(1024);
  addUnlessHad(walk.trees, had, seen, trees);
  addUnlessHad(walk.blobs, had, seen, blobs);
  const before = new NumberList(1024);
  for (let i = 0; i < trees.length; i++) before.push(-1);
  for (let i = 0; i < commitCount; i++) {
    const commit = objects.at(i);
    const tree = graph.commitTree(commit);
    if (seen.add(tree)) {
      trees.push(tree);
      before.push(treeBefore(graph, walk, members, commit));
    }
    if ((i + 1) % COMMITS_PER_STEP === 0) yield objects.length + trees.length;
  }
  const roots = { sent: trees.view().slice(), before: before.view().slice() };
  for (const found of expandWanted(graph, seen, { trees, blobs })) {
    yield objects.length + found;
  }
  for (const list of [trees, blobs]) {
    if (seen !== members) addAll(list, members);
    objects.pushAll(list.view());
  }
  return { objects, members, had, roots };
}

/**
 * Puts the trees of the boundary into `trees` and `had`: those of painted
 * commits in the list, and of all their painted parents. git takes the parents
 * of painted commits with `pack.useSparse` alone, which is its default; the
 * rest is the same without (list-objects.c: mark_edges_uninteresting,
 * add_edge_parents).
 */
export function* collectEdges(
  graph: ObjectGraph,
  walk: RevisionWalk,
  commits: NumberList,
  trees: NumberList,
): Generator<number, void, void> {
  const { had } = walk;
  for (let i = 0; i < commits.length; i++) {
    if ((i + 1) % COMMITS_PER_STEP === 0) yield commits.length;
    const commit = commits.at(i);
    if (had.has(commit)) addTree(graph, commit, had, trees);
    const parents = walk.parentCount(commit);
    for (let p = 0; p < parents; p++) {
      const parent = graph.parent(commit, p);
      if (had.has(parent) && walk.isParsed(parent)) {
        addTree(graph, parent, had, trees);
      }
    }
  }
}

/** Likewise for all painted commits that the request names. */
function addTips(
  graph: ObjectGraph,
  walk: RevisionWalk,
  tips: readonly number[],
  trees: NumberList,
): void {
  for (const tip of tips) {
    if (!walk.had.has(tip) || !graph.has(tip)) continue;
    if (graph.kind(tip) === COMMIT) {
      addTree(graph, tip, walk.had, trees);
    }
  }
}

function addTree(
  graph: ObjectGraph,
  commit: number,
  had: ObjectSet,
  trees: NumberList,
): void {
  if (!graph.has(commit)) return;
  const tree = graph.commitTree(commit);
  if (had.add(tree)) trees.push(tree);
}

function addAll(list: NumberList, set: ObjectSet): void {
  for (let i = 0; i < list.length; i++) set.add(list.at(i));
}
