/**
 * Whether what a push brings is whole: everything that new tips reach, and that
 * the refs do not reach already, must be here. Not for choosing what is sent:
 * see `select.ts`.
 *
 * connected.c: check_connected, which is `rev-list --objects <tips> --not
 * --all`; receive-pack.c: set_connectivity_errors.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import type { Oid } from "../core/oid.ts";
import { BLOB, COMMIT } from "../object/kind.ts";
import { parseTag } from "../object/tag.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { CommitQueue } from "./commit_queue.ts";
import { peel } from "./peel.ts";
import { COMMITS_PER_STEP, RevisionWalk } from "./revision_walk.ts";
import { collectEdges } from "./select.ts";
import { expandHad, expandWanted, inSteps } from "./tree_walk.ts";

/** Ids or objects that are looked at between two yields. */
const OBJECTS_PER_STEP = 16_384;
/** Up to so many known tips are all looked at: that costs next to nothing. */
const FEW_TIPS = 64;
/** So many parents may they have. */
const MOST_PARENTS = 4096;
/** So many new commits may be a few on top of known ones. */
const FEW_ON_TOP = 64;
/** Beyond so many new commits, it is no longer the likely tips that matter. */
const FEW_COMMITS = 256;
/**
 * Walks that may fail while it is found out which tips are bad. With one bad
 * tip among 100,000 there are 17.
 */
const MAX_FAILURES = 256;
/** Nor may they take more steps than the first one so many times, and some. */
const STEPS_FACTOR = 16;
const FREE_STEPS = 16_384;

/** Tips whose objects need no look: the refs', and those of alternates. */
export interface KnownTips {
  /**
   * Those of them on which new ones are likely to build: the old values of
   * the refs that change, and HEAD.
   */
  readonly likely: readonly Oid[];
  /** How many there are in all. */
  readonly count: number;
  /** All of them; asked for where the likely ones do not suffice. */
  all(): Iterable<Oid>;
}

/** What is to be looked into. */
export interface ConnectivityQuestion {
  /** The new tips, objects of any kind; they may be missing. */
  readonly tips: Iterable<Oid>;
  /** What is complete, as far as that matters. */
  readonly known: KnownTips;
  /** Commits treated as parentless: the repository's and the push's own. */
  readonly shallow: Iterable<Oid>;
}

/**
 * The tips from which something is missing, unreadable or of another kind than
 * its place asks for. What a known tip reaches may be missing, as for git.
 *
 * One walk where all is well. Else groups of tips are halved until the bad ones
 * are found; those that are left when that has cost a lot count as bad, so that
 * nobody can ask for a walk for each of 100,000.
 *
 * Yields a count of what it found so far, after at most 4096 commits or 256
 * trees. Throws StorageError where the disk is at fault.
 */
export function* findIncomplete(
  graph: ObjectGraph,
  { tips, known, shallow }: ConnectivityQuestion,
): Generator<number, ReadonlySet<Oid>, void> {
  const cut = new ObjectSet(1);
  for (const oid of shallow) cut.add(graph.intern(oid));
  const incomplete = new Set<Oid>();
  const wants = yield* numbersOf(graph, tips);
  if (wants.length === 0) return incomplete;
  const isMany = known.count > FEW_TIPS;
  const near = new Set(isMany ? known.likely : known.all());
  if (yield* isOnTop(graph, wants, near, cut)) return incomplete;
  const effort = "little";
  if (isMany && known.likely.length > 0) {
    const haves = yield* numbersOf(graph, known.likely);
    if (yield* isComplete(graph, { wants, haves, cut, effort })) {
      return incomplete;
    }
  }
  if (isMany) {
    const haves = nearest(graph, wants, new Set(known.all()), cut);
    const ground: Ground = { wants, haves, cut, effort };
    if (haves.length > 0 && (yield* isComplete(graph, ground))) {
      return incomplete;
    }
  }
  const haves = yield* numbersOf(graph, known.all());
  // As they lie in packs.
  haves.sort((a, b) => a - b);
  const groups = [wants];
  // Tips that were found to be complete: others may build on them.
  const good: number[] = [];
  const tally = { steps: 0 };
  let mostSteps = Infinity;
  let failures = 0;
  const ask = (
    wants: readonly number[],
    haves: readonly number[],
  ): Generator<number, boolean, void> =>
    counted(isComplete(graph, { wants, haves, cut, effort: "all" }), tally);
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const mayWalk = failures < MAX_FAILURES && tally.steps < mostSteps;
    let isWhole = mayWalk && (yield* ask(group, [...haves, ...good]));
    if (mayWalk && !isWhole && group.length === 1 && good.length > 0) {
      // With fewer tips, the walk may look at more of what these reach.
      isWhole = yield* ask(group, haves);
    }
    if (isWhole) {
      for (const want of group) good.push(want);
      continue;
    }
    if (failures++ === 0) mostSteps = FREE_STEPS + tally.steps * STEPS_FACTOR;
    if (group.length === 1 || !mayWalk) {
      for (const want of group) incomplete.add(graph.oid(want));
    } else {
      const middle = group.length >>> 1;
      groups.push(group.slice(middle), group.slice(0, middle));
    }
  }
  return incomplete;
}

