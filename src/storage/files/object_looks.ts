/**
 * Single looks at a repository's objects, by those who change its refs: many
 * of them over one snapshot, which nobody has to let go of.
 *
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import { kindName } from "../../object/kind.ts";
import { endOfTags } from "../../object/tag_chain.ts";
import type { ObjectStore } from "../types.ts";

/** Objects at one moment, to be released. */
export interface HeldObjects {
  /** The objects. */
  readonly store: ObjectStore;
  /** Lets go of them. */
  release(): void;
}

/** Looks at objects one by one. */
export class ObjectLooks {
  readonly #take: () => HeldObjects;
  #held: HeldObjects | undefined;

  /** Over snapshots that `take` gives. */
  constructor(take: () => HeldObjects) {
    this.#take = take;
  }

  /** The name of an object's kind; `undefined` where it is not here. */
  kindOf(oid: Oid): string | undefined {
    const store = this.#store(oid);
    const number = store.find(oid);
    return number < 0 ? undefined : kindName(store.kind(number));
  }

  /**
   * What a tag comes to through tags; `undefined` for what is no tag, and for
   * tags that lead nowhere.
   */
  peel(oid: Oid): Oid | undefined {
    const store = this.#store(oid);
    const end = peel(store, store.find(oid));
    return end === undefined || store.oid(end) === oid
      ? undefined
      : store.oid(end);
  }

  /** A snapshot that has the object, unless none has. */
  #store(oid: Oid): ObjectStore {
    if (this.#held !== undefined && this.#held.store.find(oid) < 0) {
      this.#release();
    }
    if (this.#held === undefined) {
      this.#held = this.#take();
      // Those who look do so in a row.
      setTimeout(() => this.#release(), 0);
    }
    return this.#held.store;
  }

  #release(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}

/**
 * The object at the end of a chain of tags, which is `number` itself where it
 * is no tag (tag.c: deref_tag); `undefined` where it leads nowhere.
 */
export function peel(store: ObjectStore, number: number): number | undefined {
  const end = endOfTags(store, number);
  return end < 0 ? undefined : end;
}
