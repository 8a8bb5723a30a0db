/**
 * Where in the trees of a history a walk has been: paths as numbers, and what
 * was looked at under each, so that what has not changed from one commit to the
 * next is not looked at again.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { RefusedError } from "../../core/errors.ts";

/** Directories that one walk may tell apart. */
export const MAX_PLACES = 1_000_000;
/** Bytes of trees that are kept to compare the next ones with. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** More numbers than a store hands out: a place and a tree are one key. */
const TREES = 2 ** 32;

/** The root trees of commits. */
export const COMMIT_ROOT = 0;
/** Trees that were asked for by name. */
export const NAMED_ROOT = 1;

/** What becomes of places beyond the limit. */
export type WhenFull = "refuse" | "forget";

/** The places of one walk. */
export class Places {
  readonly #whenFull: WhenFull;
  readonly #numbers = new Map<string, number>();
  readonly #visited = new Set<number>();
  readonly #kept = new Map<number, Uint8Array>();
  #keptBytes = 0;

  /** Knows the two roots alone. */
  constructor(whenFull: WhenFull) {
    this.#whenFull = whenFull;
  }

  /**
   * The place of the directory whose name stands in `tree` from `start` to
   * before `end`, below the place `parent`; -1 where it was forgotten.
   * Else throws a RefusedError "too-many-paths", as where a tree holds another
   * in so many ways that they cannot all be gone.
   */
  below(
    parent: number,
    tree: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (parent < 0) return -1;
    const key = `${parent}/${toBinary(tree, start, end)}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const place = this.#numbers.size + 2;
    if (place >= MAX_PLACES) {
      if (this.#whenFull === "forget") return -1;
      throw new RefusedError(
        "too-many-paths",
        `upload-pack: too many paths to filter (limit ${MAX_PLACES})`,
      );
    }
    this.#numbers.set(key, place);
    return place;
  }

  /** Notes that `tree` is looked at under `key`; false where it was before. */
  visit(key: number, tree: number): boolean {
    const both = key * TREES + tree;
    if (this.#visited.has(both)) return false;
    this.#visited.add(both);
    return true;
  }

  /** The tree that was looked at last at `place`, if it is still known. */
  last(place: number): Uint8Array | undefined {
    return this.#kept.get(place);
  }

  /** Keeps a tree that was looked at, all of it. */
  keep(place: number, tree: Uint8Array): void {
    if (place < 0) return;
    const old = this.#kept.get(place);
    this.#keptBytes += tree.length - (old?.length ?? 0);
    this.#kept.set(place, tree);
    if (this.#keptBytes <= MAX_KEPT_BYTES) return;
    this.#kept.clear();
    this.#keptBytes = 0;
  }
}
