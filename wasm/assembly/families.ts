/**
 * Walks families of trees: each tree that is stored whole and, depth first,
 * all that are deltas of it. Every one is inflated and resolved once, while
 * its base is in memory; nothing but the bases on the way down is kept.
 *
 * What is odd, large or too deep is left out with all that is based on it:
 * its caller looks that up by `expandTrees`.
 */

import { applyDelta, resultSize } from "./delta";
import { inflate } from "./inflate";
import {
  BLOCK_HEAD,
  blockBytes,
  entryData,
  entryEnd,
  entrySize,
  entryType,
  findEntries,
  OFS_DELTA,
  OK,
  openEntry,
  REF_DELTA,
  scratch,
  slotCount,
  startBlock,
  TREE,
  writeLast,
} from "./walker";

/** Larger trees, and larger deltas, are the caller's. */
const MAX_TREE: u32 = 1024 * 1024;
/** As much as a step makes, but for the last tree, and its most trees. */
const STEP_BYTES: u32 = 2 * 1024 * 1024;
const STEP_TREES: u32 = 1024;

/** Longer chains are the caller's. A frame: a block, the child to go on with. */
const MAX_FRAMES: u32 = 8192;
const FRAME_BYTES: usize = 8;
const frames: usize = memory.data(8192 * 8, 16);

// Of each slot the first of the deltas based on it, and the next one based on
// the same; all plus one.
let firsts: usize = 0;
let nexts: usize = 0;
// In `firsts`: entries of this tree are not to be left out of its deltas'.
const APART: u32 = 1 << 31;

let arena: usize = 0;
let arenaEnd: usize = 0;
let top: usize = 0;
let depth: u32 = 0;
let made: u32 = 0;
let rootsDone: u32 = 0;

/** Sets where everything lies. */
export function configureFamilies(
  firstsAt: usize,
  nextsAt: usize,
  arenaAt: usize,
  arenaSize: u32,
): void {
  firsts = firstsAt;
  nexts = nextsAt;
  arena = arenaAt;
  arenaEnd = arenaAt + <usize> arenaSize;
}

/** Forgets the family under way. */
export function endFamilies(): void {
  top = arena;
  depth = 0;
}

/** How many of the roots the last step is done with. */
export function familyRootsDone(): u32 {
  return rootsDone;
}

/** Whether a family is under way. */
export function isInFamily(): bool {
  return depth > 0;
}

/** Bytes of trees and deltas that the last step made. */
export function familyBytes(): u32 {
  return made;
}

/** A block at the top for the tree at `slot`, or 0 where there is no room. */
function place(slot: u32, size: u32): usize {
  const length = blockBytes(size, TREE);
  if (top + <usize> length > arenaEnd) return 0;
  const block = top;
  top += length;
  startBlock(block, slot, size, TREE, length);
  return block;
}

/** The block of the tree at `slot`, a delta of `base` if that is not 0. */
function make(slot: u32, base: usize): usize {
  if (!openEntry(slot) || entrySize > MAX_TREE) return 0;
  made += entrySize;
  if (base == 0) {
    if (entryType != TREE) return 0;
    const whole = place(slot, entrySize);
    if (whole == 0) return 0;
    const at = whole + BLOCK_HEAD;
    if (inflate(entryData, entryEnd, at, at + entrySize, true) != OK) return 0;
    findEntries(whole, 0);
    return whole;
  }
  if (entryType != OFS_DELTA && entryType != REF_DELTA) return 0;
  const deltaEnd = scratch + entrySize;
  if (inflate(entryData, entryEnd, scratch, deltaEnd, true) != OK) return 0;
  const baseSize = <usize> load<u32>(base, 4);
  const size = resultSize(scratch, deltaEnd, baseSize);
  if (size < 0 || size > <i64> MAX_TREE) return 0;
  made += <u32> size;
  const block = place(slot, <u32> size);
  if (block == 0) return 0;
  const data = block + BLOCK_HEAD;
  const from = base + BLOCK_HEAD;
  if (!applyDelta(from, baseSize, deltaEnd, data, data + <usize> size)) {
    return 0;
  }
  findEntries(block, base);
  return block;
}

/**
 * Makes one more tree and writes it to `out`: its slot, how many entries, the
 * slot of the base whose entries are left out or -1, the entries. Goes down
 * into its deltas. Returns the end of what was written.
 */
function visit(slot: u32, base: usize, out: usize): usize {
  const before = top;
  const block = make(slot, base);
  if (block == 0) {
    top = before;
    return out;
  }
  let end = out;
  if (load<i32>(block, 16) >= 0) {
    const baseSlot = base == 0 ? 0 : load<u32>(base);
    const partial = base != 0 &&
      (load<u32>(firsts + (<usize> baseSlot << 2)) & APART) == 0;
    const count = writeLast(block, partial, out + 12);
    if (count >= 0) {
      store<u32>(out, slot);
      store<i32>(out, count, 4);
      store<i32>(out, partial ? <i32> baseSlot : -1, 8);
      end = out + 12 + (<usize> count << 2);
    }
  }
  const child = load<u32>(firsts + (<usize> slot << 2)) & ~APART;
  if (child == 0 || depth >= MAX_FRAMES) {
    top = before;
    return end;
  }
  const frame = frames + <usize> depth * FRAME_BYTES;
  store<u32>(frame, <u32> block);
  store<u32>(frame, child, 4);
  depth++;
  return end;
}

/**
 * Goes on through the families of the `count` roots at `roots`, slots of trees
 * that are stored whole, up to a bounded amount of work. Returns how many
 * numbers were written to `out`, which takes `room`. To be called again with
 * the roots that are not done with.
 */
export function walkFamilies(
  roots: usize,
  count: u32,
  out: usize,
  room: u32,
): u32 {
  let at = out;
  // An entry has at least a digit, a space, a letter, a NUL and an id.
  const full = out + (<usize> room << 2) - (MAX_TREE / 24 + 4) * 4;
  made = 0;
  rootsDone = 0;
  for (let trees: u32 = 0; trees < STEP_TREES; trees++) {
    if (made >= STEP_BYTES || at > full) break;
    if (depth == 0) {
      if (rootsDone >= count) break;
      const root = load<u32>(roots + (<usize> rootsDone << 2));
      rootsDone++;
      if (root < slotCount) at = visit(root, 0, at);
      continue;
    }
    const frame = frames + <usize> (depth - 1) * FRAME_BYTES;
    const child = load<u32>(frame, 4);
    if (child == 0 || child > slotCount) {
      depth--;
      top = load<u32>(frame);
      continue;
    }
    store<u32>(frame, load<u32>(nexts + (<usize> (child - 1) << 2)), 4);
    at = visit(child - 1, load<u32>(frame), at);
  }
  return <u32> ((at - out) >> 2);
}
