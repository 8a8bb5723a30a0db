/**
 * Refs at one moment as a few loose records over a `packed-refs` file whose
 * records are made when they are asked for.
 *
 * @module
 */

import type { RefName } from "../../core/ref_name.ts";
import { SortedRefs } from "../ref_snapshot.ts";
import type { Head, RefRecord, RefRun, RefSnapshot } from "../types.ts";
import type { PackedRefs } from "./packed_refs.ts";

/** What a {@linkcode FileRefSnapshot} is made from. */
export interface FileRefSnapshotInit {
  /** Changes when any ref does; called when it is first asked for. */
  readonly id: () => string;
  /** HEAD, or `undefined` where it is missing or broken. */
  readonly head: Head | undefined;
  /** Records that stand before packed ones, sorted. */
  readonly loose: readonly RefRecord[];
  /** Loose symrefs to refs that are missing. */
  readonly unborn: ReadonlyMap<string, RefName>;
  /** Names of packed refs that broken loose refs hide. */
  readonly hidden: ReadonlySet<string>;
  /** The packed refs. */
  readonly packed: PackedRefs;
}

/** Loose refs over packed refs. */
export class FileRefSnapshot implements RefSnapshot {
  readonly head: Head | undefined;
  readonly size: number;
  readonly #loose: SortedRefs;
  readonly #hidden: ReadonlySet<string>;
  readonly #packed: PackedRefs;
  readonly #makeId: () => string;
  #id: string | undefined;

  /** A snapshot of the given layers, which are kept. */
  constructor(init: FileRefSnapshotInit) {
    this.#makeId = init.id;
    this.head = init.head;
    this.#loose = new SortedRefs({
      id: "",
      head: init.head,
      records: init.loose,
      unborn: init.unborn,
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

  get id(): string {
    return this.#id ??= this.#makeId();
  }

  get(name: RefName): RefRecord | undefined {
    const loose = this.#loose.get(name);
    if (loose !== undefined) return loose;
    return this.#hidden.has(name) ? undefined : this.#packed.get(name);
  }

  unborn(name: RefName): RefName | undefined {
    return this.#loose.unborn(name);
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

  *runs(prefix: string): Generator<RefRecord | RefRun, void, void> {
    const packed = this.#packed;
    if (!packed.hasRuns) {
      yield* this.list(prefix);
      return;
    }
    let at = packed.lowerBound(prefix);
    const end = packed.endOf(at, prefix);
    for (const { name, record } of this.#overrides(prefix)) {
      const place = packed.lowerBound(name);
      yield* packed.runs(at, place);
      at = packed.get(name) === undefined ? place : place + 1;
      if (record !== undefined) yield record;
    }
    yield* packed.runs(at, end);
  }

  /** Names whose packed refs do not count, with what does, in their order. */
  #overrides(
    prefix: string,
  ): { readonly name: string; readonly record?: RefRecord }[] {
    const found = [...this.#hidden].filter((name) => name.startsWith(prefix))
      .map((name): { name: string; record?: RefRecord } => ({ name }));
    for (const record of this.#loose.list(prefix)) {
      found.push({ name: record.name, record });
    }
    return this.#hidden.size === 0
      ? found
      : found.sort((a, b) => a.name < b.name ? -1 : 1);
  }
}
