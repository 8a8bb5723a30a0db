/**
 * Which ref blocks name an id: what the object section of a reftable says.
 * Pure.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { fromHex, toBinary } from "../../../core/bytes.ts";
import type { Oid } from "../../../core/oid.ts";

/** reftable.txt: ids are cut to at least two bytes. */
const MIN_PREFIX = 2;

/** Ids, and the ref blocks that they were met in. */
export class ObjectIndex {
  readonly #offsets = new Map<Oid, number[]>();

  /** Notes that the ref block at `offset` names `oid`. */
  add(oid: Oid, offset: number): void {
    const known = this.#offsets.get(oid);
    if (known === undefined) this.#offsets.set(oid, [offset]);
    else if (known.at(-1) !== offset) known.push(offset);
  }

  /** Records in order, their keys as short as they can be told apart. */
  records(): {
    readonly prefixLength: number;
    readonly records: Iterable<
      { readonly key: string; readonly offsets: readonly number[] }
    >;
  } {
    const sorted = [...this.#offsets.keys()].sort();
    let shared = MIN_PREFIX - 1;
    for (let i = 1; i < sorted.length; i++) {
      const [a, b] = [sorted[i - 1] as string, sorted[i] as string];
      let at = 0;
      while (a[at] === b[at]) at++;
      shared = Math.max(shared, at >> 1);
    }
    const prefixLength = shared + 1;
    return { prefixLength, records: this.#records(sorted, prefixLength) };
  }

  *#records(sorted: readonly Oid[], length: number): Generator<
    { readonly key: string; readonly offsets: readonly number[] }
  > {
    for (const oid of sorted) {
      const raw = fromHex(oid.slice(0, 2 * length)) as Uint8Array;
      yield {
        key: toBinary(raw, 0, raw.length),
        offsets: this.#offsets.get(oid) as number[],
      };
    }
  }
}
