/**
 * Which objects a pack must hold where the reader asked to leave some out: what
 * `git pack-objects --revs --filter` selects.
 *
 * What was asked for by name goes whatever the filter says, unless something
 * else led there before: list-objects-filter.c, list_objects_filter__filter_object
 * and NOT_USER_GIVEN.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { BLOB, COMMIT, type Kind, TAG, TREE } from "../object/kind.ts";
import type { ObjectGraph, PathRoots } from "../storage/types.ts";
import { walkByDepth } from "./filters/depth.ts";
import type { PlainFilter } from "./filters/plain.ts";
import { FilteredWalk, type ReadyFilter, type Shown } from "./filters/walk.ts";
import { COMMITS_PER_STEP, type RevisionWalk } from "./revision_walk.ts";
import { addUnlessHad, type Selection, treeBefore } from "./selection.ts";
import { expandWanted } from "./tree_walk.ts";

/** A request whose commits have been walked, and whose reader is known. */
export interface FilteredRequest {
  /** The walk; its `had` is all that the reader has. */
  readonly walk: RevisionWalk;
  /** The wanted commits, newest first; some may be in `had`. */
  readonly commits: NumberList;
  /** What to leave out. */
  readonly filter: ReadyFilter;
  /** The same, where it is a plain filter. */
  readonly plain: PlainFilter | undefined;
}

/** Sizes that are looked up between two yields. */
const SIZES_PER_STEP = 1024;
/** Objects whose kinds are looked up between two yields. */
const KINDS_PER_STEP = 65_536;

/** Selects by walking. Yields and throws as {@linkcode select}. */
export function* selectFiltered(
  graph: ObjectGraph,
  request: FilteredRequest,
): Generator<number, Selection, void> {
  const { walk, commits, filter, plain } = request;
  const { had } = walk;
  const members = new ObjectSet(graph.count);
  const objects = new NumberList(commits.length + 64);
  const add = (list: NumberList): void =>
    addUnlessHad(list, had, members, objects);
  add(showsCommits(filter) ? commits : tipsOf(walk, commits));
  add(walk.tags);
  const roots = new NumberList(1024);
  const before = new NumberList(1024);
  for (let i = 0; i < commits.length; i++) {
    if ((i + 1) % COMMITS_PER_STEP === 0) yield objects.length;
    const commit = commits.at(i);
    if (had.has(commit)) continue;
    roots.push(graph.commitTree(commit));
    before.push(treeBefore(graph, walk, members, commit));
  }
  const shown: Shown = { trees: new NumberList(), blobs: new NumberList() };
  const seen = had.clone();
  const count = objects.length;
  const isPlain = plain !== undefined && isOrderFree(graph, walk, plain);
  const work = isPlain
    ? showPlain(graph, walk, plain, { roots, seen, shown })
    : filter.filter.type === "tree" && walk.trees.length === 0
    ? showByDepth(graph, walk, Number(filter.filter.depth), {
      roots,
      seen,
      shown,
    })
    : new FilteredWalk(
      graph,
      { ...filter, named: walk.named, roots, seen },
      shown,
    ).run();
  for (const found of work) yield count + found;
  add(shown.trees);
  add(shown.blobs);
  const sent = roots.view().slice();
  const paths = plain?.trees === true
    ? { sent, before: before.view().slice() }
    : NO_ROOTS;
  return { objects, members, had, roots: paths };
}

const NO_ROOTS: PathRoots = {
  sent: new Int32Array(0),
  before: new Int32Array(0),
};

/** Whether commits go that were not asked for by name. */
function showsCommits({ filter }: ReadyFilter): boolean {
  const stack = [filter];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at.type === "object:type" && at.kind !== COMMIT) return false;
    if (at.type === "combine") stack.push(...at.filters);
  }
  return true;
}

/** Those of `commits` that the walk starts at. */
function tipsOf({ tips }: RevisionWalk, commits: NumberList): NumberList {
  const set = new ObjectSet(1);
  for (let i = 0; i < tips.length; i++) set.add(tips.at(i));
  const found = new NumberList();
  for (let i = 0; i < commits.length; i++) {
    if (set.has(commits.at(i))) found.push(commits.at(i));
  }
  return found;
}

/**
 * Whether the order does not matter in which things asked for by name are come
 * to: none is left out because another led there first.
 */
