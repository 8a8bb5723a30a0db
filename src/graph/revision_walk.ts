/**
 * git's revision walk over commits: what some tips reach and others do not.
 * It paints as git does, slop and all, so that it selects what git selects
 * where committer times are skewed. Not concerned with trees and blobs beyond
 * sorting the tips.
 *
 * revision.c: handle_commit, process_parents, mark_parents_uninteresting,
 * limit_list, still_interesting, get_revision_1.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { BLOB, COMMIT, TAG, TREE } from "../object/kind.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { CommitQueue } from "./commit_queue.ts";

// revision.c: SLOP, how many more uninteresting commits git looks at.
const SLOP = 5;
/** Commits that are looked at between two yields of a walk. */
export const COMMITS_PER_STEP = 4096;

/** What a walk may not pass, and where it starts to look away. */
export interface WalkOptions {
  /** Commits that are treated as parentless. */
  readonly cut: ObjectSet;
  /** Commits of an earlier time are left out (`--max-age`), in seconds. */
  readonly maxAge?: number;
}

/** One walk; its parts are used once, in the order of the methods. */
export class RevisionWalk {
  /** Everything that was found to be on the unwanted side, of any kind. */
  readonly had: ObjectSet;
  /** Tags on the wanted side, as they were met; with repetitions. */
  readonly tags: NumberList = new NumberList();
  /** Trees that were wanted by name. */
  readonly trees: NumberList = new NumberList();
  /** Blobs that were wanted by name. */
  readonly blobs: NumberList = new NumberList();
  /** Both, in the order in which they were met. */
  readonly named: NumberList = new NumberList();
  /** Commits that the walk starts at, of either side. */
  readonly tips: NumberList = new NumberList();
  /** Trees whose contents are on the unwanted side. */
  readonly hadTrees: NumberList = new NumberList();

  readonly #graph: ObjectGraph;
  readonly #cut: ObjectSet;
  readonly #maxAge: number;
  readonly #queue = new CommitQueue();
  // What git has parsed: painting stops at commits it has not seen yet.
  readonly #parsed: ObjectSet;
  readonly #seen: ObjectSet;
  readonly #done: ObjectSet;
  readonly #stack = new NumberList();
  #limited = false;
  // Wanted commits in the queue (git: everybody_uninteresting).
  #interesting = 0;

  /** A walk over `graph` without any tips yet. */
  constructor(graph: ObjectGraph, options: WalkOptions) {
    this.#graph = graph;
    this.#cut = options.cut;
    this.#maxAge = options.maxAge ?? -1;
    const { count } = graph;
    this.had = new ObjectSet(count);
    this.#parsed = new ObjectSet(count);
    this.#seen = new ObjectSet(count);
    this.#done = new ObjectSet(count);
  }

  /** Whether any commit is on the unwanted side. */
  get limited(): boolean {
    return this.#limited;
  }

  /** Parents of `commit` that the walk sees: none where it is cut. */
  parentCount(commit: number): number {
    return this.#cut.has(commit) ? 0 : this.#graph.parentCount(commit);
  }

  /** Whether the walk has read `commit`: missing ones stay unread. */
  isParsed(commit: number): boolean {
    return this.#parsed.has(commit);
  }

  /**
   * Starts the walk at groups of objects of any kind, in the order in which
   * git is given them. Tags are followed; a wanted object that is missing
   * throws, an unwanted one is passed over.
   */
  start(
    groups: readonly {
      readonly objects: readonly number[];
      readonly side: "wanted" | "unwanted";
    }[],
  ): void {
    const graph = this.#graph;
    // revision.c: get_reference reads all before handle_commit sees the first.
    for (const { objects, side } of groups) {
      for (const object of objects) {
        if (side === "unwanted") this.had.add(object);
        if (graph.has(object) && graph.kind(object) === COMMIT) {
          this.#parsed.add(object);
        }
      }
    }
    const wantedTags = new ObjectSet();
    const unwantedTags = new ObjectSet();
    for (const { objects } of groups) {
      for (const object of objects) {
        const unwanted = this.had.has(object);
        this.#handle(object, unwanted, unwanted ? unwantedTags : wantedTags);
      }
    }
  }

  /**
   * The commits on the wanted side, newest first; where the walk is limited,
   * some may have been painted since and are in `had`. Yields how many were
   * found so far, every {@linkcode COMMITS_PER_STEP} commits.
   */
  *commits(): Generator<number, NumberList, void> {
    const tips = this.tips;
    for (let i = 0; i < tips.length; i++) this.#enqueue(tips.at(i));
    return this.#limited ? yield* this.#limit() : yield* this.#all();
  }

