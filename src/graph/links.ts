/**
 * Whether what the objects of a pack name is here and of the right kind, be
 * they reached by a ref or not: what git asks of packs that it checks, beside
 * the contents of each object. Not the check that every push must pass: that
 * is `connectivity.ts`.
 *
 * builtin/index-pack.c: mark_link, check_objects; builtin/unpack-objects.c:
 * check_object.
 *
 * @module
 */

import { NumberList } from "../core/number_list.ts";
import { ObjectSet } from "../core/object_set.ts";
import { FsckRefusal } from "../object/fsck/refusal.ts";
import {
  BLOB,
  COMMIT,
  type Kind,
  kindName,
  TAG,
  TREE,
} from "../object/kind.ts";
import { parseTag } from "../object/tag.ts";
import type { ObjectGraph } from "../storage/types.ts";
import { inSteps } from "./tree_walk.ts";

/** Objects that are looked at between two yields. */
const OBJECTS_PER_STEP = 4096;

/** The objects of a pack, all of which are in the graph. */
export interface LinkedObjects {
  /** How many there are. */
  readonly count: number;
  /** Their raw ids in a row. */
  readonly ids: Uint8Array;
  /** The kind of each. */
  readonly kinds: Uint8Array;
  /** Commits treated as parentless. */
  readonly cut: ObjectSet;
  /** In whose words it is refused. */
  readonly as: "index-pack" | "unpack-objects";
}

/**
 * Throws a FsckRefusal where one of `objects` names something that is not here
 * or of another kind, and StorageError as `graph`. Yields a count of what it
 * looked at, after at most 4096 objects or 256 trees.
 */
export function* checkLinks(
  graph: ObjectGraph,
  objects: LinkedObjects,
): Generator<number, void, void> {
  const { count, ids, kinds, cut } = objects;
  const { rawLength } = graph.format;
  const trees = new NumberList(1024);
  const found = { trees: new NumberList(1024), blobs: new NumberList(1024) };
  const seen = new ObjectSet(graph.count);
  const commits = new NumberList(1024);
  const met = new ObjectSet(graph.count);
  for (let i = 0; i < count; i++) {
    if ((i + 1) % OBJECTS_PER_STEP === 0) yield i;
    const number = graph.internRaw(ids, i * rawLength);
    if (kinds[i] === TREE) {
      // The store may leave to one tree what another has too.
      trees.push(number);
    } else if (kinds[i] === TAG) {
      const { kind } = parseTag(graph.read(number).data, graph.format);
      expect(graph, graph.tagTarget(number), kind, objects);
    } else if (kinds[i] === COMMIT) {
      const tree = graph.commitTree(number);
      if (seen.add(tree)) found.trees.push(tree);
      if (cut.has(number)) continue;
      const parents = graph.parentCount(number);
      for (let p = 0; p < parents; p++) {
        const parent = graph.parent(number, p);
        if (met.add(parent)) commits.push(parent);
      }
    }
  }
  yield* expectAll(graph, found.trees, TREE, objects);
  found.trees.truncate(0);
  for (const tree of trees.view()) seen.add(tree);
  for (
    const _ of inSteps(
      trees,
      0,
      (step) => graph.expandTrees(step, seen, found),
    )
  ) yield count;
  yield* expectAll(graph, found.trees, TREE, objects);
  yield* expectAll(graph, found.blobs, BLOB, objects);
  yield* expectAll(graph, commits, COMMIT, objects);
}

function* expectAll(
  graph: ObjectGraph,
  list: NumberList,
  kind: Kind,
  objects: LinkedObjects,
): Generator<number, void, void> {
  // As they lie in packs.
  const sorted = list.view().slice().sort();
  for (let i = 0; i < sorted.length; i++) {
    expect(graph, sorted[i] as number, kind, objects);
    if ((i + 1) % OBJECTS_PER_STEP === 0) yield objects.count;
  }
}

function expect(
  graph: ObjectGraph,
  object: number,
  kind: Kind,
  { as }: LinkedObjects,
): void {
  const has = graph.has(object);
  if (has && graph.kind(object) === kind) return;
  const oid = graph.oid(object);
  const words = as === "unpack-objects"
    ? "object of unexpected type"
    : !has
    ? `did not receive expected object ${oid}`
    : `object ${oid}: expected type ${kindName(kind)}, ` +
      `found ${kindName(graph.kind(object))}`;
  throw new FsckRefusal(words, []);
}
