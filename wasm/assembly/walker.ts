/**
 * Walks packs where they lie: entries are inflated, their deltas resolved, and
 * trees and commits parsed and looked up, without leaving this memory.
 *
 * It handles the ordinary case. Whatever is odd (an id that the table lacks, a
 * damaged or very large entry, a base outside the packs) it leaves to its
 * caller, entry by entry.
 *
 * Layout and addresses are the caller's: see src/kernels/wasm/walker.ts.
 */

import {
  applyDelta,
  copiesAt,
  copiesNoted,
  COPY_BYTES,
  resultSize,
} from "./delta";
import { confirm, find, guess, startGuesses } from "./ids";
import { inflate } from "./inflate";

/** Reads bytes of a pack into memory; returns how many. */
@external("env", "fill")
declare function fill(
  segment: u32,
  position: f64,
  into: usize,
  length: u32,
): u32;

export const OK: i32 = 0;
const COMMIT: u32 = 1;
export const TREE: u32 = 2;
export const OFS_DELTA: u32 = 6;
export const REF_DELTA: u32 = 7;

/** Distance between windows, and how far one reaches into the next. */
const WINDOW_STRIDE: u32 = 256 * 1024;
const WINDOW_OVERLAP: u32 = 64 * 1024;
export const SLACK: u32 = 64;
const WINDOW_BYTES: u32 = WINDOW_STRIDE + WINDOW_OVERLAP + SLACK;

/** Larger objects and longer chains are the caller's. */
const MAX_OBJECT: u32 = 8 * 1024 * 1024;
const MAX_DEPTH: u32 = 8192;

// Of a cached block: slot, size, kind, length with all that belongs to it;
// of a tree's also the count of its entries (-1 where they are not known) and
// the slot, plus one, of the base that some are taken over from.
export const BLOCK_HEAD: usize = 32;

// Behind a tree's data stand the starts of its entries, and its size as their
// end. An entry that a delta copies whole from its base, where it is an entry
// too, has this bit: whoever expands the base finds it there.
const INHERITED: u32 = 1 << 31;

const stack: usize = memory.data(8192 * 4, 16);
const rawId: usize = memory.data(32, 16);

let width: u32 = 20;
export let slotCount: u32 = 0;
let offsets: usize = 0;
let cached: usize = 0;
let segments: usize = 0;
let segmentCount: u32 = 0;
let windows: usize = 0;
let windowKeys: usize = 0;
let windowCount: u32 = 0;
let clock: u32 = 0;
let halves: usize = 0;
let halfBytes: u32 = 0;
export let scratch: usize = 0;
let largeEntry: usize = 0;

/** Bytes of objects made since `takeWork` asked. */
let work: u32 = 0;

/** Which half new blocks go to, and how far each is filled. */
let current: u32 = 0;
let filled: u32 = 0;
let otherFilled: u32 = 0;
let flips: u32 = 0;

let segment: u32 = 0;
let recentWindow: u32 = 0;

// The entry that `openEntry` found.
export let entryType: u32 = 0;
export let entrySize: u32 = 0;
export let entryData: usize = 0;
export let entryEnd: usize = 0;
let entryBase: u32 = 0;

/** The entries that `findEntries` has not taken over, by index, if they fit. */
const MAX_OWN: u32 = 16384;
const own: usize = memory.data(16384 * 4, 16);
let ownCount: u32 = 0;

/** Sets where everything lies. */
export function configure(
  idWidth: u32,
  slots: u32,
  offsetsAt: usize,
  cachedAt: usize,
  segmentsAt: usize,
  segmentsCount: u32,
  windowsAt: usize,
  windowKeysAt: usize,
  windowsCount: u32,
  halvesAt: usize,
  halfSize: u32,
  scratchAt: usize,
  largeEntryAt: usize,
): void {
  width = idWidth;
  slotCount = slots;
  offsets = offsetsAt;
  cached = cachedAt;
  segments = segmentsAt;
  segmentCount = segmentsCount;
  windows = windowsAt;
  windowKeys = windowKeysAt;
  windowCount = windowsCount;
  halves = halvesAt;
  halfBytes = halfSize;
  scratch = scratchAt;
  largeEntry = largeEntryAt;
}

/** The bytes of objects that were made since the last call. */
export function takeWork(): u32 {
  const done = work;
  work = 0;
  return done;
}

