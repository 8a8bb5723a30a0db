/**
 * Which objects a pack must hold, by bitmaps: all that the wanted ones reach,
 * without all that the reader's reach, exactly. Commits are walked down to the
 * first that has a bitmap, and only trees that no bitmap holds are looked at.
 *
 * pack-bitmap.c: prepare_bitmap_walk, find_objects. git goes the ordinary way,
 * and so do we, where the request or the repository is shallow, and where the
 * reader has something and none of it is in the bitmapped packs.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { BLOB, COMMIT, type Kind, TAG, TREE } from "../object/kind.ts";
import type {
  KindLists,
  ObjectGraph,
  PathRoots,
  ReachBitmaps,
  ReachedSet,
} from "../storage/types.ts";
import { CommitQueue } from "./commit_queue.ts";
import { COMMITS_PER_STEP } from "./revision_walk.ts";
import type { SelectRequest } from "./select.ts";
import type { Selection } from "./selection.ts";
import { expandHad, expandWanted } from "./tree_walk.ts";

/**
 * Selects by the bitmaps of `graph`; `undefined` where git would not do so, or
 * where they turn out to be unusable. Yields and throws as
 * {@linkcode select}.
 */
export function* selectByBitmaps(
  graph: ObjectGraph,
  request: SelectRequest,
): Generator<number, Selection | undefined, void> {
  const { wants, haves, edges = [], cut } = request;
  if (cut.size > 0 || edges.length > 0) return undefined;
  const bitmaps = graph.bitmaps?.();
  if (bitmaps === undefined) return undefined;
  const unwanted = yield* rootsOf(graph, bitmaps, haves, "unwanted");
  if (unwanted.size > 0 && !isAnyCovered(bitmaps, unwanted.keys())) {
    return undefined;
  }
  const wanted = yield* rootsOf(graph, bitmaps, wants, "wanted");
  for (const each of unwanted.keys()) wanted.delete(each);
  if (wanted.size === 0) return undefined;
  try {
    const had = yield* silently(closureOf(graph, bitmaps, {
      roots: unwanted,
      side: "unwanted",
      seen: new ObjectSet(1),
    }));
    const found = yield* closureOf(graph, bitmaps, {
      roots: wanted,
      side: "wanted",
      seen: had.all,
    });
    const count = found.all.size;
    return yield* silently(selectionOf(graph, bitmaps, found, had.all), count);
  } catch (error) {
    if (error instanceof StorageError && error.code === "corrupt-bitmap") {
      return undefined;
    }
    throw error;
  }
}

/** Tags, and commits to start from, that are read between two yields. */
const ROOTS_PER_STEP = 64;

/** The same work, that yields `count` where it would say how far it is. */
function* silently<T>(
  work: Generator<number, T, void>,
  count = 0,
): Generator<number, T, void> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield count;
  }
}

type Side = "wanted" | "unwanted";

/**
 * Some objects with their kinds, and the tags among them followed to what is
 * no tag.
 */
function* rootsOf(
  graph: ObjectGraph,
  bitmaps: ReachBitmaps,
  objects: readonly number[],
  side: Side,
): Generator<number, Map<number, Kind>, void> {
  const roots = new Map<number, Kind>();
  for (const object of objects) {
    for (let at = object; !roots.has(at); at = graph.tagTarget(at)) {
      // What is missing on the wanted side throws when its kind is asked for.
      if (side === "unwanted" && !graph.has(at)) break;
      const kind = bitmaps.kind(at) ?? graph.kind(at);
      roots.set(at, kind);
      if (roots.size % ROOTS_PER_STEP === 0) yield 0;
      if (kind !== TAG) break;
    }
  }
  return roots;
}

/** pack-bitmap.c: in_bitmapped_pack. */
function isAnyCovered(
  bitmaps: ReachBitmaps,
  objects: Iterable<number>,
): boolean {
  for (const object of objects) {
    if (bitmaps.kind(object) !== undefined) return true;
  }
  return false;
}

interface ClosureRequest {
  /** Where to start, tags followed. */
  readonly roots: ReadonlyMap<number, Kind>;
  /** Whether what is missing is passed over: on the unwanted side. */
  readonly side: Side;
  /** A complete set whose members are not looked into. */
  readonly seen: ObjectSet;
}

interface Closure {
  /** All that the roots reach; of `seen` perhaps a part. */
  readonly all: ObjectSet;
  /** Those of `all` that no bitmap told of, each once, of `seen` none. */
  readonly walked: KindLists;
}

