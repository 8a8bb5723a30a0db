/**
 * Shallow boundaries: what a reader's history ends at after a fetch, and what
 * it has to be told and sent for that. Not concerned with its pack.
 *
 * upload-pack.c: send_shallow_list, deepen, deepen_by_rev_list, send_shallow,
 * send_unshallow; shallow.c: get_shallow_commits_by_rev_list.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import { ObjectSet } from "../core/object_set.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { RevisionWalk } from "./revision_walk.ts";
import { INFINITE_DEPTH, walkDepth } from "./shallow_depth.ts";

export { INFINITE_DEPTH } from "./shallow_depth.ts";

/** Where the reader's history ends, and how that differs from before. */
export interface Boundary {
  /** Commits to announce as `shallow`, in git's order. */
  readonly shallow: readonly number[];
  /** Commits to announce as `unshallow`, in the order the reader sent them. */
  readonly unshallow: readonly number[];
  /** The unshallowed commits' parents: wanted beside what was asked for. */
  readonly extraWants: readonly number[];
  /** The unshallowed commits, which the reader has: `SelectRequest.edges`. */
  readonly edges: readonly number[];
  /** All commits that the pack's walk must treat as parentless. */
  readonly cut: ObjectSet;
}

/** What every kind of deepening needs to know. */
export interface DeepenRequest {
  /** The objects wanted, of any kind. */
  readonly wants: readonly number[];
  /** The reader's `shallow` lines that name commits of the repository. */
  readonly clientShallow: readonly number[];
  /** The repository's own shallow commits. */
  readonly serverShallow: readonly number[];
}

/** `deepen <n>`, and `deepen-relative`. */
export interface DepthRequest extends DeepenRequest {
  /** 1 and up; {@linkcode INFINITE_DEPTH} and beyond is everything. */
  readonly depth: number;
  /** Count from the reader's own boundary instead of from the wants. */
  readonly relative: boolean;
  /** The refs' objects, hidden ones excluded; only `relative` needs them. */
  readonly tips?: Iterable<number>;
}

/** `deepen-since` and `deepen-not`, alone or together. */
export interface RevListRequest extends DeepenRequest {
  /** Leave out commits before this time, in seconds; 0 is no limit. */
  readonly since?: number;
  /** Leave out what these objects reach; refs' values, tags included. */
  readonly not: readonly number[];
}

/**
 * The boundary after a fetch that asked for no deepening from a repository
 * that is not shallow, or over protocol v0: as it was.
 */
export function keepBoundary(request: DeepenRequest): Boundary {
  const { clientShallow, serverShallow } = request;
  return {
    shallow: [],
    unshallow: [],
    extraWants: [],
    edges: [],
    cut: setOf(serverShallow, clientShallow),
  };
}

/**
 * The boundary after a protocol v2 fetch that asked for no deepening from a
 * repository that is shallow itself: its boundary becomes the reader's where
 * the wants reach it (upload-pack.c: send_shallow_info). The order is that of
 * {@linkcode deepenByDepth}.
 */
export function* inheritBoundary(
  graph: ObjectGraph,
  request: DeepenRequest,
): Generator<number, Boundary, void> {
  const cut = setOf(request.serverShallow, request.clientShallow);
  const { border } = yield* walkDepth(
    graph,
    request.wants,
    INFINITE_DEPTH,
    cut,
  );
  return finish(graph, request, border.view(), new ObjectSet());
}

/**
 * The boundary `depth` commits deep. An infinite depth unshallows whatever the
 * reader named, where the repository is not shallow itself.
 *
 * `shallow` is in the order of git's commit list, which is the reverse of its
 * visits, but a commit that git visits (and sends) twice comes once.
 *
 * Yields the number of commits seen, after at most 4096. Throws StorageError
 * where a commit within the depth is missing.
 */
export function* deepenByDepth(
  graph: ObjectGraph,
  request: DepthRequest,
): Generator<number, Boundary, void> {
  const { clientShallow, serverShallow, depth } = request;
  const infinite = depth >= INFINITE_DEPTH;
  if (infinite && serverShallow.length === 0) {
    return finish(graph, request, [], setOf(clientShallow));
  }
  const cut = setOf(serverShallow);
  let heads = request.wants;
  let reach = infinite ? INFINITE_DEPTH : depth;
  if (request.relative) {
    // upload-pack.c: deepen, with one level more for the heads themselves.
    heads = yield* reachableShallow(graph, request, cut);
    reach = Math.min(INFINITE_DEPTH, reach + 1);
  }
  const { border, inner } = yield* walkDepth(graph, heads, reach, cut);
  return finish(graph, request, border.view(), inner);
}

