/**
 * git's walk over trees under a filter: root by root and entry by entry, in the
 * order of git, since what some filters let through depends on it.
 *
 * list-objects.c: traverse_non_commits, process_tree, process_blob.
 *
 * @module
 */

import { RefusedError, StorageError } from "../../core/errors.ts";
import type { NumberList } from "../../core/number_list.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { ObjectFilter } from "../../object/filter.ts";
import { TREE } from "../../object/kind.ts";
import {
  MODE_FILE,
  MODE_SYMLINK,
  MODE_TREE,
  MODE_TYPE,
} from "../../object/tree.ts";
import type { ObjectGraph } from "../../storage/types.ts";
import { PathBuffer } from "./path_buffer.ts";
import { COMMIT_ROOT, NAMED_ROOT, Places } from "./places.ts";
import { makeRule, type Rule, SEEN, SHOW, SKIP } from "./rules.ts";
import type { SparsePatterns } from "./sparse_patterns.ts";
import { ENTRY_FIELDS, treeChanges } from "./tree_changes.ts";

/** A filter with what it needs from the repository. */
export interface ReadyFilter {
  /** The filter. */
  readonly filter: ObjectFilter;
  /** The patterns of its `sparse:oid` parts, by their names. */
  readonly patterns: ReadonlyMap<string, SparsePatterns>;
}

/** Where a walk goes. */
export interface TreeWalkRequest extends ReadyFilter {
  /** Trees and blobs that were asked for by name, in that order. */
  readonly named: NumberList;
  /** Root trees of commits, in the order of the commits. */
  readonly roots: NumberList;
  /** What the reader has, with all below it. It grows. */
  readonly seen: ObjectSet;
}

/** What a walk lets through, each object once. */
export interface Shown {
  /** Trees. */
  readonly trees: NumberList;
  /** Blobs. */
  readonly blobs: NumberList;
}

/** Bytes of trees that may be open at a time, one inside of the other. */
const MAX_OPEN_BYTES = 256 * 1024 * 1024;
/** How much is done between two yields, an entry being 1. */
const WORK_PER_STEP = 8192;
/** What opening a tree is, and what so many bytes of it add. */
const TREE_WORK = 32;
const BYTES_PER_WORK = 64;

const NOTHING = new Uint8Array(0);

/** One walk. */
export class FilteredWalk {
  readonly #graph: ObjectGraph;
  readonly #request: TreeWalkRequest;
  readonly #rule: Rule;
  readonly #path = new PathBuffer();
  readonly #places: Places;
  /** Whether paths matter; else what is equally deep is treated alike. */
  readonly #byPath: boolean;
  readonly #pathWork: number;
  /** What was asked for by name, until something else leads there. */
  readonly #named = new Set<number>();
  readonly #members = new ObjectSet(1);
  readonly #frames: Frame[] = [];
  readonly #shown: Shown;
  #openBytes = 0;
  #work = 0;

  /** Appends what goes to `shown`. */
  constructor(graph: ObjectGraph, request: TreeWalkRequest, shown: Shown) {
    const { filter, patterns } = request;
    this.#graph = graph;
    this.#request = request;
    this.#shown = shown;
    this.#byPath = patterns.size > 0;
    this.#pathWork = [...patterns.values()]
      .reduce((sum, { count }) => sum + count, 0);
    this.#places = new Places(this.#byPath ? "refuse" : "forget");
    this.#rule = makeRule(filter, { graph, path: this.#path, patterns });
  }

  /** Walks. Yields how many trees and blobs go so far. */
  *run(): Generator<number, void, void> {
    const { named, roots, seen } = this.#request;
    for (let i = 0; i < named.length; i++) this.#named.add(named.at(i));
    for (let i = 0; i < roots.length; i++) this.#named.delete(roots.at(i));
    for (let i = 0; i < named.length; i++) {
      const object = named.at(i);
      if (seen.has(object)) continue;
      this.#path.clear();
      const isTree = this.#graph.kind(object) === TREE;
      if (!this.#named.has(object)) {
        if (isTree) this.#enter(object, COMMIT_ROOT, 0);
        else this.#blob(object);
      } else {
        this.#note(object, SEEN | SHOW, isTree ? "trees" : "blobs");
        if (isTree) this.#open(object, NAMED_ROOT, 0, "given");
      }
      yield* this.#finish();
    }
    for (let i = 0; i < roots.length; i++) {
      if (seen.has(roots.at(i))) continue;
      this.#path.clear();
      this.#enter(roots.at(i), COMMIT_ROOT, 0);
      yield* this.#finish();
    }
  }

