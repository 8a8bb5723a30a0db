/**
 * The order of a pack index: objects by their ids. Radix first, because packs
 * of several hundred thousand objects are ordinary.
 *
 * @module
 */

import { readUint32 } from "../core/bytes.ts";

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
/** Runs of ids with the same first word, up to which insertion is faster. */
const FEW = 16;

/**
 * The ranks of `count` raw ids, which lie in a row, in ascending order of the
 * ids; equal ones stay in order.
 */
export function orderIds(
  ids: Uint8Array,
  count: number,
  rawLength: number,
): Uint32Array<ArrayBuffer> {
  const keys = new Uint32Array(count);
  for (let rank = 0; rank < count; rank++) {
    keys[rank] = readUint32(ids, rank * rawLength);
  }
  const order = orderKeys(keys);
  const compare = (a: number, b: number) =>
    compareIds(ids, a * rawLength, b * rawLength, rawLength) || a - b;
  for (let from = 0; from < count;) {
    let to = from + 1;
    const key = keys[order[from] as number];
    while (to < count && keys[order[to] as number] === key) to++;
    if (to - from > FEW) order.subarray(from, to).sort(compare);
    else if (to - from > 1) insert(order, from, to, compare);
    from = to;
  }
  return order;
}

/** The ranks of `keys` in their order. */
function orderKeys(keys: Uint32Array): Uint32Array<ArrayBuffer> {
  let from = new Uint32Array(keys.length);
  let to = new Uint32Array(keys.length);
  for (let rank = 0; rank < from.length; rank++) from[rank] = rank;
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const starts = new Uint32Array(DIGITS + 1);
    for (const key of keys) {
      const digit = (key >>> shift) & (DIGITS - 1);
      starts[digit + 1] = (starts[digit + 1] as number) + 1;
    }
    for (let digit = 0; digit < DIGITS; digit++) {
      starts[digit + 1] = (starts[digit + 1] as number) +
        (starts[digit] as number);
    }
    for (const rank of from) {
      const digit = ((keys[rank] as number) >>> shift) & (DIGITS - 1);
      const at = starts[digit] as number;
      to[at] = rank;
      starts[digit] = at + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}

function insert(
  order: Uint32Array,
  from: number,
  to: number,
  compare: (a: number, b: number) => number,
): void {
  for (let next = from + 1; next < to; next++) {
    const rank = order[next] as number;
    let at = next;
    while (at > from && compare(order[at - 1] as number, rank) > 0) {
      order[at] = order[at - 1] as number;
      at--;
    }
    order[at] = rank;
  }
}

export function compareIds(
  ids: Uint8Array,
  a: number,
  b: number,
  length: number,
): number {
  for (let i = 0; i < length; i++) {
    const difference = (ids[a + i] as number) - (ids[b + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
