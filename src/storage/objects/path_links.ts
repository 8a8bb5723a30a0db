/**
 * What stood at an object's path before: a walk down the trees that are sent,
 * beside those of the commits before them.
 *
 * @module
 */

import { ObjectSet } from "../../core/object_set.ts";
import { TREE } from "../../object/kind.ts";
import { MODE_TREE, MODE_TYPE } from "../../object/tree.ts";
import type { PathRoots } from "../types.ts";
import type { Contents } from "./contents.ts";
import type { PackSources } from "./pack_recipe.ts";
import { newEntries } from "./tree_entries.ts";

/** Bytes of trees between two yields. */
const BYTES_PER_STEP = 512 * 1024;

/** What a walk looks for, and where it ends. */
export interface PathSearch {
  /** Where it starts. */
  readonly roots: PathRoots;
  /** All objects that are sent. */
  readonly members: ObjectSet;
  /** Those whose paths are wanted; emptied as they are met. */
  readonly targets: ObjectSet;
  /** Reads trees, within the budget of the settings. */
  readonly contents: Contents;
}

/** What stood at the same path, one commit away. */
export interface PathLinks {
  /** For objects that are sent: what stood there before, if anything did. */
  readonly before: ReadonlyMap<number, number>;
  /** For these the one that was sent for it. */
  readonly after: ReadonlyMap<number, number>;
}

/**
 * For the objects that are sent, in the order of their commits from the oldest
 * on, what stood at their path before that commit. It ends when all targets
 * were met, or when half of the budget is used up. Trees that cannot be read
 * are passed over. Yields 0 after some trees.
 */
export function* findPathLinks(
  sources: PackSources,
  search: PathSearch,
): Generator<number, PathLinks, void> {
  const walk = new PathWalk(sources, search);
  const { contents } = search;
  let stepEnd = BYTES_PER_STEP;
  while (walk.next()) {
    if (contents.work < stepEnd) continue;
    yield 0;
    stepEnd = contents.work + BYTES_PER_STEP;
  }
  return walk;
}

/** A tree, and the one that stood at its path before, or -1. */
interface Step {
  readonly tree: number;
  readonly before: number;
}

class PathWalk implements PathLinks {
  readonly before = new Map<number, number>();
  readonly after = new Map<number, number>();
  readonly #sources: PackSources;
  readonly #search: PathSearch;
  readonly #met: ObjectSet;
  readonly #stack: Step[] = [];
  /** How many of the roots were not looked into. */
  #rootsLeft: number;

  constructor(sources: PackSources, search: PathSearch) {
    this.#sources = sources;
    this.#search = search;
    this.#met = new ObjectSet(sources.catalog.count);
    this.#rootsLeft = search.roots.sent.length;
  }

  /** Looks into one more tree; false at the end. */
  next(): boolean {
    const { targets, contents, roots } = this.#search;
    const { deltaSearchBytes } = this.#sources.settings;
    // The rest is for comparing.
    if (targets.size === 0 || contents.work * 2 > deltaSearchBytes) {
      return false;
    }
    const top = this.#stack.pop();
    if (top !== undefined) {
      this.#visit(top);
    } else if (this.#rootsLeft > 0) {
      const index = --this.#rootsLeft;
      this.#meet(roots.sent[index] as number, roots.before[index] as number);
    } else {
      return false;
    }
    return true;
  }

  /** Notes what stood before an object; what is in a tree is looked at next. */
  #meet(object: number, before: number, isTree = true): void {
    if (!this.#met.add(object)) return;
    this.#search.targets.delete(object);
    if (before >= 0) {
      this.before.set(object, before);
      this.after.set(before, object);
    }
    if (isTree) this.#stack.push({ tree: object, before });
  }

  #visit({ tree, before }: Step): void {
    const { catalog, format } = this.#sources;
    const { members } = this.#search;
    const data = this.#read(tree);
    const old = before < 0 ? NO_TREE : this.#read(before) ?? NO_TREE;
    if (data === undefined) return;
    newEntries(data, old, format.rawLength, (mode, oidAt, oldOidAt) => {
      const object = catalog.ids.find(data, oidAt);
      if (object < 0 || !members.has(object)) return;
      const stood = oldOidAt < 0 ? -1 : catalog.ids.find(old, oldOidAt);
      this.#meet(object, stood, (mode & MODE_TYPE) === MODE_TREE);
    });
  }

  /** A tree; `undefined` if it cannot be read. */
  #read(tree: number): Uint8Array | undefined {
    const object = this.#search.contents.read(tree);
    return object?.kind === TREE ? object.data : undefined;
  }
}

const NO_TREE: Uint8Array<ArrayBuffer> = new Uint8Array(0);