/**
 * The reader's shallow commits that the tips reach, as git finds them: all but
 * those that `git rev-list <shallow> --not <tips>` shows. Where times are
 * skewed rev-list may end before it meets such a commit from above; git leaves
 * that one's boundary where it is, and so do we (upload-pack.c:
 * get_reachable_list).
 */
function* reachableShallow(
  graph: ObjectGraph,
  { clientShallow, wants, tips = wants }: DepthRequest,
  cut: ObjectSet,
): Generator<number, number[], void> {
  const walk = new RevisionWalk(graph, { cut });
  walk.start([
    { objects: [...tips], side: "unwanted" },
    { objects: clientShallow, side: "wanted" },
  ]);
  const shown = new ObjectSet();
  const found = yield* walk.commits();
  for (const commit of found.view()) {
    if (!walk.had.has(commit)) shown.add(commit);
  }
  return clientShallow.filter((commit) => !shown.has(commit));
}

/**
 * The boundary of the commits that `git rev-list --max-age=<since> --not
 * <not> --not <wants>` selects. The repository's own shallow commits are
 * boundaries too, which git forgets here.
 *
 * Under skewed times git's answer depends on what its process has read before:
 * in v2 an earlier round may move a boundary (revision.c paints through parsed
 * commits at once). Ours is that of a process that has read nothing, as in v0.
 *
 * `shallow` is in the order in which rev-list shows them: newest first.
 *
 * Yields the number of commits found, after at most 4096. Throws a
 * ProtocolError "no-commits-selected" in git's words where there are none.
 */
export function* deepenByRevList(
  graph: ObjectGraph,
  request: RevListRequest,
): Generator<number, Boundary, void> {
  const { serverShallow, since = 0 } = request;
  const cut = setOf(serverShallow);
  const walk = new RevisionWalk(
    graph,
    since > 0 ? { cut, maxAge: since } : { cut },
  );
  walk.start([
    { objects: request.not, side: "unwanted" },
    { objects: request.wants, side: "wanted" },
  ]);
  const commits = (yield* walk.commits()).view();
  const inner = new ObjectSet(graph.count);
  for (const commit of commits) {
    if (!walk.had.has(commit)) inner.add(commit);
  }
  if (inner.size === 0) {
    throw new ProtocolError(
      "no-commits-selected",
      "no commits selected for shallow requests",
    );
  }
  const selected = inner.clone();
  const border: number[] = [];
  for (const commit of commits) {
    if (!selected.has(commit)) continue;
    if (!cut.has(commit) && parentsIn(graph, commit, selected)) continue;
    border.push(commit);
    inner.delete(commit);
  }
  return finish(graph, request, border, inner);
}

function parentsIn(
  graph: ObjectGraph,
  commit: number,
  selected: ObjectSet,
): boolean {
  const parents = graph.parentCount(commit);
  for (let i = 0; i < parents; i++) {
    if (!selected.has(graph.parent(commit, i))) return false;
  }
  return true;
}

/** upload-pack.c: send_shallow, then send_unshallow. */
function finish(
  graph: ObjectGraph,
  request: DeepenRequest,
  border: Iterable<number>,
  inner: ObjectSet,
): Boundary {
  const { clientShallow, serverShallow } = request;
  const client = setOf(clientShallow);
  const shallow: number[] = [];
  for (const commit of border) {
    if (!client.has(commit) && !inner.has(commit)) shallow.push(commit);
  }
  const unshallow = clientShallow.filter((commit) => inner.has(commit));
  const extraWants: number[] = [];
  for (const commit of unshallow) {
    const parents = graph.parentCount(commit);
    for (let i = 0; i < parents; i++) extraWants.push(graph.parent(commit, i));
  }
  // What is unshallowed stays cut: the reader has it, and not its parents.
  const cut = setOf(serverShallow, shallow, clientShallow);
  return { shallow, unshallow, extraWants, edges: unshallow, cut };
}

function setOf(...lists: readonly (readonly number[])[]): ObjectSet {
  const set = new ObjectSet();
  for (const list of lists) for (const number of list) set.add(number);
  return set;
}
