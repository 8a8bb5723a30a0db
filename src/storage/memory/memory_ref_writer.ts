/**
 * Changes of refs that are held in a map, by git's rules.
 *
 * @module
 */

import { isZeroOid, type ObjectFormat, type Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import {
  abortedBy,
  cannotLock,
  missingWords,
  observed,
  originOf,
  type RefChange,
  RefChanges,
  REFUSED_BY_OBSERVER,
  unavailable,
} from "../ref_changes.ts";
import type {
  RefFailure,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
} from "../writes.ts";
import type { MemoryRefs } from "./memory_refs.ts";

type Outcome = RefFailure | undefined;

/** Changes {@linkcode MemoryRefs}. It keeps no reflogs. */
export class MemoryRefWriter implements RefWriter {
  readonly #refs: MemoryRefs;
  readonly #format: ObjectFormat;
  #last: Promise<unknown> = Promise.resolve();

  /** A writer of `refs`, whose ids are of `format`. */
  constructor(refs: MemoryRefs, format: ObjectFormat) {
    this.#refs = refs;
    this.#format = format;
  }

  apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly Outcome[]> {
    // One after the other: an observer may take its time.
    const turn = this.#last.then(() => {
      options.signal?.throwIfAborted();
      return this.#apply(updates, options);
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly Outcome[]> {
    if (options.atomic) {
      const indexed = updates.map((update, index) => ({ update, index }));
      const failed = await this.#transact(indexed, options);
      return updates.map((_, index) =>
        failed === undefined || failed.index === index
          ? failed?.failure
          : abortedBy(failed.failure)
      );
    }
    const outcomes: Outcome[] = [];
    for (const update of updates) {
      const failed = await this.#transact([{ update, index: 0 }], options);
      outcomes.push(failed?.failure);
    }
    return outcomes;
  }

  async #transact(
    updates: readonly { readonly update: RefUpdate; readonly index: number }[],
    { observe }: RefTransactionOptions,
  ): Promise<{ readonly index: number; readonly failure: RefFailure } | void> {
    const head = this.#refs.raw("HEAD");
    const headTarget = head !== undefined && "symref" in head
      ? head.symref
      : undefined;
    const changes = new RefChanges(updates, this.#format, headTarget);
    const twice = changes.duplicate();
    if (twice !== undefined) return { index: -1, failure: twice };
    for (const change of changes.all) {
      const failure = changes.begin(change) ?? this.#check(change, changes);
      if (failure !== undefined) return { index: change.index, failure };
    }
    const told = observe === undefined ? [] : observed(changes);
    if (observe !== undefined && !await observe("prepared", told)) {
      await observe("aborted", told);
      return { index: -1, failure: REFUSED_BY_OBSERVER };
    }
    for (const change of changes.all) this.#commit(change);
    await observe?.("committed", told);
  }

  #check(change: RefChange, changes: RefChanges): Outcome {
    const value = this.#refs.raw(change.name);
    const asked = originOf(change).name;
    if (value === undefined) {
      const { old } = change;
      if (old !== undefined && !isZeroOid(old)) {
        return cannotLock(asked, "changed", missingWords(change.name));
      }
      const why = unavailable(change.name, this.#refs, changes.names);
      if (why !== undefined) return cannotLock(asked, "conflict", why);
    }
    return changes.settle(change, value, (name) => this.#resolve(name));
  }

  #resolve(name: RefName): Oid | undefined {
    let value = this.#refs.raw(name);
    for (let reads = 1; value !== undefined && reads <= 5; reads++) {
      if ("oid" in value) return value.oid;
      value = this.#refs.raw(value.symref);
    }
    return undefined;
  }

  #commit({ name, new: value, isLogOnly }: RefChange): void {
    if (isLogOnly) return;
    if (isZeroOid(value)) this.#refs.delete(name);
    else this.#refs.set(name, value);
  }
}
