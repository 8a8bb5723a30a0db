/**
 * The refs that clients of a repository may see, for services that look refs
 * up by what a client calls them.
 *
 * @module
 */

import type { RefName } from "../core/ref_name.ts";
import type { Head, RefRecord, RefSnapshot } from "../storage/types.ts";
import { type HiddenRefs, hiddenRefs } from "./hidden_refs.ts";
import type { ServiceContext } from "./types.ts";

/** `refs` without those that the session's repository hides. */
export function shownRefs(
  context: Pick<ServiceContext, "repository" | "terms">,
  refs: RefSnapshot,
): RefSnapshot {
  const hidden = hiddenRefs(context);
  return hidden.isEmpty ? refs : new ShownRefs(refs, hidden);
}

class ShownRefs implements RefSnapshot {
  readonly #refs: RefSnapshot;
  readonly #hidden: HiddenRefs;

  constructor(refs: RefSnapshot, hidden: HiddenRefs) {
    this.#refs = refs;
    this.#hidden = hidden;
  }

  get id(): string {
    return `${this.#hidden.key} ${this.#refs.id}`;
  }

  get head(): Head | undefined {
    return this.#hidden.hides("HEAD") ? undefined : this.#refs.head;
  }

  get size(): number {
    let count = 0;
    for (const _ of this.list("")) count++;
    return count;
  }

  get(name: RefName): RefRecord | undefined {
    return this.#hidden.hides(name) ? undefined : this.#refs.get(name);
  }

  unborn(name: RefName): RefName | undefined {
    return this.#hidden.hides(name) ? undefined : this.#refs.unborn?.(name);
  }

  *list(prefix: string): Generator<RefRecord, void, void> {
    for (const record of this.#refs.list(prefix)) {
      if (!this.#hidden.hides(record.name)) yield record;
    }
  }
}