function isOrderFree(
  graph: ObjectGraph,
  { named, trees }: RevisionWalk,
  filter: PlainFilter,
): boolean {
  if (trees.length === 0) return true;
  if (!filter.trees) return false;
  let hasTree = false;
  for (let i = 0; i < named.length; i++) {
    if (graph.kind(named.at(i)) === TREE) hasTree = true;
    else if (hasTree) return false;
  }
  return true;
}

interface Ground {
  readonly roots: NumberList;
  readonly seen: ObjectSet;
  readonly shown: Shown;
}

function* showPlain(
  graph: ObjectGraph,
  walk: RevisionWalk,
  filter: PlainFilter,
  { roots, seen, shown }: Ground,
): Generator<number, void, void> {
  addUnseen(walk.blobs, seen, shown.blobs);
  if (!filter.trees && !filter.blobs) return;
  const trees = filter.trees ? shown.trees : new NumberList(1024);
  const blobs = new NumberList(1024);
  addUnseen(walk.trees, seen, trees);
  addUnseen(roots, seen, trees);
  yield* expandWanted(graph, seen, { trees, blobs });
  if (!filter.blobs) return;
  if (filter.blobLimit === Infinity) {
    shown.blobs.pushAll(blobs.view());
    return;
  }
  // As they lie in packs.
  const sorted = blobs.view().slice().sort();
  for (let i = 0; i < sorted.length; i++) {
    const blob = sorted[i] as number;
    if (isSmall(graph, blob, filter.blobLimit)) shown.blobs.push(blob);
    if ((i + 1) % SIZES_PER_STEP === 0) {
      yield shown.trees.length + shown.blobs.length;
    }
  }
}

function* showByDepth(
  graph: ObjectGraph,
  walk: RevisionWalk,
  depth: number,
  { roots, seen, shown }: Ground,
): Generator<number, void, void> {
  addUnseen(walk.blobs, seen, shown.blobs);
  yield* walkByDepth(graph, roots, depth, seen, shown);
}

function addUnseen(from: NumberList, seen: ObjectSet, list: NumberList): void {
  for (let i = 0; i < from.length; i++) {
    if (seen.add(from.at(i))) list.push(from.at(i));
  }
}

/** What is missing is for the packing to complain about. */
function isSmall(graph: ObjectGraph, blob: number, limit: number): boolean {
  return !graph.has(blob) || graph.size(blob) < limit;
}

/**
 * Leaves out of what bitmaps selected what `filter` leaves out, without what
 * was asked for by name (pack-bitmap.c: filter_bitmap). Yields how many objects
 * there are so far.
 */
export function* filterSelection(
  graph: ObjectGraph,
  selection: Selection,
  filter: PlainFilter,
  wants: readonly number[],
): Generator<number, Selection, void> {
  const named = namedObjects(graph, wants);
  const { objects: all, had, roots } = selection;
  const { members } = selection;
  const objects = new NumberList(1024);
  const bitmaps = graph.bitmaps?.();
  for (let i = 0; i < all.length; i++) {
    const object = all.at(i);
    const kind = bitmaps?.kind(object) ?? graph.kind(object);
    if (named.has(object) || lets(graph, filter, object, kind)) {
      objects.push(object);
    } else {
      members.delete(object);
    }
    const isSized = kind === BLOB && filter.blobLimit !== Infinity;
    if ((i + 1) % (isSized ? SIZES_PER_STEP : KINDS_PER_STEP) === 0) {
      yield objects.length;
    }
  }
  return { objects, members, had, roots: filter.trees ? roots : NO_ROOTS };
}

function lets(
  graph: ObjectGraph,
  filter: PlainFilter,
  object: number,
  kind: Kind,
): boolean {
  switch (kind) {
    case COMMIT:
      return filter.commits;
    case TREE:
      return filter.trees;
    case BLOB:
      return filter.blobs &&
        (filter.blobLimit === Infinity ||
          isSmall(graph, object, filter.blobLimit));
    case TAG:
      // There are none but those that were asked for.
      return true;
  }
}

/** What was wanted, and what tags among that lead to. */
function namedObjects(
  graph: ObjectGraph,
  wants: readonly number[],
): ReadonlySet<number> {
  const named = new Set<number>();
  for (const want of wants) {
    for (let at = want; !named.has(at); at = graph.tagTarget(at)) {
      named.add(at);
      if (graph.kind(at) !== TAG) break;
    }
  }
  return named;
}