/** pack-bitmap.c: find_objects. */
function* closureOf(
  graph: ObjectGraph,
  bitmaps: ReachBitmaps,
  { roots, side, seen }: ClosureRequest,
): Generator<number, Closure, void> {
  const reached = bitmaps.reached();
  const tips: number[] = [];
  for (const [root, kind] of roots) {
    if (kind !== COMMIT) continue;
    if (yield* reached.add(root)) yield 0;
    else tips.push(root);
  }
  const commits = yield* walkCommits(graph, reached, {
    tips,
    side,
    seen,
  });
  const all = new ObjectSet(graph.count);
  yield* reached.addTo(all);
  const walked: KindLists = {
    commits: new NumberList(commits.length),
    tags: new NumberList(),
    trees: new NumberList(),
    blobs: new NumberList(),
  };
  for (let i = 0; i < commits.length; i++) {
    // A bitmap that was met later may have told of it after all.
    const commit = commits.at(i);
    if (all.add(commit)) walked.commits.push(commit);
  }
  for (const [root, kind] of roots) {
    if (kind === COMMIT || seen.has(root) || !all.add(root)) continue;
    walked[LISTS[kind]].push(root);
  }
  yield* addContents(graph, { all, walked }, { side, seen });
  return { all, walked };
}

/**
 * The commits that some tips reach before they come to one that `reached` or
 * `seen` holds, newest first. Adds to `reached` what has a bitmap.
 */
function* walkCommits(
  graph: ObjectGraph,
  reached: ReachedSet,
  { tips, side, seen }: {
    readonly tips: readonly number[];
    readonly side: Side;
    readonly seen: ObjectSet;
  },
): Generator<number, NumberList, void> {
  const found = new NumberList();
  const met = new ObjectSet(graph.count);
  const queue = new CommitQueue();
  const meet = (commit: number): void => {
    if (reached.has(commit) || seen.has(commit) || !met.add(commit)) return;
    if (side === "unwanted" && !graph.has(commit)) return;
    queue.push(commit, graph.commitTime(commit));
  };
  for (const [i, tip] of tips.entries()) {
    meet(tip);
    if ((i + 1) % ROOTS_PER_STEP === 0) yield 0;
  }
  for (let steps = 1; queue.length > 0; steps++) {
    if (steps % COMMITS_PER_STEP === 0) yield found.length;
    const commit = queue.pop();
    if (reached.has(commit)) continue;
    if (yield* reached.add(commit)) {
      yield found.length;
      continue;
    }
    found.push(commit);
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) meet(graph.parent(commit, i));
  }
  return found;
}

/** Adds the trees of the commits that were walked, and all below them. */
function* addContents(
  graph: ObjectGraph,
  { all, walked }: Closure,
  { side, seen }: { readonly side: Side; readonly seen: ObjectSet },
): Generator<number, void, void> {
  const { commits, trees, blobs } = walked;
  if (commits.length + trees.length === 0) return;
  // What either has is not looked at.
  const known = all.clone();
  known.addAll(seen);
  for (let i = 0; i < commits.length; i++) {
    if ((i + 1) % COMMITS_PER_STEP === 0) yield all.size;
    const tree = graph.commitTree(commits.at(i));
    if (known.add(tree)) trees.push(tree);
  }
  if (side === "unwanted") {
    for (const _ of expandHad(graph, trees, known)) yield all.size;
    all.addAll(known);
    return;
  }
  for (const found of expandWanted(graph, known, { trees, blobs })) {
    yield all.size + found;
  }
  for (const list of [trees, blobs]) {
    for (let i = 0; i < list.length; i++) all.add(list.at(i));
  }
}

/** What `found` has and `had` has not, in the order of a Selection. */
function* selectionOf(
  graph: ObjectGraph,
  bitmaps: ReachBitmaps,
  { all, walked }: Closure,
  had: ObjectSet,
): Generator<number, Selection, void> {
  all.deleteAll(had);
  const covered: KindLists = {
    commits: new NumberList(1024),
    tags: new NumberList(),
    trees: new NumberList(1024),
    blobs: new NumberList(1024),
  };
  yield* bitmaps.sort(all, covered);
  const objects = new NumberList(all.size);
  for (const list of ["commits", "tags", "trees", "blobs"] as const) {
    // Commits without a bitmap are newer than those with one.
    const rest = walked[list];
    for (let i = 0; i < rest.length; i++) {
      const object = rest.at(i);
      const isCovered = bitmaps.kind(object) !== undefined;
      if (all.has(object) && !isCovered) objects.push(object);
    }
    objects.pushAll(covered[list].view());
  }
  const commits = walked.commits.length + covered.commits.length;
  // Whoever has nothing gets what is stored whole as it is.
  const roots = had.size === 0 || commits > COMMITS_PER_STEP
    ? NO_ROOTS
    : pathRoots(graph, objects.view(0, commits));
  return { objects, members: all, had, roots };
}

const NO_ROOTS: PathRoots = {
  sent: new Int32Array(0),
  before: new Int32Array(0),
};

/** The trees of some commits, and of their first parents. */
function pathRoots(graph: ObjectGraph, objects: Int32Array): PathRoots {
  const commits = objects.filter((each) => graph.kind(each) === COMMIT);
  const before = commits.map((commit) => {
    if (graph.parentCount(commit) === 0) return -1;
    const parent = graph.parent(commit, 0);
    return graph.has(parent) ? graph.commitTree(parent) : -1;
  });
  return { sent: commits.map((commit) => graph.commitTree(commit)), before };
}

const LISTS = {
  [COMMIT]: "commits",
  [TREE]: "trees",
  [BLOB]: "blobs",
  [TAG]: "tags",
} as const;
