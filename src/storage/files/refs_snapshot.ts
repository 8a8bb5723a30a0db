/**
 * Refs at one moment as a few loose records over a `packed-refs` file whose
 * records are made when they are asked for.
 *
 * @module
 */

import type { RefName } from "../../core/ref_name.ts";
import { SortedRefs } from "../ref_snapshot.ts";
import type { Head, RefRecord, RefSnapshot } from "../types.ts";
import type { PackedRefs } from "./packed_refs.ts";

/** What a {@linkcode FileRefSnapshot} is made from. */
export interface FileRefSnapshotInit {
  /** Changes when any ref does. */
  readonly id: string;
  /** HEAD, or `undefined` where it is missing or broken. */
  readonly head: Head | undefined;
  /** Records that stand before packed ones, sorted. */
  readonly loose: readonly RefRecord[];
  /** Names of packed refs that broken loose refs hide. */
  readonly hidden: ReadonlySet<string>;
  /** The packed refs. */
  readonly packed: PackedRefs;
}

/** Loose refs over packed refs. */
export class FileRefSnapshot implements RefSnapshot {
  readonly id: string;
  readonly head: Head | undefined;
  readonly size: number;
  readonly #loose: SortedRefs;
  readonly #hidden: ReadonlySet<string>;
  readonly #packed: PackedRefs;

  /** A snapshot of the given layers, which are kept. */
  constructor(init: FileRefSnapshotInit) {
    this.id = init.id;
    this.head = init.head;
    this.#loose = new SortedRefs({
      id: init.id,
      head: init.head,
      records: init.loose,
    });
    this.#hidden = init.hidden;
    this.#packed = init.packed;
    let size = init.packed.size + init.loose.length;
    for (const { name } of init.loose) {
      if (init.packed.get(name) !== undefined) size--;
    }
    for (const name of init.hidden) {
      if (init.packed.get(name) !== undefined) size--;
    }
    this.size = size;
  }

  get(name: RefName): RefRecord | undefined {
    const loose = this.#loose.get(name);
    if (loose !== undefined) return loose;
    return this.#hidden.has(name) ? undefined : this.#packed.get(name);
  }

  *list(prefix: string): Generator<RefRecord, void, void> {
    const packed = this.#packed;
    const loose = this.#loose.list(prefix);
    let front = loose.next();
    for (const record of packed.list(packed.lowerBound(prefix), prefix)) {
      while (!front.done && front.value.name < record.name) {
        yield front.value;
        front = loose.next();
      }
      if (!front.done && front.value.name === record.name) continue;
      if (!this.#hidden.has(record.name)) yield record;
    }
    while (!front.done) {
      yield front.value;
      front = loose.next();
    }
  }
}
