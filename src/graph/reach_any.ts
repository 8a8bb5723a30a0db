/**
 * Whether some objects of any kind, trees and blobs among them, are reached
 * from some tips. Not for commits alone, nor for choosing objects: see
 * `reach.ts` and `select.ts`.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { COMMIT, TAG, TREE } from "../object/kind.ts";
import type { ObjectGraph, ReachedSet } from "../storage/types.ts";
import { CommitQueue } from "./commit_queue.ts";
import { reachedFrom } from "./reach.ts";
import { COMMITS_PER_STEP } from "./revision_walk.ts";
import { expandHad, expandWanted } from "./tree_walk.ts";

/** Tips, or targets, that are looked at between two yields. */
const OBJECTS_PER_STEP = 256;
/**
 * Commits whose trees are looked into at a time: the newest are what most ask
 * for. Behind so many the rest is gone through at once.
 */
const MAX_BATCH = 64;

/** What is asked. */
export interface ReachQuestion {
  /** Where to start, of any kind; tags are followed. Those below 0 are none. */
  readonly tips: Iterable<number>;
  /** What is looked for, each of which is here. */
  readonly targets: ObjectSet;
  /** Commits treated as parentless. */
  readonly cut: ObjectSet;
}

/**
 * The first of `targets` found that `tips` do not reach, or -1 where they reach
 * all. What is cheap comes first: tags, then commits, and trees and blobs only
 * as far as it takes, in the newest commits first. What is missing on the way
 * ends its line of the search.
 *
 * Yields a count of what it met, after some hundred tips, 4096 commits or 256
 * trees at most.
 */
export function* findUnreached(
  graph: ObjectGraph,
  { tips, targets, cut }: ReachQuestion,
): Generator<number, number, void> {
  const roots = yield* rootsOf(graph, tips);
  const commits = new ObjectSet(graph.count);
  const contents = new NumberList();
  let count = 0;
  for (const target of targets) {
    if (++count % OBJECTS_PER_STEP === 0) yield roots.met.size;
    if (roots.met.has(target)) continue;
    const kind = graph.kind(target);
    // A tag is reached from tags alone, and those were all followed.
    if (kind === TAG) return target;
    if (kind === COMMIT) commits.add(target);
    else contents.push(target);
  }
  if (commits.size > 0) {
    const tips = roots.commits.view();
    const reached = yield* reachedFrom(graph, tips, commits, cut);
    for (const commit of commits) if (!reached.has(commit)) return commit;
  }
  if (contents.length === 0) return -1;
  const search: TreeSearch = { cut, bitmaps: "use", rest: "at once" };
  for (let ways = search;;) {
    try {
      return yield* findInTrees(graph, roots, contents, ways);
    } catch (error) {
      ways = otherWays(ways, error);
    }
  }
}

/** How to go on where a way turned out to be closed; else throws the error. */
function otherWays(ways: TreeSearch, error: unknown): TreeSearch {
  const code = error instanceof StorageError ? error.code : "";
  if (code === "corrupt-bitmap" && ways.bitmaps === "use") {
    return { ...ways, bitmaps: "ignore" };
  }
  if (code === "missing-object" && ways.rest === "at once") {
    return { ...ways, rest: "with care" };
  }
  throw error;
}

/** What tips lead to. */
interface Roots {
  /** All of it: the tips, the tags behind them, and what those name. */
  readonly met: ObjectSet;
  readonly commits: NumberList;
  readonly trees: NumberList;
}

function* rootsOf(
  graph: ObjectGraph,
  tips: Iterable<number>,
): Generator<number, Roots, void> {
  const met = new ObjectSet(graph.count);
  const commits = new NumberList();
  const trees = new NumberList();
  let count = 0;
  for (const tip of tips) {
    if (++count % OBJECTS_PER_STEP === 0) yield met.size;
    for (let at = tip; at >= 0 && graph.has(at) && met.add(at);) {
      const kind = graph.kind(at);
      if (kind === COMMIT) commits.push(at);
      else if (kind === TREE) trees.push(at);
      at = kind === TAG ? graph.tagTarget(at) : -1;
    }
  }
  return { met, commits, trees };
}

interface TreeSearch {
  readonly cut: ObjectSet;
  /** Bitmaps may turn out to be broken. */
  readonly bitmaps: "use" | "ignore";
  /** What lies behind the newest trees: quick, if there are no gaps. */
  readonly rest: "at once" | "with care";
}

/** The part of {@linkcode findUnreached} about trees and blobs. */
function* findInTrees(
  graph: ObjectGraph,
  roots: Roots,
  contents: NumberList,
  { cut, bitmaps, rest }: TreeSearch,
): Generator<number, number, void> {
  // They know nothing of a cut.
  const covered = bitmaps === "use" && cut.size === 0
    ? graph.bitmaps?.()?.reached()
    : undefined;
  const seen = new ObjectSet(graph.count);
  let trees = new NumberList();
  for (const tree of roots.trees.view()) if (seen.add(tree)) trees.push(tree);
  const open = new NumberList(contents.length);
  open.pushAll(contents.view());
  const commits = newestFirst(graph, roots.commits, cut, covered);
  let isOver = false;
  for (let batch = 1; !isOver; batch *= 2) {
    const most = batch <= MAX_BATCH ? batch : Infinity;
    for (let taken = 0; taken < most && !isOver;) {
      const step = commits.next();
      if (step.done === true) {
        isOver = true;
      } else if (step.value < 0) {
        yield seen.size;
      } else {
        const tree = graph.commitTree(step.value);
        if (seen.add(tree)) trees.push(tree);
        if (++taken % COMMITS_PER_STEP === 0) yield seen.size;
      }
    }
    const isRest = most === Infinity && rest === "at once";
    const walk = isRest
      ? expandWanted(graph, seen, { trees, blobs: new NumberList() })
      : expandHad(graph, trees, seen);
    for (const _ of walk) {
      if (areFound(open, seen, covered)) return -1;
      yield seen.size;
    }
    if (areFound(open, seen, covered)) return -1;
    trees = new NumberList();
  }
  return open.at(open.length - 1);
}

/** Drops what was found from the end of `open`; true where that is all. */
function areFound(
  open: NumberList,
  seen: ObjectSet,
  covered: ReachedSet | undefined,
): boolean {
  while (open.length > 0) {
    const last = open.at(open.length - 1);
    if (!seen.has(last) && covered?.has(last) !== true) return false;
    open.truncate(open.length - 1);
  }
  return true;
}

/**
 * The commits that some commits reach, newest first, but for those that
 * `covered` comes to hold by their bitmaps; -1 between pieces of work.
 */
function* newestFirst(
  graph: ObjectGraph,
  from: NumberList,
  cut: ObjectSet,
  covered: ReachedSet | undefined,
): Generator<number, void, void> {
  const met = new ObjectSet(graph.count);
  const queue = new CommitQueue();
  const meet = (commit: number): void => {
    if (covered?.has(commit) === true || !met.add(commit)) return;
    if (graph.has(commit)) queue.push(commit, graph.commitTime(commit));
  };
  for (let i = 0; i < from.length; i++) {
    meet(from.at(i));
    if ((i + 1) % OBJECTS_PER_STEP === 0) yield -1;
  }
  while (queue.length > 0) {
    const commit = queue.pop();
    if (covered !== undefined) {
      if (covered.has(commit)) continue;
      if (yield* silently(covered.add(commit))) continue;
    }
    yield commit;
    if (cut.has(commit)) continue;
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) meet(graph.parent(commit, i));
  }
}

function* silently<T>(
  work: Generator<number, T, void>,
): Generator<number, T, void> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield -1;
  }
}