@inline
function startOf(index: u32): u32 {
  return load<u32>(segments + <usize> index * 16);
}

@inline
function endOf(index: u32): u32 {
  return load<u32>(segments + <usize> index * 16, 4);
}

/** Makes `segment` the one that `slot` is in; false if none is. */
function enterSegment(slot: u32): bool {
  if (slot >= startOf(segment) && slot < endOf(segment)) return true;
  for (let i: u32 = 0; i < segmentCount; i++) {
    if (slot >= startOf(i) && slot < endOf(i)) {
      segment = i;
      return true;
    }
  }
  return false;
}

@inline
function offsetOf(slot: u32): f64 {
  return load<f64>(offsets + (<usize> slot << 3));
}

/** The slot of `segment` whose entry starts at `offset`, or -1. */
function slotAt(offset: f64, below: u32): i32 {
  let low = startOf(segment);
  let high = below;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsetOf(middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low < below && offsetOf(low) == offset ? <i32> low : -1;
}

/** The address of a window's bytes; its key is read or set. */
function windowOf(index: u32): usize {
  let key = windowKeys + <usize> recentWindow * 16;
  if (load<u32>(key) == segment + 1 && load<u32>(key, 4) == index) {
    return windows + <usize> recentWindow * WINDOW_BYTES;
  }
  let oldest: u32 = 0;
  let age: u32 = u32.MAX_VALUE;
  for (let i: u32 = 0; i < windowCount; i++) {
    key = windowKeys + <usize> i * 16;
    if (load<u32>(key) == segment + 1 && load<u32>(key, 4) == index) {
      store<u32>(key, ++clock, 12);
      recentWindow = i;
      return windows + <usize> i * WINDOW_BYTES;
    }
    const used = load<u32>(key, 12);
    if (used < age) {
      age = used;
      oldest = i;
    }
  }
  key = windowKeys + <usize> oldest * 16;
  const at = windows + <usize> oldest * WINDOW_BYTES;
  store<u32>(key, 0);
  const length = fill(
    segment,
    <f64> index * <f64> WINDOW_STRIDE,
    at,
    WINDOW_STRIDE + WINDOW_OVERLAP,
  );
  store<u32>(key, segment + 1);
  store<u32>(key, index, 4);
  store<u32>(key, length, 8);
  store<u32>(key, ++clock, 12);
  recentWindow = oldest;
  return at;
}

/**
 * Reads the header of an entry, of a delta its base too. False if the entry
 * is not for us: damaged, or, unless `headOnly`, too large.
 */
export function openEntry(slot: u32, headOnly: bool = false): bool {
  if (!enterSegment(slot)) return false;
  const offset = offsetOf(slot);
  const end = slot + 1 < endOf(segment)
    ? offsetOf(slot + 1)
    : load<f64>(segments + <usize> segment * 16, 8);
  const index = <u32> (offset / <f64> WINDOW_STRIDE);
  const window = windowOf(index);
  const windowStart = <f64> index * <f64> WINDOW_STRIDE;
  const length = load<u32>(windowKeys + <usize> recentWindow * 16, 8);
  if (offset >= end) return false;
  const endInWindow = end - windowStart;
  let at = window + <usize> (offset - windowStart);
  entryEnd = window + <usize> endInWindow;
  if (endInWindow > <f64> length) {
    if (headOnly) {
      entryEnd = window + length;
    } else {
      const bytes = end - offset;
      if (bytes > <f64> MAX_OBJECT) return false;
      if (fill(segment, offset, largeEntry, <u32> bytes) != <u32> bytes) {
        return false;
      }
      at = largeEntry;
      entryEnd = at + <usize> bytes;
    }
  }
  if (at + 2 > entryEnd) return false;
  let byte = <u32> load<u8>(at++);
  entryType = (byte >> 4) & 7;
  let size: u64 = byte & 15;
  let shift: u32 = 4;
  while (byte >= 128) {
    if (shift > 53 || at >= entryEnd) return false;
    byte = <u32> load<u8>(at++);
    size |= <u64> (byte & 127) << shift;
    shift += 7;
  }
  if (size > <u64> MAX_OBJECT && !headOnly) return false;
  entrySize = <u32> size;
  if (entryType == OFS_DELTA) {
    byte = <u32> load<u8>(at++);
    let distance: u64 = byte & 127;
    while (byte >= 128) {
      if (at >= entryEnd || distance > (1 << 45)) return false;
      byte = <u32> load<u8>(at++);
      distance = ((distance + 1) << 7) | (byte & 127);
    }
    const base = slotAt(offset - <f64> distance, slot);
    if (base < 0) return false;
    entryBase = <u32> base;
  } else if (entryType == REF_DELTA) {
    if (at + width > entryEnd) return false;
    const base = find(at);
    if (base < 0 || <u32> base >= slotCount) return false;
    entryBase = <u32> base;
    at += width;
  }
  entryData = at;
  return at < entryEnd;
}

/**
 * Reads the headers of up to `most` entries from `slot` on, to the end of
 * their pack: the type of each to `types`, 0 for those that are not for us,
 * and the slot or number of a delta's base to `bases`. Returns how many.
 */
export function headersFrom(
  slot: u32,
  most: u32,
  types: usize,
  bases: usize,
): u32 {
  if (slot >= slotCount || !enterSegment(slot)) return 0;
  const last = endOf(segment);
  const count = last - slot < most ? last - slot : most;
  for (let i: u32 = 0; i < count; i++) {
    entryBase = 0;
    const type = openEntry(slot + i, true) ? entryType : 0;
    store<u8>(types + i, <u8> (type == 5 ? 0 : type));
    store<u32>(bases + (<usize> i << 2), entryBase);
  }
  return count;
}

/** How long the block of an object is. */
export function blockBytes(size: u32, kind: u32): u32 {
  // Four more: starts are written four at a time.
  const starts = kind == TREE ? (size / (width + 3) + 6) << 2 : 0;
  return (<u32> BLOCK_HEAD + size + SLACK + starts + 15) & ~15;
}

/** Writes the head of a block, whose entries are not known yet. */
export function startBlock(
  block: usize,
  slot: u32,
  size: u32,
  kind: u32,
  length: u32,
): void {
  store<u32>(block, slot);
  store<u32>(block, size, 4);
  store<u32>(block, kind, 8);
  store<u32>(block, length, 12);
  store<i32>(block, -1, 16);
  store<u32>(block, 0, 20);
}

/**
 * Room for an object; 0 if it is too large. May clear the half of the cache
 * that was filled longer ago, and counts that in `flips`.
 */
function allocate(slot: u32, size: u32, kind: u32): usize {
  const length = blockBytes(size, kind);
  if (length > halfBytes) return 0;
  if (filled + length > halfBytes) {
    current ^= 1;
    const half = halves + <usize> current * halfBytes;
    for (let at: u32 = 0; at < otherFilled;) {
      const block = half + at;
      const place = cached + (<usize> load<u32>(block) << 2);
      if (load<u32>(place) == <u32> block) store<u32>(place, 0);
      at += load<u32>(block, 12);
    }
    otherFilled = filled;
    filled = 0;
    flips++;
  }
  const block = halves + <usize> current * halfBytes + filled;
  filled += length;
  work += size;
  startBlock(block, slot, size, kind, length);
  return block;
}

/** Where the starts of a tree's entries stand. */
@inline
function startsOf(block: usize): usize {
  return (block + BLOCK_HEAD + load<u32>(block, 4) + SLACK + 3) & ~3;
}

/** The block of the object at `slot`, or 0 if it is not for us. */
function resolve(slot: u32): usize {
  for (let attempt = 0; attempt < 3; attempt++) {
    let depth: u32 = 0;
    let at = slot;
    let base: usize = 0;
    while (true) {
      base = load<u32>(cached + (<usize> at << 2));
      if (base != 0) break;
      if (!openEntry(at)) return 0;
      if (entryType == OFS_DELTA || entryType == REF_DELTA) {
        if (depth >= MAX_DEPTH) return 0;
        store<u32>(stack + (<usize> depth << 2), at);
        depth++;
        at = entryBase;
        continue;
      }
      if (entryType == 0 || entryType > 4) return 0;
      base = allocate(at, entrySize, entryType);
      if (base == 0) return 0;
      const data = base + BLOCK_HEAD;
      if (
        inflate(entryData, entryEnd, data, data + entrySize, true) != OK
      ) {
        return 0;
      }
      if (entryType == TREE) findEntries(base, 0);
      store<u32>(cached + (<usize> at << 2), <u32> base);
      break;
    }
    while (depth > 0) {
      depth--;
      const delta = load<u32>(stack + (<usize> depth << 2));
      const block = applyAt(delta, base);
      if (block == 0) return 0;
      if (block == 1) {
        base = 0;
        break;
      }
      base = block;
    }
    if (base != 0) return base;
  }
  return 0;
}

/**
 * Applies the delta at `slot` to the block `base`: the new block, 0 if it is
 * not for us, 1 if making room has cleared the base.
 */
function applyAt(slot: u32, base: usize): usize {
  if (!openEntry(slot)) return 0;
  const deltaEnd = scratch + entrySize;
  if (inflate(entryData, entryEnd, scratch, deltaEnd, true) != OK) return 0;
  const baseSize = <usize> load<u32>(base, 4);
  const size = resultSize(scratch, deltaEnd, baseSize);
  if (size < 0 || size > <i64> MAX_OBJECT) return 0;
  const before = flips;
  const block = allocate(slot, <u32> size, load<u32>(base, 8));
  if (block == 0) return 0;
  const half = halves + <usize> current * halfBytes;
  if (flips != before && base >= half && base < half + halfBytes) return 1;
  const data = block + BLOCK_HEAD;
  if (
    !applyDelta(
      base + BLOCK_HEAD,
      baseSize,
      deltaEnd,
      data,
      data + <usize> size,
    )
  ) {
    return 0;
  }
  if (load<u32>(block, 8) == TREE) findEntries(block, base);
  store<u32>(cached + (<usize> slot << 2), <u32> block);
  return block;
}

// "100644 " and "40000 ", little-endian.
const FILE_WORD: u64 = 0x20343436303031;
const TREE_MODE_WORD: u64 = 0x203030303034;
const LOW_BITS: u64 = 0x0101010101010101;
const HIGH_BITS: u64 = 0x8080808080808080;

/** The end of the entry at `at`, or 0 if it is not an ordinary one. */
@inline
function entryEndAt(at: usize, end: usize): usize {
  const head = load<u64>(at);
  if ((head & 0xffffffffffffff) == FILE_WORD) {
    at += 7;
  } else if ((head & 0xffffffffffff) == TREE_MODE_WORD) {
    at += 6;
  } else {
    let byte = <u32> load<u8>(at);
    if (byte < 0x31 || byte > 0x37) return 0;
    do {
      byte = <u32> load<u8>(++at);
    } while (byte >= 0x30 && byte <= 0x37);
    if (byte != 0x20) return 0;
    at++;
  }
  const name = at;
  // The NUL that findEntries puts behind the data ends this. The lowest bit
  // that is set belongs to the first NUL.
  let word = load<u64>(at);
  let nuls = (word - LOW_BITS) & ~word & HIGH_BITS;
  while (nuls == 0) {
    at += 8;
    word = load<u64>(at);
    nuls = (word - LOW_BITS) & ~word & HIGH_BITS;
  }
  at += <usize> ctz(nuls) >> 3;
  if (at == name || at + 1 + width > end) return 0;
  return at + 1 + width;
}

@inline
function startAt(starts: usize, index: u32): u32 {
  return load<u32>(starts + (<usize> index << 2)) & ~INHERITED;
}

/** The first of `count` starts, and the end behind, that is `from` or more. */
@inline
function firstFrom(starts: usize, count: u32, from: u32): u32 {
  let low: u32 = 0;
  let length = count;
  // Without a branch that would be taken every other time.
  while (length > 0) {
    const half = length >> 1;
    const isBelow = startAt(starts, low + half) < from;
    low = select(low + half + 1, low, isBelow);
    length = select(length - half - 1, half, isBelow);
  }
  return low;
}

/**
 * Takes over the starts of a base's entries from `low` on, less `shift`, up to
 * the last that ends at `limit` or before it. Returns the one after that.
 * Writes up to four starts more.
 */
@inline
function takeStarts(
  to: usize,
  starts: usize,
  low: u32,
  known: u32,
  shift: u32,
  limit: u32,
): u32 {
  const flag = i32x4.splat(<i32> INHERITED);
  const less = i32x4.splat(<i32> shift);
  const most = i32x4.splat(<i32> limit);
  let at = low;
  while (at < known) {
    const from = starts + (<usize> at << 2);
    const plain = v128.andnot(v128.load(from), flag);
    const ends = v128.andnot(v128.load(from, 4), flag);
    v128.store(to, v128.or(i32x4.sub(plain, less), flag));
    const fits = i32x4.bitmask(i32x4.le_u(ends, most));
    const count = <u32> ctz(~fits);
    at += count;
    if (count < 4) break;
    to += 16;
  }
  // Behind the last start is whatever was there before.
  return min(at, known);
}

/**
 * Finds the entries of the tree in `block`; those that its delta copied from
 * `base`, if that is not 0, entry by entry are taken over from there.
 */
export function findEntries(block: usize, base: usize): void {
  const size = load<u32>(block, 4);
  const data = block + BLOCK_HEAD;
  const end = data + size;
  const starts = startsOf(block);
  const most = size / (width + 3) + 1;
  store<u8>(end, 0);
  let known: u32 = 0;
  let baseStarts: usize = 0;
  if (base != 0 && load<i32>(base, 16) > 0) {
    known = load<u32>(base, 16);
    baseStarts = startsOf(base);
  }
  const noted = known > 0 ? copiesNoted() : 0;
  let note = copiesAt();
  const lastNote = note + <usize> noted * COPY_BYTES;
  // Copies mostly go on a little behind the last one.
  let hint: u32 = 0;
  let count: u32 = 0;
  let at: u32 = 0;
  ownCount = 0;
  while (at < size) {
    // The copy that this entry starts in, if it does.
    while (note < lastNote && load<u32>(note) + load<u32>(note, 8) <= at) {
      note += COPY_BYTES;
    }
    if (note < lastNote && load<u32>(note) <= at) {
      const from = load<u32>(note, 4);
      const shift = from - load<u32>(note);
      const limit = from + load<u32>(note, 8);
      let low = hint;
      const lookEnd = min(known, hint + 4);
      while (low < lookEnd && startAt(baseStarts, low) < at + shift) low++;
      if (low >= known || startAt(baseStarts, low) != at + shift) {
        low = firstFrom(baseStarts, known, at + shift);
      }
      if (low < known && startAt(baseStarts, low) == at + shift) {
        const high = takeStarts(
          starts + (<usize> count << 2),
          baseStarts,
          low,
          known,
          shift,
          limit,
        );
        if (high > low) {
          count += high - low;
          hint = high;
          at = startAt(baseStarts, high) - shift;
          continue;
        }
      }
    }
    const next = entryEndAt(data + at, end);
    if (next == 0 || count >= most) return;
    if (ownCount < MAX_OWN) {
      store<u32>(own + (<usize> ownCount << 2), count);
    }
    ownCount++;
    store<u32>(starts + (<usize> count << 2), at);
    count++;
    at = <u32> (next - data);
  }
  store<u32>(starts + (<usize> count << 2), size);
  store<u32>(block, count, 16);
  if (base != 0) store<u32>(block, load<u32>(base) + 1, 20);
}

@inline
function isSeen(seen: usize, seenWords: u32, number: u32): bool {
  return number >> 5 < seenWords &&
    (load<u32>(seen + (<usize> (number >> 5) << 2)) & (1 << (number & 31))) !=
      0;
}

/**
 * Writes the entries of a tree to `out`: twice the number, plus 1 for a tree,
 * without those of its base where `partial`. Returns how many, or -1 if the
 * tree is not for us. `out` has room.
 */
export function writeEntries(block: usize, partial: bool, out: usize): i32 {
  const data = block + BLOCK_HEAD;
  const starts = startsOf(block);
  const known = load<i32>(block, 16);
  let count: i32 = 0;
  for (let i: i32 = 0; i < known; i++) {
    const start = load<u32>(starts + (<usize> i << 2));
    if (partial && (start & INHERITED) != 0) continue;
    const entry = entryAt(data, starts, i);
    if (entry == GITLINK) continue;
    if (entry < 0) return -1;
    store<i32>(out + (<usize> count << 2), entry);
    count++;
  }
  return count;
}

/** What `entryAt` gives for what a tree has that is no object of its own. */
const GITLINK: i32 = -2;

/** The type in the mode of the entry at `at`. */
@inline
function typeAt(at: usize): u32 {
  const head = load<u64>(at);
  if ((head & 0xffffffffffffff) == FILE_WORD) return 0x8000;
  if ((head & 0xffffffffffff) == TREE_MODE_WORD) return 0x4000;
  let mode: u32 = 0;
  let byte = <u32> load<u8>(at);
  do {
    mode = (mode << 3) | (byte - 0x30);
    byte = <u32> load<u8>(++at);
  } while (byte != 0x20);
  return mode & 0xf000;
}

/** An entry of a tree: twice the number, plus 1 for a tree; -1 if unknown. */
@inline
function entryAt(data: usize, starts: usize, index: u32): i32 {
  const type = typeAt(data + startAt(starts, index));
  if (type != 0x4000 && type != 0x8000 && type != 0xa000) return GITLINK;
  const number = find(data + startAt(starts, index + 1) - width);
  return number < 0 ? -1 : (number << 1) | (type == 0x4000 ? 1 : 0);
}

/** As `writeEntries` for the tree whose entries were found last. */
export function writeLast(block: usize, partial: bool, out: usize): i32 {
  const isAll = partial || ownCount == load<u32>(block, 16);
  if (!isAll || ownCount > MAX_OWN) return writeEntries(block, partial, out);
  const data = block + BLOCK_HEAD;
  const starts = startsOf(block);
  let count: i32 = 0;
  // Two rounds, so that the processor waits for many places at a time: first
  // of a fan-out, then of ids. The ids' addresses go where the starts were.
  startGuesses();
  for (let i: u32 = 0; i < ownCount; i++) {
    const ownAt = own + (<usize> i << 2);
    const index = load<u32>(ownAt);
    const type = typeAt(data + startAt(starts, index));
    if (type != 0x4000 && type != 0x8000 && type != 0xa000) continue;
    const raw = data + startAt(starts, index + 1) - width;
    store<u32>(own + (<usize> count << 2), <u32> raw);
    store<u32>(
      out + (<usize> count << 2),
      (guess(raw) << 1) | (type == 0x4000 ? 1 : 0),
    );
    count++;
  }
  for (let i: i32 = 0; i < count; i++) {
    const at = out + (<usize> i << 2);
    const raw = <usize> load<u32>(own + (<usize> i << 2));
    const entry = load<u32>(at);
    const number = confirm(entry >> 1, raw);
    if (number < 0) return -1;
    store<i32>(at, (number << 1) | (entry & 1));
  }
  return count;
}

/**
 * Expands trees: for each number at `trees` the count of its entries, the
 * number, plus one, of the tree whose entries are left out, and the entries,
 * or -1 and 0, at `out`, which takes `room` numbers. Entries are left out
 * where the tree that has them too is in the set of `seenWords` words at
 * `seen`. Returns how many trees were done before `out` was full, at least
 * one.
 */
export function expandTrees(
  trees: usize,
  count: u32,
  seen: usize,
  seenWords: u32,
  out: usize,
  room: u32,
): u32 {
  let at = out;
  const end = out + (<usize> room << 2);
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(trees + (<usize> i << 2));
    const block = slot < slotCount ? resolve(slot) : 0;
    let entries: i32 = -1;
    let base: u32 = 0;
    if (block != 0 && load<u32>(block, 8) == TREE) {
      const known = load<i32>(block, 16);
      if (known >= 0 && at + 8 + (<usize> known << 2) <= end) {
        base = load<u32>(block, 20);
        if (base != 0 && !isSeen(seen, seenWords, base - 1)) base = 0;
        entries = writeEntries(block, base != 0, at + 8);
      } else if (known >= 0 && i > 0) {
        return i;
      }
    }
    if (at + 8 > end) return i;
    store<i32>(at, entries);
    store<u32>(at, entries < 0 ? 0 : base, 4);
    at += 8;
    if (entries > 0) at += <usize> entries << 2;
  }
  return count;
}

