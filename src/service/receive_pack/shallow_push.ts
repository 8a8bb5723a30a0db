/**
 * Pushes from shallow clones: which commands need commits whose parents the
 * client did not have, and so cannot send.
 *
 * shallow.c: prepare_shallow_info, remove_nonexistent_theirs_shallow,
 * assign_shallow_commits_to_refs, post_assign_shallow.
 *
 * @module
 */

import { ObjectSet } from "../../core/object_set.ts";
import type { Oid } from "../../core/oid.ts";
import { peel } from "../../graph/peel.ts";
import { reachedFrom } from "../../graph/reach.ts";
import { COMMIT } from "../../object/kind.ts";
import type { ObjectGraph, Snapshot } from "../../storage/types.ts";
import type { Command } from "./commands.ts";

/** Commits that are looked at between two yields. */
const COMMITS_PER_STEP = 1024;

/** What a client said of its roots, sorted by what was here before the pack. */
export interface ClientRoots {
  /** Commits that were here, with their parents. */
  readonly ours: readonly Oid[];
  /** Commits that were not. */
  readonly theirs: readonly Oid[];
}

/** Sorts the client's roots; those that are roots here too need nothing. */
export function sortRoots(
  roots: readonly Oid[],
  before: Pick<Snapshot, "objects" | "shallow">,
): ClientRoots {
  const ours: Oid[] = [];
  const theirs: Oid[] = [];
  const known = new Set(before.shallow);
  for (const oid of roots) {
    if (before.objects.find(oid) < 0) theirs.push(oid);
    else if (!known.has(oid)) ours.push(oid);
  }
  return { ours, theirs };
}

/** What {@linkcode needyCommands} looks at. */
export interface RootsQuestion {
  /** The repository with what was pushed. */
  readonly after: Pick<Snapshot, "objects" | "shallow">;
  /** What its refs name, HEAD among them. */
  readonly tips: Iterable<Oid>;
  /** The client's roots. */
  readonly roots: ClientRoots;
}

/**
 * The roots that each command would need to be added to the repository's, by
 * command; commands that need none are left out. Yields as it goes.
 */
export function* rootsByCommand(
  commands: readonly Command[],
  { after, tips, roots }: RootsQuestion,
): Generator<number, ReadonlyMap<Command, readonly Oid[]>, void> {
  const found = new Map<Command, readonly Oid[]>();
  const graph = after.objects;
  const cut = new ObjectSet(1);
  for (const oid of after.shallow) cut.add(graph.intern(oid));
  const bottoms = new ObjectSet(1);
  for (const oid of roots.theirs) {
    const number = graph.find(oid);
    if (number >= 0) bottoms.add(number);
  }
  const stops = new ObjectSet(graph.count);
  const ends: number[] = [];
  for (const oid of tips) {
    const commit = commitOf(graph, oid);
    if (commit >= 0 && !stops.has(commit)) {
      stops.add(commit);
      ends.push(commit);
    }
  }
  const ours = new ObjectSet(1);
  for (const oid of roots.ours) ours.add(graph.intern(oid));
  if (ours.size > 0) {
    const reached = yield* reachedFrom(graph, ends, ours, cut);
    for (const number of ours) if (!reached.has(number)) bottoms.add(number);
  }
  if (bottoms.size === 0) return found;
  for (const command of commands) {
    if (command.isDelete) continue;
    const start = commitOf(graph, command.new);
    if (start < 0) continue;
    const met = yield* bottomsBelow(graph, start, { bottoms, stops, cut });
    if (met.length > 0) found.set(command, met.map((each) => graph.oid(each)));
  }
  return found;
}

interface Bounds {
  readonly bottoms: ObjectSet;
  readonly stops: ObjectSet;
  readonly cut: ObjectSet;
}

/** shallow.c: paint_down. */
function* bottomsBelow(
  graph: ObjectGraph,
  start: number,
  { bottoms, stops, cut }: Bounds,
): Generator<number, number[], void> {
  const met = new ObjectSet(graph.count);
  const found: number[] = [];
  const stack = [start];
  let count = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (++count % COMMITS_PER_STEP === 0) yield count;
    if (stops.has(at) || !met.add(at)) continue;
    if (bottoms.has(at)) {
      found.push(at);
      continue;
    }
    if (cut.has(at) || !graph.has(at)) continue;
    const parents = graph.parentCount(at);
    for (let i = 0; i < parents; i++) stack.push(graph.parent(at, i));
  }
  return found;
}

function commitOf(graph: ObjectGraph, oid: Oid): number {
  const number = graph.find(oid);
  if (number < 0) return -1;
  const commit = peel(graph, number);
  return commit >= 0 && graph.kind(commit) === COMMIT ? commit : -1;
}