/**
 * What complete tips reach that known ones do not, as far as `isAsked` says so
 * of it: at most `limit` ids. What stands elsewhere below known tips may be
 * among them. Yields and throws as {@linkcode findIncomplete}, and throws
 * StorageError where something is missing.
 */
export function* findReached(
  graph: ObjectGraph,
  { tips, known, shallow }: ConnectivityQuestion,
  isAsked: (oid: Oid) => boolean,
  limit: number,
): Generator<number, readonly Oid[], void> {
  const cut = new ObjectSet(1);
  for (const oid of shallow) cut.add(graph.intern(oid));
  const wants = yield* numbersOf(graph, tips);
  const haves = yield* numbersOf(graph, known.all());
  const found = new Set<Oid>();
  const meet = (object: number): void => {
    if (found.size >= limit) return;
    const oid = graph.oid(object);
    if (isAsked(oid)) found.add(oid);
  };
  yield* verify(graph, { wants, haves, cut, effort: "all", meet });
  return [...found];
}

/** Counts how often `work` yields. */
function* counted<T>(
  work: Generator<number, T, void>,
  tally: { steps: number },
): Generator<number, T, void> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    tally.steps++;
    yield step.value;
  }
}

/** The numbers of some ids, each once. */
function* numbersOf(
  graph: ObjectGraph,
  oids: Iterable<Oid>,
): Generator<number, number[], void> {
  const met = new ObjectSet(graph.count);
  const numbers: number[] = [];
  let count = 0;
  for (const oid of oids) {
    if (++count % OBJECTS_PER_STEP === 0) yield 0;
    const number = graph.intern(oid);
    if (met.add(number)) numbers.push(number);
  }
  return numbers;
}

/**
 * Those of `known` that the history of `wants` comes to first, in the newest
 * few thousand commits. Reads no object of those that are known.
 */
function nearest(
  graph: ObjectGraph,
  wants: readonly number[],
  known: ReadonlySet<Oid>,
  cut: ObjectSet,
): readonly number[] {
  const near: number[] = [];
  const met = new ObjectSet(graph.count);
  const queue = new CommitQueue();
  const meet = (commit: number): void => {
    if (!met.add(commit)) return;
    if (known.has(graph.oid(commit))) near.push(commit);
    else if (isCommit(graph, commit)) {
      queue.push(commit, graph.commitTime(commit));
    }
  };
  try {
    for (const want of wants) {
      const commit = peel(graph, want);
      if (commit >= 0) meet(commit);
    }
    for (let steps = 0; queue.length > 0 && steps < COMMITS_PER_STEP; steps++) {
      const commit = queue.pop();
      if (cut.has(commit)) continue;
      const parents = graph.parentCount(commit);
      for (let i = 0; i < parents; i++) meet(graph.parent(commit, i));
    }
  } catch (error) {
    // It is found again, where it matters.
    if (!isLack(error)) throw error;
  }
  return near;
}

function isCommit(graph: ObjectGraph, object: number): boolean {
  return graph.has(object) && graph.kind(object) === COMMIT;
}

