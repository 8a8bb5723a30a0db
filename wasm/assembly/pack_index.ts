/**
 * Arranges the columns of a pack index: a fan-out over its ids, finer than the
 * one in the file, and its entries in the order of their offsets.
 *
 * Every loop goes over a part that its caller says, and is called many times:
 * a runtime that compiles quickly at first replaces functions between calls
 * alone.
 *
 * Layout and addresses are the caller's: see src/kernels/wasm/pack_index.ts.
 */

// The verdicts of src/kernels/wasm/pack_index.ts.
const UNSORTED: u32 = 1;
const REPEATED: u32 = 2;

const OK: i32 = 0;
const OUTSIDE_TABLE: i32 = 1;
const WILD: i32 = 2;

const lastId: usize = memory.data(32, 16);

let position: u32 = 0;
let bucket: u32 = 0;
let verdict: u32 = 0;

/** All bits that occur in offsets. */
let offsetBits: u64 = 0;

@inline
function compareIds(a: usize, b: usize, width: u32): void {
  const high = bswap(load<u64>(a));
  const other = bswap(load<u64>(b));
  if (high < other) return;
  if (high > other) {
    verdict |= UNSORTED;
    return;
  }
  for (let i: u32 = 8; i < width; i += 4) {
    const left = bswap(load<u32>(a + i));
    const right = bswap(load<u32>(b + i));
    if (left < right) return;
    if (left > right) {
      verdict |= UNSORTED;
      return;
    }
  }
  verdict |= REPEATED;
}

/** Starts over with the first id. */
export function startIds(): void {
  position = 0;
  bucket = 0;
  verdict = 0;
}

/**
 * Takes the next `count` ids, and writes to `fanOut` where each bucket that
 * they complete starts. A bucket holds the ids whose first word is the same
 * without its last `shift` bits.
 */
export function addIds(
  at: usize,
  count: u32,
  width: u32,
  shift: u32,
  fanOut: usize,
): void {
  if (count == 0) return;
  if (position > 0) compareIds(lastId, at, width);
  const end = at + <usize> count * width;
  for (let row = at; row < end; row += width) {
    if (row > at) compareIds(row - width, row, width);
    const word = bswap(load<u32>(row));
    const own = shift < 32 ? word >> shift : 0;
    while (bucket <= own) {
      store<u32>(fanOut + (<usize> bucket << 2), position);
      bucket++;
    }
    position++;
  }
  memory.copy(lastId, end - width, width);
}

/** Ends the fan-out of `buckets` buckets; what was found out about the ids. */
export function endIds(buckets: u32, fanOut: usize): u32 {
  while (bucket <= buckets) {
    store<u32>(fanOut + (<usize> bucket << 2), position);
    bucket++;
  }
  return verdict;
}

/**
 * Makes keys of the big-endian words from `begin` to before `end` at `words`,
 * 8 bytes each where `wide`, else 4, and then `keys` may be `words`. With
 * `hasLarge`, words with the high bit are rows of the 64-bit table at `large`.
 */
export function readOffsets(
  words: usize,
  begin: u32,
  end: u32,
  large: usize,
  largeCount: u32,
  hasLarge: bool,
  keys: usize,
  wide: bool,
): i32 {
  if (begin == 0) offsetBits = 0;
  let bits: u64 = 0;
  for (let i = begin; i < end; i++) {
    const word = bswap(load<u32>(words + (<usize> i << 2)));
    let offset = <u64> word;
    if (hasLarge && word >= 0x80000000) {
      const row = word - 0x80000000;
      if (row >= largeCount) return OUTSIDE_TABLE;
      offset = bswap(load<u64>(large + (<usize> row << 3)));
      if (offset >= 1 << 53) return WILD;
    }
    bits |= offset;
    if (wide) store<u64>(keys + (<usize> i << 3), offset);
    else store<u32>(keys + (<usize> i << 2), <u32> offset);
  }
  offsetBits |= bits;
  return OK;
}

/** How many bits the keys have. */
export function keyBits(): u32 {
  return 64 - <u32> clz(offsetBits);
}

@inline
function digitOf(
  keys: usize,
  position: u32,
  wide: bool,
  shift: u32,
  mask: u32,
): u32 {
  return wide
    ? <u32> (load<u64>(keys + (<usize> position << 3)) >> shift) & mask
    : (load<u32>(keys + (<usize> position << 2)) >> shift) & mask;
}

/** Counts a digit of the keys from `begin` to before `end`. */
export function countDigits(
  keys: usize,
  begin: u32,
  end: u32,
  wide: bool,
  shift: u32,
  mask: u32,
  counters: usize,
): void {
  for (let i = begin; i < end; i++) {
    const counter = counters +
      (<usize> digitOf(keys, i, wide, shift, mask) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
}

/** Makes counts the places where each digit starts. */
export function sumDigits(counters: usize, mask: u32): void {
  let total: u32 = 0;
  for (let digit: u32 = 0; digit <= mask; digit++) {
    const counter = counters + (<usize> digit << 2);
    const here = load<u32>(counter);
    store<u32>(counter, total);
    total += here;
  }
}

/**
 * Puts positions in the order of a digit: those from `begin` to before `end`
 * at `from`, or where that is 0, those numbers themselves.
 */
export function scatter(
  keys: usize,
  begin: u32,
  end: u32,
  wide: bool,
  shift: u32,
  mask: u32,
  counters: usize,
  from: usize,
  to: usize,
): void {
  for (let i = begin; i < end; i++) {
    const position = from == 0 ? i : load<u32>(from + (<usize> i << 2));
    const counter = counters +
      (<usize> digitOf(keys, position, wide, shift, mask) << 2);
    const place = load<u32>(counter);
    store<u32>(counter, place + 1);
    store<u32>(to + (<usize> place << 2), position);
  }
}

/** Writes keys by rank, doubles where `wide`, from those by position. */
export function orderKeys(
  keys: usize,
  begin: u32,
  end: u32,
  wide: bool,
  positions: usize,
  offsets: usize,
): void {
  for (let rank = begin; rank < end; rank++) {
    const position = load<u32>(positions + (<usize> rank << 2));
    if (wide) {
      store<f64>(
        offsets + (<usize> rank << 3),
        <f64> load<u64>(keys + (<usize> position << 3)),
      );
    } else {
      store<u32>(
        offsets + (<usize> rank << 2),
        load<u32>(keys + (<usize> position << 2)),
      );
    }
  }
}

/** Writes ranks by position from positions by rank. */
export function invert(
  positions: usize,
  begin: u32,
  end: u32,
  ranks: usize,
): void {
  for (let rank = begin; rank < end; rank++) {
    const position = load<u32>(positions + (<usize> rank << 2));
    store<u32>(ranks + (<usize> position << 2), rank);
  }
}