  #handle(object: number, unwanted: boolean, tagsSeen: ObjectSet): void {
    const graph = this.#graph;
    let at = object;
    for (;;) {
      if (unwanted && !graph.has(at)) return;
      if (graph.kind(at) !== TAG) break;
      // A chain that was followed before on this side tells nothing new.
      if (!tagsSeen.add(at)) return;
      if (!unwanted) this.tags.push(at);
      at = graph.tagTarget(at);
      if (unwanted) this.had.add(at);
    }
    switch (graph.kind(at)) {
      case COMMIT:
        this.#parsed.add(at);
        if (unwanted) {
          this.#paintParents(at);
          this.#limited = true;
        }
        if (this.#seen.add(at)) this.tips.push(at);
        return;
      case TREE:
        if (unwanted) {
          this.hadTrees.push(at);
          return;
        }
        this.trees.push(at);
        this.named.push(at);
        return;
      case BLOB:
        if (unwanted) return;
        this.blobs.push(at);
        this.named.push(at);
    }
  }

  *#all(): Generator<number, NumberList, void> {
    const graph = this.#graph;
    const found = new NumberList(1024);
    for (let steps = 1; this.#queue.length > 0; steps++) {
      if (steps % COMMITS_PER_STEP === 0) yield found.length;
      const time = this.#queue.firstTime;
      const commit = this.#queue.pop();
      if (time < this.#maxAge) continue;
      found.push(commit);
      const parents = this.parentCount(commit);
      for (let i = 0; i < parents; i++) {
        const parent = graph.parent(commit, i);
        if (this.#seen.add(parent)) {
          this.#queue.push(parent, graph.commitTime(parent));
        }
      }
    }
    return found;
  }

  *#limit(): Generator<number, NumberList, void> {
    const found = new NumberList(1024);
    let date = Infinity;
    let slop = SLOP;
    for (let steps = 1; this.#queue.length > 0; steps++) {
      if (steps % COMMITS_PER_STEP === 0) yield found.length;
      const time = this.#queue.firstTime;
      const commit = this.#queue.pop();
      this.#done.add(commit);
      if (!this.had.has(commit)) this.#interesting--;
      if (time < this.#maxAge) this.had.add(commit);
      if (this.had.has(commit)) {
        this.#passPaint(commit);
        if (this.#queue.length === 0) break;
        slop = date <= this.#queue.firstTime || this.#interesting > 0
          ? SLOP
          : slop - 1;
        if (slop === 0) break;
      } else {
        this.#passOn(commit);
        date = time;
        found.push(commit);
      }
    }
    return found;
  }

  #passOn(commit: number): void {
    const parents = this.parentCount(commit);
    for (let i = 0; i < parents; i++) {
      const parent = this.#graph.parent(commit, i);
      this.#parsed.add(parent);
      if (this.#seen.add(parent)) this.#enqueue(parent);
    }
  }

  #passPaint(commit: number): void {
    const parents = this.parentCount(commit);
    for (let i = 0; i < parents; i++) {
      const parent = this.#graph.parent(commit, i);
      this.#paint(parent);
      if (!this.#parsed.has(parent)) {
        if (!this.#graph.has(parent)) continue;
        this.#parsed.add(parent);
      }
      this.#paintParents(parent);
      if (this.#seen.add(parent)) this.#enqueue(parent);
    }
    this.#paintParents(commit);
  }

  #enqueue(commit: number): void {
    this.#queue.push(commit, this.#graph.commitTime(commit));
    if (!this.had.has(commit)) this.#interesting++;
  }

  #paint(commit: number): boolean {
    if (!this.had.add(commit)) return false;
    // Tips are seen before they are queued, but none is wanted by then.
    if (
      this.#queue.length > 0 && this.#seen.has(commit) &&
      !this.#done.has(commit)
    ) this.#interesting--;
    return true;
  }

  #paintParents(commit: number): void {
    const stack = this.#stack;
    stack.push(commit);
    while (stack.length > 0) {
      const at = stack.at(stack.length - 1);
      stack.truncate(stack.length - 1);
      const parents = this.parentCount(at);
      for (let i = 0; i < parents; i++) {
        const parent = this.#graph.parent(at, i);
        if (this.#paint(parent) && this.#parsed.has(parent)) stack.push(parent);
      }
    }
  }
}