/**
 * Whether `wants` are a few commits right on top of known ones, and whole:
 * what most pushes are. It needs none of the history below, of which a walk
 * that is to find the boundary by dates reads some; "no" says nothing.
 */
function* isOnTop(
  graph: ObjectGraph,
  wants: readonly number[],
  known: ReadonlySet<Oid>,
  cut: ObjectSet,
): Generator<number, boolean, void> {
  const met = new ObjectSet(graph.count);
  const roots = new NumberList();
  const before = new NumberList();
  const queue = [...wants];
  if (queue.length > FEW_ON_TOP) return false;
  try {
    for (const commit of queue) {
      if (!met.add(commit)) continue;
      // Anything else would be read whole, however large it is.
      if (!isCommit(graph, commit)) return false;
      if (known.has(graph.oid(commit))) {
        before.push(graph.commitTree(commit));
        continue;
      }
      if (roots.length === FEW_ON_TOP || queue.length > MOST_PARENTS) {
        return false;
      }
      const parents = cut.has(commit) ? 0 : graph.parentCount(commit);
      for (let i = 0; i < parents; i++) queue.push(graph.parent(commit, i));
      roots.push(graph.commitTree(commit));
    }
    if (before.length === 0) return false;
    yield* checkBeside(graph, roots, before, undefined);
    return true;
  } catch (error) {
    // It is found again, where it matters.
    if (isLack(error)) return false;
    throw error;
  }
}

interface Ground {
  readonly wants: readonly number[];
  readonly haves: readonly number[];
  readonly cut: ObjectSet;
  /** "little" gives up, with `false`, where there is much to walk. */
  readonly effort: "little" | "all";
  /** Hears of what is looked at because nobody is known to have it. */
  readonly meet?: (object: number) => void;
}

function* isComplete(
  graph: ObjectGraph,
  ground: Ground,
): Generator<number, boolean, void> {
  try {
    return yield* verify(graph, ground);
  } catch (error) {
    if (isLack(error)) return false;
    throw error;
  }
}

function isLack(error: unknown): boolean {
  return error instanceof StorageError &&
    (error.code === "missing-object" || error.code === "corrupt-object" ||
      error.code === "object-too-large" || error.code.startsWith("not-a-"));
}

/** Throws StorageError where something is missing. */
function* verify(
  graph: ObjectGraph,
  { wants, haves, cut, effort, meet }: Ground,
): Generator<number, boolean, void> {
  const walk = new RevisionWalk(graph, { cut });
  walk.start([
    { objects: wants, side: "wanted" },
    { objects: haves, side: "unwanted" },
  ]);
  const search = walk.commits();
  let step = search.next();
  for (; step.done !== true; step = search.next()) {
    if (effort === "little") return false;
    yield step.value;
  }
  const commits = step.value;
  if (effort === "little" && commits.length > FEW_COMMITS) return false;
  checkTags(graph, walk.tags);
  const { had } = walk;
  if (meet !== undefined) { for (const tag of walk.tags.view()) meet(tag); }
  const roots = new NumberList(commits.length + 1);
  for (let i = 0; i < commits.length; i++) {
    const commit = commits.at(i);
    if (!had.has(commit)) {
      meet?.(commit);
      roots.push(graph.commitTree(commit));
    }
    if ((i + 1) % OBJECTS_PER_STEP === 0) yield commits.length;
  }
  for (const tree of walk.trees.view()) if (!had.has(tree)) roots.push(tree);
  const named = new NumberList();
  for (const blob of walk.blobs.view()) if (!had.has(blob)) named.push(blob);
  yield* checkBlobs(graph, named, meet);
  if (roots.length === 0) return true;
  const before = walk.hadTrees;
  if (walk.limited) yield* collectEdges(graph, walk, commits, before);
  try {
    yield* roots.length > FEW_COMMITS || before.length === 0
      ? checkAll(graph, roots, new ObjectSet(graph.count), meet)
      : checkBeside(graph, roots, before, meet);
  } catch (error) {
    const isMissing = error instanceof StorageError &&
      error.code === "missing-object";
    if (!isMissing || before.length === 0) throw error;
    // Unless it has moved there from where it is known to be missing.
    for (const _ of expandHad(graph, before, had)) yield commits.length;
    yield* checkAll(graph, roots, had, meet);
  }
  return true;
}

