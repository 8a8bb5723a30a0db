/**
 * Numbers of ids: looked for in sorted tables, one for each large pack, then
 * in one open-addressing table.
 *
 * Layout and addresses are the caller's: see src/kernels/wasm/walker_ids.ts.
 */

/** Bytes of a sorted table's row: ids, fan-out, shift, numbers, start. */
const SORTED_BYTES: usize = 20;

/** Ids on which a search goes over from halving to looking at each. */
const FEW: u32 = 8;

let width: u32 = 20;
let sorted: usize = 0;
let sortedCount: u32 = 0;
/** The sorted table that had the last id: most likely it has the next. */
let recent: u32 = 0;
let ids: usize = 0;
let numbers: usize = 0;
let table: usize = 0;
let tableMask: u32 = 0;
let tableShift: u32 = 0;
let seed: u32 = 0;

/** Sets where everything lies. */
export function configureIds(
  idWidth: u32,
  sortedAt: usize,
  sortedTables: u32,
  idsAt: usize,
  numbersAt: usize,
  tableAt: usize,
  tableSize: u32,
  shift: u32,
  hashSeed: u32,
): void {
  width = idWidth;
  sorted = sortedAt;
  sortedCount = sortedTables;
  ids = idsAt;
  numbers = numbersAt;
  table = tableAt;
  tableMask = tableSize - 1;
  tableShift = shift;
  seed = hashSeed;
}

@inline
function sameId(a: usize, b: usize): bool {
  if (
    load<u64>(a) != load<u64>(b) || load<u64>(a, 8) != load<u64>(b, 8)
  ) {
    return false;
  }
  return width == 20
    ? load<u32>(a, 16) == load<u32>(b, 16)
    : load<u64>(a, 16) == load<u64>(b, 16) &&
      load<u64>(a, 24) == load<u64>(b, 24);
}

/** Whether the id at `a` is below the one at `b`. */
function isBelow(a: usize, b: usize): bool {
  for (let i: u32 = 0; i < width; i += 4) {
    const left = bswap(load<u32>(a + i));
    const right = bswap(load<u32>(b + i));
    if (left != right) return left < right;
  }
  return false;
}

/** The number of the id at `raw` in a sorted table, or -1. */
function findSorted(index: u32, raw: usize): i32 {
  const row = sorted + <usize> index * SORTED_BYTES;
  const rows = load<usize>(row);
  const shift = load<u32>(row, 8);
  const bucket = shift < 32 ? bswap(load<u32>(raw)) >> shift : 0;
  const fanOut = load<usize>(row, 4) + (<usize> bucket << 2);
  let low = load<u32>(fanOut);
  let high = load<u32>(fanOut, 4);
  while (high - low > FEW) {
    const middle = (low + high) >> 1;
    // One that is not below stays: `high` may be the one that is looked for.
    if (isBelow(rows + <usize> middle * width, raw)) low = middle + 1;
    else high = middle + 1;
  }
  for (; low < high; low++) {
    if (sameId(rows + <usize> low * width, raw)) {
      return load<i32>(load<usize>(row, 12) + (<usize> low << 2)) +
        load<i32>(row, 16);
    }
  }
  return -1;
}

/** The number of the id at `raw`, or -1. */
export function find(raw: usize): i32 {
  if (sortedCount > 0) {
    const first = findSorted(recent, raw);
    if (first >= 0) return first;
    for (let i: u32 = 0; i < sortedCount; i++) {
      if (i == recent) continue;
      const number = findSorted(i, raw);
      if (number < 0) continue;
      recent = i;
      return number;
    }
  }
  const mixed = (load<u32>(raw) ^ (load<u32>(raw, 4) * seed)) * 0x9e3779b1;
  let slot = tableShift < 32 ? mixed >> tableShift : 0;
  while (true) {
    const row = load<i32>(table + (<usize> slot << 2)) - 1;
    if (row < 0) return -1;
    if (sameId(ids + <usize> row * width, raw)) {
      return load<i32>(numbers + (<usize> row << 2));
    }
    slot = (slot + 1) & tableMask;
  }
}

/** No place: what is looked for is found by `find`. */
const NO_GUESS: u32 = 0x7fffffff;

/** The sorted table that guesses are about. */
let guessed: u32 = 0;

/** Guesses that follow are about the table that had the last id. */
export function startGuesses(): void {
  guessed = recent;
}

/** Where the id at `raw` stands, if it is the first of its place. */
export function guess(raw: usize): u32 {
  if (sortedCount == 0) return NO_GUESS;
  const row = sorted + <usize> guessed * SORTED_BYTES;
  const shift = load<u32>(row, 8);
  const bucket = shift < 32 ? bswap(load<u32>(raw)) >> shift : 0;
  const fanOut = load<usize>(row, 4) + (<usize> bucket << 2);
  const low = load<u32>(fanOut);
  return low < load<u32>(fanOut, 4) ? low : NO_GUESS;
}

/** The number of the id at `raw`, or -1, after `guess` gave `place`. */
export function confirm(place: u32, raw: usize): i32 {
  if (place == NO_GUESS) return find(raw);
  const row = sorted + <usize> guessed * SORTED_BYTES;
  if (!sameId(load<usize>(row) + <usize> place * width, raw)) return find(raw);
  return load<i32>(load<usize>(row, 12) + (<usize> place << 2)) +
    load<i32>(row, 16);
}
