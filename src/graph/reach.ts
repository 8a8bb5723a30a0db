/**
 * Questions about what reaches what, for negotiation and for wants that were
 * not advertised. Not for choosing objects: see `select.ts`.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { COMMIT } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { CommitQueue } from "./commit_queue.ts";
import { NumberMap } from "./number_map.ts";
import { peel } from "./peel.ts";
import { COMMITS_PER_STEP } from "./revision_walk.ts";

const NO_CUT = new ObjectSet(1);

/** What a negotiation is about. */
export interface NegotiationRequest {
  /** What the reader wants, of any kind. */
  readonly wants: readonly number[];
  /** Commits treated as parentless; none unless told. */
  readonly cut?: ObjectSet;
}

/**
 * What a reader has said that it has, and whether that is enough to stop
 * asking. It remembers its walk from round to round: all rounds together look
 * at each commit once.
 *
 * upload-pack.c: do_got_oid, ok_to_give_up; commit-reach.c:
 * can_all_from_reach_with_flag.
 */
export class Negotiation {
  readonly #graph: ObjectGraph;
  readonly #cut: ObjectSet;
  readonly #haves: number[] = [];
  // Commits the reader has: those it named, and their parents (THEY_HAVE).
  readonly #theyHave = new ObjectSet();
  #oldestHave = 0;
  readonly #wants: readonly number[];
  // Wanted commits without a way to a have so far.
  #open: ObjectSet | undefined;
  #openCount = 0;
  // Commits met on the way down, and those of them that reach a have.
  readonly #met = new ObjectSet();
  readonly #reaching = new ObjectSet();
  // Met, but not looked into.
  readonly #queue = new CommitQueue();
  // For each commit met a linked list of the children it was met from.
  readonly #firstChild = new NumberMap();
  readonly #children = new NumberList();
  readonly #nextChild = new NumberList();
  readonly #stack = new NumberList();

  /** Starts without any have. */
  constructor(graph: ObjectGraph, request: NegotiationRequest) {
    this.#graph = graph;
    this.#wants = request.wants;
    this.#cut = request.cut ?? NO_CUT;
  }

  /** The haves that told something new, in the order of `add`. */
  get haves(): readonly number[] {
    return this.#haves;
  }

  /**
   * Notes that the reader has `object`, which must be in the repository;
   * false where that was known already, from it or from a child of it.
   */
  add(object: number): boolean {
    const graph = this.#graph;
    if (graph.kind(object) !== COMMIT) {
      this.#haves.push(object);
      return true;
    }
    const known = this.#theyHave.has(object);
    this.#mark(object);
    const time = graph.commitTime(object);
    if (this.#oldestHave === 0 || time < this.#oldestHave) {
      this.#oldestHave = time;
    }
    const parents = this.#parentCount(object);
    for (let i = 0; i < parents; i++) this.#mark(graph.parent(object, i));
    if (!known) this.#haves.push(object);
    return !known;
  }