  /** Goes through the open trees and what is below them. */
  *#finish(): Generator<number, void, void> {
    for (;;) {
      if (this.#work > WORK_PER_STEP) {
        this.#work = 0;
        yield this.#members.size;
      }
      const frame = this.#frames.at(-1);
      if (frame === undefined) return;
      if (frame.next < frame.entries.length) this.#entry(frame);
      else this.#close(frame);
    }
  }

  #entry(frame: Frame): void {
    const { data, entries, next } = frame;
    frame.next += ENTRY_FIELDS;
    this.#work++;
    const type = entries.at(next) & MODE_TYPE;
    const isTree = type === MODE_TREE;
    if (!isTree && type !== MODE_FILE && type !== MODE_SYMLINK) return;
    const nameAt = entries.at(next + 1);
    const oidAt = entries.at(next + 2);
    const object = this.#graph.internRaw(data, oidAt);
    this.#named.delete(object);
    if (this.#request.seen.has(object)) return;
    if (this.#byPath) {
      this.#path.put(frame.pathLength, data, nameAt, oidAt - 1);
      this.#work += this.#pathWork;
    }
    if (!isTree) return this.#blob(object);
    const place = this.#places.below(frame.place, data, nameAt, oidAt - 1);
    this.#enter(object, place, frame.depth);
  }

  #blob(blob: number): void {
    this.#note(blob, this.#rule.blob(blob), "blobs");
  }

  #enter(tree: number, place: number, depth: number): void {
    // At the same place nothing goes that did not go the first time.
    if (!this.#places.visit(this.#byPath ? place : depth, tree)) return;
    const said = this.#rule.enter(tree);
    this.#note(tree, said, "trees");
    if ((said & SKIP) !== 0) this.#rule.leave(tree);
    else this.#open(tree, place, depth + 1, "filtered");
  }

  #open(
    tree: number,
    place: number,
    depth: number,
    way: Frame["way"],
  ): void {
    const data = this.#read(tree);
    this.#openBytes += data.length;
    if (this.#openBytes > MAX_OPEN_BYTES) {
      throw new RefusedError(
        "too-many-paths",
        "upload-pack: trees too deep to filter",
      );
    }
    this.#work += TREE_WORK + data.length / BYTES_PER_WORK;
    this.#frames.push({
      tree,
      place,
      depth,
      way,
      data,
      entries: this.#changes(tree, data, place),
      pathLength: this.#path.length,
      next: 0,
    });
  }

  #read(tree: number): Uint8Array {
    const { kind, data } = this.#graph.read(tree);
    if (kind === TREE) return data;
    throw this.#corrupt(tree, "is not a tree");
  }

  #changes(tree: number, data: Uint8Array, place: number): NumberList {
    const other = this.#places.last(place) ?? NOTHING;
    try {
      return treeChanges(data, other, this.#graph.format.rawLength);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw this.#corrupt(tree, error.message);
    }
  }

  #close({ tree, place, way, data }: Frame): void {
    this.#frames.pop();
    this.#openBytes -= data.length;
    this.#places.keep(place, data);
    if (way === "filtered") this.#rule.leave(tree);
  }

  #note(object: number, said: number, list: keyof Shown): void {
    if ((said & SEEN) !== 0) this.#request.seen.add(object);
    if ((said & SHOW) === 0 || !this.#members.add(object)) return;
    this.#shown[list].push(object);
  }

  #corrupt(tree: number, state: string): StorageError {
    return new StorageError(
      "corrupt-object",
      `Cannot read tree ${this.#graph.oid(tree)}: ${state}`,
    );
  }
}

/** A tree that is being gone through. */
interface Frame {
  readonly tree: number;
  readonly place: number;
  /** How deep what it holds is. */
  readonly depth: number;
  /** Whether it was asked for by name, and the filter does not know of it. */
  readonly way: "filtered" | "given";
  readonly data: Uint8Array;
  /** The entries that are new at this place. */
  readonly entries: NumberList;
  readonly pathLength: number;
  next: number;
}