@inline
function hexDigit(code: u32): u32 {
  if (code - 0x30 < 10) return code - 0x30;
  const lower = code | 0x20;
  return lower - 0x61 < 6 ? lower - 0x57 : 255;
}

/** The number whose id stands in hex at `at`, or -1. */
function findHex(at: usize): i32 {
  for (let i: u32 = 0; i < width; i++) {
    const high = hexDigit(<u32> load<u8>(at + (i << 1)));
    const low = hexDigit(<u32> load<u8>(at + (i << 1), 1));
    if ((high | low) > 15) return -1;
    store<u8>(rawId + i, <u8> ((high << 4) | low));
  }
  return find(rawId);
}

// "tree ", "parent ", "author" and "committer", little-endian.
const TREE_WORD: u32 = 0x65657274;
const PARENT_WORD: u64 = 0x20746e65726170;
const AUTHOR_WORD: u64 = 0x726f68747561;
const COMMITTER_WORD: u64 = 0x657474696d6d6f63;

/**
 * Writes a commit to `out`: its tree, the low and high words of its time, the
 * count of its parents, its parents. Returns how many numbers, or 0 if the
 * commit is not for us. `out` has room.
 */
function parseCommit(data: usize, end: usize, out: usize): u32 {
  const hexWidth = width << 1;
  if (data + hexWidth + 6 > end) return 0;
  if (load<u32>(data) != TREE_WORD || load<u8>(data, 4) != 0x20) return 0;
  const tree = findHex(data + 5);
  if (tree < 0) return 0;
  let at = data + 5 + hexWidth;
  if (load<u8>(at++) != 0x0a) return 0;
  let parents: u32 = 0;
  while (
    at + hexWidth + 8 < end &&
    (load<u64>(at) & 0xffffffffffffff) == PARENT_WORD
  ) {
    const parent = findHex(at + 7);
    if (parent < 0 || load<u8>(at + 7 + hexWidth) != 0x0a) return 0;
    store<i32>(out + 16 + (<usize> parents << 2), parent);
    parents++;
    at += hexWidth + 8;
  }
  if (
    at + 16 > end || (load<u64>(at) & 0xffffffffffff) != AUTHOR_WORD
  ) {
    return 0;
  }
  while (at < end && load<u8>(at) != 0x0a) at++;
  at++;
  if (
    at + 16 > end || load<u64>(at) != COMMITTER_WORD || load<u8>(at, 8) != 0x72
  ) {
    return 0;
  }
  while (at < end && load<u8>(at) != 0x3e) {
    if (load<u8>(at) == 0x0a) return 0;
    at++;
  }
  at++;
  if (at + 3 > end || load<u8>(at++) != 0x20) return 0;
  let time: u64 = 0;
  const digits = at;
  while (at < end) {
    const digit = <u32> load<u8>(at) - 0x30;
    if (digit > 9) break;
    time = time * 10 + digit;
    at++;
  }
  // Ordinary times alone: up to 15 digits, a time zone, a line end.
  if (at == digits || at - digits > 15 || at >= end) return 0;
  if (load<u8>(at) != 0x20) return 0;
  while (at < end && load<u8>(at) != 0x0a) at++;
  if (at + 1 >= end) return 0;
  store<i32>(out, tree);
  store<u32>(out, <u32> time, 4);
  store<u32>(out, <u32> (time >> 32), 8);
  store<u32>(out, parents, 12);
  return 4 + parents;
}

