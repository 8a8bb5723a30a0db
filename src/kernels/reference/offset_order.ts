/**
 * The order of a pack's entries by offset, which an index does not keep.
 *
 * @module
 */

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;
const RADIX_MIN = 4096;

/**
 * The positions 0..n-1 in ascending order of their offsets (safe integers, not
 * negative). Few are sorted by comparing, many by their 16-bit digits, as
 * pack-revindex.c does: 849,000 take some 15 ms.
 */
export function orderByOffset(
  offsets: Float64Array,
): Uint32Array<ArrayBuffer> {
  const count = offsets.length;
  let order = new Uint32Array(count);
  let highest = 0;
  for (let i = 0; i < count; i++) {
    order[i] = i;
    if ((offsets[i] as number) > highest) highest = offsets[i] as number;
  }
  if (count < RADIX_MIN) {
    if (highest >= 2 ** 53 / RADIX_MIN) {
      return order.sort((a, b) =>
        (offsets[a] as number) - (offsets[b] as number)
      );
    }
    // Each key has its position in its last digits: no calls to compare them.
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      keys[i] = (offsets[i] as number) * RADIX_MIN + i;
    }
    keys.sort();
    for (let i = 0; i < count; i++) order[i] = (keys[i] as number) % RADIX_MIN;
    return order;
  }
  let other = new Uint32Array(count);
  const starts = new Uint32Array(DIGITS);
  for (let unit = 1; unit <= highest; unit *= DIGITS) {
    starts.fill(0);
    for (let i = 0; i < count; i++) {
      const digit = digitOf(offsets[i] as number, unit);
      starts[digit] = (starts[digit] as number) + 1;
    }
    let total = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const here = starts[digit] as number;
      starts[digit] = total;
      total += here;
    }
    for (let i = 0; i < count; i++) {
      const position = order[i] as number;
      const digit = digitOf(offsets[position] as number, unit);
      const at = starts[digit] as number;
      starts[digit] = at + 1;
      other[at] = position;
    }
    [order, other] = [other, order];
  }
  return order;
}

function digitOf(offset: number, unit: number): number {
  return Math.floor(offset / unit) % DIGITS;
}