/** As git, which knows an object by the kind that its tag gives it. */
function checkTags(graph: ObjectGraph, tags: NumberList): void {
  for (const tag of tags.view()) {
    const { kind } = parseTag(graph.read(tag).data, graph.format);
    const target = graph.tagTarget(tag);
    if (graph.kind(target) !== kind) throw wrongKind(graph, target);
  }
}

/** Checks everything below `roots` that is not in `had`, which grows. */
function* checkAll(
  graph: ObjectGraph,
  roots: NumberList,
  had: ObjectSet,
  meet: Ground["meet"],
): Generator<number, void, void> {
  const trees = new NumberList(roots.length);
  for (const root of roots.view()) if (had.add(root)) trees.push(root);
  const blobs = new NumberList(1024);
  yield* expandWanted(graph, had, { trees, blobs });
  if (meet !== undefined) { for (const tree of trees.view()) meet(tree); }
  yield* checkBlobs(graph, blobs, meet);
}

/**
 * Checks everything below `roots` but for what stands below `before`, going
 * down both at once: what both have, on the way, is not looked into. What has
 * moved to another level is, which costs time and nothing else.
 */
function* checkBeside(
  graph: ObjectGraph,
  roots: NumberList,
  before: NumberList,
  meet: Ground["meet"],
): Generator<number, void, void> {
  // Two sets, since an entry whose tree is in the set may be left to that.
  const seen = new ObjectSet(graph.count);
  const had = new ObjectSet(graph.count);
  const hadTrees = new ObjectSet(graph.count);
  const olds = new NumberList();
  for (const tree of before.view()) {
    if (!hadTrees.add(tree)) continue;
    had.add(tree);
    olds.push(tree);
  }
  const news = new NumberList();
  for (const tree of roots.view()) {
    if (!hadTrees.has(tree) && seen.add(tree)) news.push(tree);
  }
  for (let count = 0; news.length > 0;) {
    if (meet !== undefined) { for (const tree of news.view()) meet(tree); }
    const fresh = { trees: new NumberList(), blobs: new NumberList() };
    for (
      const _ of inSteps(
        news,
        0,
        (trees) => graph.expandTrees(trees, seen, fresh),
      )
    ) yield count;
    const old = { trees: new NumberList(), blobs: new NumberList() };
    for (
      const _ of inSteps(olds, 0, (trees) => {
        const here = trees.filter((tree) => graph.has(tree));
        return graph.expandTrees(here, had, old);
      })
    ) yield count;
    for (const tree of old.trees.view()) hadTrees.add(tree);
    const blobs = new NumberList(fresh.blobs.length);
    for (const blob of fresh.blobs.view()) {
      if (!had.has(blob) || hadTrees.has(blob)) blobs.push(blob);
    }
    yield* checkBlobs(graph, blobs, meet);
    news.truncate(0);
    for (const tree of fresh.trees.view()) {
      if (!hadTrees.has(tree)) news.push(tree);
    }
    olds.truncate(0);
    for (const tree of old.trees.view()) if (!seen.has(tree)) olds.push(tree);
    count += fresh.trees.length + fresh.blobs.length;
  }
}

/** Throws unless all of `blobs` are here, and are blobs. */
function* checkBlobs(
  graph: ObjectGraph,
  blobs: NumberList,
  meet: Ground["meet"],
): Generator<number, void, void> {
  // As they lie in packs.
  const sorted = blobs.view().slice().sort();
  for (let i = 0; i < sorted.length; i++) {
    const blob = sorted[i] as number;
    if (graph.kind(blob) !== BLOB) throw wrongKind(graph, blob);
    meet?.(blob);
    if ((i + 1) % OBJECTS_PER_STEP === 0) yield sorted.length;
  }
}

function wrongKind(graph: ObjectGraph, object: number): StorageError {
  return new StorageError("not-a-kind", graph.oid(object));
}