  /**
   * Whether every wanted commit reaches one that the reader has, over commits
   * that are no older than the oldest have. Wanted trees and blobs do not
   * count; false while there are no haves.
   */
  okToGiveUp(): boolean {
    if (this.#haves.length === 0) return false;
    this.#open ??= this.#begin();
    const queue = this.#queue;
    while (this.#openCount > 0 && queue.length > 0) {
      if (queue.firstTime < this.#oldestHave) break;
      this.#expand(queue.pop());
    }
    return this.#openCount === 0;
  }

  #begin(): ObjectSet {
    const open = this.#open = new ObjectSet(this.#graph.count);
    for (const want of this.#wants) {
      const commit = peel(this.#graph, want);
      if (commit < 0 || this.#graph.kind(commit) !== COMMIT) continue;
      if (!open.add(commit)) continue;
      this.#openCount++;
      this.#met.add(commit);
    }
    for (const commit of open.clone()) {
      if (this.#theyHave.has(commit)) this.#reach(commit);
    }
    // The wants themselves are looked into however old they are.
    for (const commit of open.clone()) this.#expand(commit);
    return open;
  }

  #expand(commit: number): void {
    if (this.#reaching.has(commit)) return;
    const graph = this.#graph;
    const parents = this.#parentCount(commit);
    let reaches = false;
    for (let i = 0; i < parents; i++) {
      const parent = graph.parent(commit, i);
      this.#link(parent, commit);
      if (this.#theyHave.has(parent) || this.#reaching.has(parent)) {
        reaches = true;
      }
      if (this.#met.add(parent) && graph.has(parent)) {
        this.#queue.push(parent, graph.commitTime(parent));
      }
    }
    if (reaches) this.#reach(commit);
  }

  #link(parent: number, child: number): void {
    this.#children.push(child);
    this.#nextChild.push(this.#firstChild.get(parent));
    this.#firstChild.set(parent, this.#children.length - 1);
  }

  #mark(commit: number): void {
    if (this.#theyHave.add(commit) && this.#met.has(commit)) {
      this.#reach(commit);
    }
  }

  /** `commit` reaches a have, and so do all that were seen to reach it. */
  #reach(commit: number): void {
    const stack = this.#stack;
    stack.push(commit);
    while (stack.length > 0) {
      const at = stack.at(stack.length - 1);
      stack.truncate(stack.length - 1);
      if (!this.#reaching.add(at)) continue;
      if (this.#open?.delete(at)) this.#openCount--;
      for (
        let link = this.#firstChild.get(at);
        link >= 0;
        link = this.#nextChild.at(link)
      ) {
        const child = this.#children.at(link);
        if (!this.#reaching.has(child)) stack.push(child);
      }
    }
  }

  #parentCount(commit: number): number {
    return this.#cut.has(commit) ? 0 : this.#graph.parentCount(commit);
  }
}

/**
 * One question of {@linkcode Negotiation.okToGiveUp} without a memory: whether
 * every want reaches a have. Haves must be in the repository.
 */
export function okToGiveUp(
  graph: ObjectGraph,
  wants: readonly number[],
  haves: readonly number[],
  options: { readonly cut?: ObjectSet } = {},
): boolean {
  const negotiation = new Negotiation(graph, { wants, ...options });
  for (const have of haves) negotiation.add(have);
  return negotiation.okToGiveUp();
}

/**
 * The commits of `targets` that `tips` (tags peeled) reach, themselves
 * included. Walks newest first and stops when all were found, or below the
 * least generation of any; commits that are missing end their line of history.
 * Yields how many commits it met, after at most 4096 that it looked into.
 */
export function* reachedFrom(
  graph: ObjectGraph,
  tips: Iterable<number>,
  targets: ObjectSet,
  cut: ObjectSet = NO_CUT,
): Generator<number, ObjectSet, void> {
  const reached = new ObjectSet();
  const met = new ObjectSet(graph.count);
  const queue = new CommitQueue();
  const least = leastGeneration(graph, targets);
  const meet = (commit: number): void => {
    if (!met.add(commit)) return;
    if (targets.has(commit)) reached.add(commit);
    if (!graph.has(commit)) return;
    // commit-reach.c: can_all_from_reach_with_flag.
    if (graph.generation !== undefined && graph.generation(commit) < least) {
      return;
    }
    queue.push(commit, graph.commitTime(commit));
  };
  for (const tip of tips) {
    const commit = peel(graph, tip);
    if (commit >= 0 && graph.kind(commit) === COMMIT) meet(commit);
  }
  for (let steps = 1; queue.length > 0; steps++) {
    if (reached.size === targets.size) break;
    if (steps % COMMITS_PER_STEP === 0) yield met.size;
    const commit = queue.pop();
    if (cut.has(commit)) continue;
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) meet(graph.parent(commit, i));
  }
  return reached;
}

/**
 * Whether `commit` is `ancestor` or reaches it, both commits that are here:
 * a change from `ancestor` to `commit` is then a fast-forward. Yields as
 * {@linkcode reachedFrom}.
 *
 * commit-reach.c: in_merge_bases.
 */
export function* isAncestor(
  graph: ObjectGraph,
  ancestor: number,
  commit: number,
  cut: ObjectSet = NO_CUT,
): Generator<number, boolean, void> {
  const targets = new ObjectSet(1);
  targets.add(ancestor);
  const reached = yield* reachedFrom(graph, [commit], targets, cut);
  return reached.size > 0;
}

/** Commits below it reach none of `targets`; 0 where that is not known. */
function leastGeneration(graph: ObjectGraph, targets: ObjectSet): number {
  if (graph.generation === undefined) return 0;
  let least = Infinity;
  for (const target of targets) {
    least = Math.min(least, graph.generation(target));
  }
  return least;
}