/** The longest chain that is gone down to see what an entry is. */
const MAX_LOOK: u32 = 64;

/** Whether an entry is a commit, by headers alone. */
function looksLikeCommit(slot: u32): bool {
  let at = slot;
  for (let depth: u32 = 0; depth < MAX_LOOK; depth++) {
    const block = load<u32>(cached + (<usize> at << 2));
    if (block != 0) return load<u32>(block, 8) == COMMIT;
    if (!openEntry(at, true)) return false;
    if (entryType != OFS_DELTA && entryType != REF_DELTA) {
      return entryType == COMMIT;
    }
    at = entryBase;
  }
  return false;
}

/**
 * Parses the commits that lie at `slot` and behind it, at most `most` of them
 * and up to the first entry that is no ordinary commit: at `out`, which takes
 * `room` numbers, each as `parseCommit` says. Returns how many.
 */
export function commitsFrom(
  slot: u32,
  most: u32,
  out: usize,
  room: u32,
): u32 {
  if (slot >= slotCount || !enterSegment(slot)) return 0;
  const last = endOf(segment);
  let at = out;
  const end = out + (<usize> room << 2);
  let done: u32 = 0;
  while (done < most && slot + done < last) {
    // The first was asked for; what lies behind it may be anything.
    if (done > 0 && !looksLikeCommit(slot + done)) break;
    const block = resolve(slot + done);
    if (block == 0 || load<u32>(block, 8) != COMMIT) break;
    const size = load<u32>(block, 4);
    if (at + 16 + (<usize> (size / (width * 2 + 8)) << 2) + 4 > end) break;
    const data = block + BLOCK_HEAD;
    const count = parseCommit(data, data + size, at);
    if (count == 0) break;
    at += <usize> count << 2;
    done++;
  }
  return done;
}
