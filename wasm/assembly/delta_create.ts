/**
 * Making git's deltas, from memory to memory: as the reference does, with a
 * rolling hash over the target and an index of the base's blocks.
 *
 * The caller lays out base, target, tables and output, and leaves 16 bytes
 * behind base and target that may be read.
 */

const BLOCK: u32 = 16;
const MOST_TRIES: u32 = 32;
const FACTOR: u32 = 0x08104225;
const SPREAD: u32 = 0x9e3779b1;
const MOST_COPIED: u32 = 0x10000;
const MOST_INSERTED: u32 = 127;
/** What precedes a block by more lies in a block that was found before. */
const MOST_BACK: usize = 31;
/** An entry of the tables: a block plus one, and bits of its hash above. */
const BLOCK_BITS: u32 = 21;
const BLOCK_MASK: u32 = (1 << BLOCK_BITS) - 1;

let out: usize = 0;
let outEnd: usize = 0;

@inline
function hashOf(at: usize): u32 {
  let hash: u32 = 0;
  for (let i: u32 = 0; i < BLOCK; i++) {
    hash = hash * FACTOR + <u32> load<u8>(at + i);
  }
  return hash;
}

function power(exponent: u32): u32 {
  let result: u32 = 1;
  for (let i: u32 = 0; i < exponent; i++) result *= FACTOR;
  return result;
}

/**
 * Indexes the blocks of a base: `first` has room for 2^bits words, `next` for
 * one more than there are blocks.
 */
export function indexBase(
  base: usize,
  size: u32,
  first: usize,
  bits: u32,
  next: usize,
): void {
  memory.fill(first, 0, <usize> 4 << bits);
  const shift = 32 - bits;
  let last: u32 = 0;
  for (let block = size / BLOCK; block > 0; block--) {
    const hash = hashOf(base + <usize> (block - 1) * BLOCK);
    const spread = hash * SPREAD;
    const place = first + (<usize> (spread >> shift) << 2);
    const head = load<u32>(place);
    const above = head & BLOCK_MASK;
    // Of a run of equal blocks the first is enough: it matches the longest.
    const isRun = above == block + 1 && last == hash;
    store<u32>(
      next + (<usize> block << 2),
      isRun ? load<u32>(next + (<usize> above << 2)) : head,
    );
    store<u32>(place, block | spread << BLOCK_BITS);
    last = hash;
  }
}

/**
 * Writes the delta of a target against a base that `indexBase` has indexed;
 * returns its size, or -1 where that would exceed `limit`.
 */
export function createDelta(
  base: usize,
  baseSize: u32,
  target: usize,
  targetSize: u32,
  first: usize,
  bits: u32,
  next: usize,
  output: usize,
  limit: u32,
): i32 {
  out = output;
  outEnd = output + limit;
  if (!putSize(baseSize) || !putSize(targetSize)) return -1;
  const shift = 32 - bits;
  const factor16 = power(BLOCK);
  const baseEnd = base + baseSize;
  const end = target + targetSize;
  let start = target;
  let at = target;
  let hash = hashOf(at);
  while (at + BLOCK <= end) {
    if (out + (at - start) > outEnd + MOST_BACK) return -1;
    const spread = hash * SPREAD;
    let entry = load<u32>(first + (<usize> (spread >> shift) << 2));
    let longest: usize = 0;
    let from: usize = 0;
    for (let tries = MOST_TRIES; entry != 0 && tries > 0; tries--) {
      const block = entry & BLOCK_MASK;
      const source = base + <usize> (block - 1) * BLOCK;
      if (
        (entry ^ spread << BLOCK_BITS) <= BLOCK_MASK &&
        load<u64>(source) == load<u64>(at) &&
        load<u64>(source, 8) == load<u64>(at, 8)
      ) {
        const length = matchLength(source, baseEnd, at, end);
        if (length > longest) {
          longest = length;
          from = source;
        }
      }
      entry = load<u32>(next + (<usize> block << 2));
    }
    if (longest == 0) {
      hash = hash * FACTOR + <u32> load<u8>(at + BLOCK) -
        <u32> load<u8>(at) * factor16;
      at++;
      continue;
    }
    let copyAt = at;
    const least = at - start > MOST_BACK ? at - MOST_BACK : start;
    while (
      copyAt > least && from > base && load<u8>(from - 1) == load<u8>(copyAt - 1)
    ) {
      copyAt--;
      from--;
    }
    if (!insert(start, copyAt)) return -1;
    at += longest;
    if (!copy(<u32> (from - base), <u32> (at - copyAt))) return -1;
    start = at;
    hash = hashOf(at);
  }
  return insert(start, end) ? <i32> (out - output) : -1;
}

/** How far two places agree, of which the first 16 bytes do. */
function matchLength(
  source: usize,
  sourceEnd: usize,
  at: usize,
  end: usize,
): usize {
  const most = min(sourceEnd - source, end - at);
  let length: usize = BLOCK;
  while (length + 8 <= most) {
    const differing = load<u64>(source + length) ^ load<u64>(at + length);
    if (differing != 0) return length + <usize> (ctz(differing) >> 3);
    length += 8;
  }
  while (length < most && load<u8>(source + length) == load<u8>(at + length)) {
    length++;
  }
  return length;
}

function putSize(size: u32): bool {
  let rest = size;
  while (rest >= 128) {
    if (out >= outEnd) return false;
    store<u8>(out++, rest & 127 | 128);
    rest >>= 7;
  }
  if (out >= outEnd) return false;
  store<u8>(out++, rest);
  return true;
}

function insert(start: usize, end: usize): bool {
  let at = start;
  while (at < end) {
    const count = <u32> min(<usize> MOST_INSERTED, end - at);
    if (out + 1 + count > outEnd) return false;
    store<u8>(out++, count);
    memory.copy(out, at, count);
    out += count;
    at += count;
  }
  return true;
}

function copy(offset: u32, length: u32): bool {
  let done: u32 = 0;
  while (done < length) {
    const size = min(MOST_COPIED, length - done);
    const from = offset + done;
    // The longest instruction has 7 bytes: it is made beside, then counted.
    let code: u64 = 0x80;
    let bytes: u64 = 1;
    let bit: u64 = 1;
    for (let i: u32 = 0; i < 6; i++, bit <<= 1) {
      const rest = i < 4 ? from >> (i * 8) : size >> ((i - 4) * 8);
      const byte = <u64> (rest & 0xff);
      if (byte == 0) continue;
      code |= bit | byte << (bytes * 8);
      bytes++;
    }
    if (out + <usize> bytes > outEnd) return false;
    for (let i: u64 = 0; i < bytes; i++) {
      store<u8>(out++, <u8> (code >> (i * 8)));
    }
    done += size;
  }
  return true;
}
