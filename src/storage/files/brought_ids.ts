/**
 * Which objects came with a push, told from their ids.
 *
 * @module
 */

import { once } from "../../core/once.ts";
import { type Oid, oidToRaw } from "../../core/oid.ts";
import { compareIds, orderIds } from "../../pack/index_order.ts";
import type { PackEntries } from "../../pack/intake/entries.ts";

/** Tells whether an object is one of `entries`; sorts them when first asked. */
export function idsOf(
  { ids, count, format }: Pick<PackEntries, "ids" | "count" | "format">,
): (oid: Oid) => boolean {
  const { rawLength } = format;
  const sorted = once(() => {
    const order = orderIds(ids, count, rawLength);
    const all = new Uint8Array((count + 1) * rawLength);
    order.forEach((rank, i) => {
      const at = rank * rawLength;
      all.set(ids.subarray(at, at + rawLength), i * rawLength);
    });
    return all;
  });
  return (oid) => {
    const all = sorted();
    const last = count * rawLength;
    all.set(oidToRaw(oid), last);
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareIds(all, middle * rawLength, last, rawLength);
      if (order === 0) return true;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return false;
  };
}
