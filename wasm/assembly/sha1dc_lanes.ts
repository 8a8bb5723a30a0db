/**
 * SHA-1 with detection of collisions of many messages, four at a time, one in
 * each lane of a vector: see sha1dc.ts for what is looked for.
 *
 * Reads nothing beyond the messages.
 */

import {
  hasTwinOf,
  meetsConditionsIn,
  sha1Continue,
  sha1Fours,
  sha1Finish,
  sha1Update,
} from "./sha1dc";

const BLOCK_BYTES: usize = 64;
const DIGEST_BYTES: usize = 20;
/** A message that hashes by lanes: its last blocks, padded. */
const TAIL_BYTES: usize = 128;

// The words of four blocks, each vector the same word of all.
const words: usize = memory.data(80 * 16, 16);
const chain: usize = memory.data(5 * 16, 16);
// The states before steps 58 and 65.
const state58: usize = memory.data(5 * 16, 16);
const state65: usize = memory.data(5 * 16, 16);
const tails: usize = memory.data(4 * 128, 16);
const idle: usize = memory.data(64, 16);

// Of each lane: where it reads, how many blocks are left there, whether these
// are its last ones; its message; whether an attack was seen.
let at0: usize = 0;
let at1: usize = 0;
let at2: usize = 0;
let at3: usize = 0;
const lefts: usize = memory.data(4 * 4, 16);
const inTail: usize = memory.data(4 * 4, 16);
const jobOf: usize = memory.data(4 * 4, 16);
const attacked: usize = memory.data(4 * 4, 16);

const NONE: u32 = u32.MAX_VALUE;

const K0: u32 = 0x5a827999;
const K1: u32 = 0x6ed9eba1;
const K2: u32 = 0x8f1bbcdc;
const K3: u32 = 0xca62c1d6;

@inline
function addressOf(lane: u32): usize {
  if (lane == 0) return at0;
  if (lane == 1) return at1;
  return lane == 2 ? at2 : at3;
}

@inline
function setAddress(lane: u32, at: usize): void {
  if (lane == 0) at0 = at;
  else if (lane == 1) at1 = at;
  else if (lane == 2) at2 = at;
  else at3 = at;
}

@inline
function field(table: usize, lane: u32): usize {
  return table + (<usize> lane << 2);
}

@inline
function setChain(lane: u32, word: usize, value: u32): void {
  store<u32>(chain + (word << 4) + (<usize> lane << 2), value);
}

@inline
function chainOf(lane: u32, word: usize): u32 {
  return load<u32>(chain + (word << 4) + (<usize> lane << 2));
}

/** Has a lane go on with its last blocks: the rest at `at`, and padding. */
function startTail(lane: u32, at: usize, rest: usize, length: usize): void {
  const tail = tails + <usize> lane * TAIL_BYTES;
  const blocks: u32 = rest + 9 > BLOCK_BYTES ? 2 : 1;
  const end = tail + <usize> blocks * BLOCK_BYTES;
  memory.copy(tail, at, rest);
  store<u8>(tail + rest, 0x80);
  memory.fill(tail + rest + 1, 0, end - 8 - (tail + rest + 1));
  store<u64>(end - 8, bswap<u64>(<u64> length << 3));
  setAddress(lane, tail);
  store<u32>(field(lefts, lane), blocks);
  store<u32>(field(inTail, lane), 1);
}

/** Gives a lane the message of `job`. */
function startJob(lane: u32, job: u32, jobs: usize): void {
  const entry = jobs + (<usize> job << 4);
  const at = <usize> load<u32>(entry);
  const length = <usize> load<u32>(entry, 4);
  store<u32>(field(jobOf, lane), job);
  store<u32>(field(attacked, lane), 0);
  store<u32>(field(inTail, lane), 0);
  // RFC 3174, 6.1.
  setChain(lane, 0, 0x67452301);
  setChain(lane, 1, 0xefcdab89);
  setChain(lane, 2, 0x98badcfe);
  setChain(lane, 3, 0x10325476);
  setChain(lane, 4, 0xc3d2e1f0);
  const blocks = <u32> (length / BLOCK_BYTES);
  if (blocks == 0) {
    startTail(lane, at, length, length);
    return;
  }
  setAddress(lane, at);
  store<u32>(field(lefts, lane), blocks);
}

/** Writes the digest that a lane has come to. */
function endJob(lane: u32, jobs: usize): void {
  const entry = jobs + (<usize> load<u32>(field(jobOf, lane)) << 4);
  const out = <usize> load<u32>(entry, 8);
  for (let i: usize = 0; i < 5; i++) {
    store<u32>(out + (i << 2), bswap<u32>(chainOf(lane, i)));
  }
  store<u32>(entry, load<u32>(field(attacked, lane)), 12);
}

/** Hashes the rest of the one message that is left as that is done alone. */
function finishAlone(lane: u32, jobs: usize): void {
  const entry = jobs + (<usize> load<u32>(field(jobOf, lane)) << 4);
  const at = addressOf(lane);
  const done = at - <usize> load<u32>(entry);
  sha1Continue(
    chainOf(lane, 0),
    chainOf(lane, 1),
    chainOf(lane, 2),
    chainOf(lane, 3),
    chainOf(lane, 4),
    done,
  );
  sha1Update(at, <usize> load<u32>(entry, 4) - done);
  const isAttack = sha1Finish(<usize> load<u32>(entry, 8));
  store<u32>(entry, isAttack ? 1 : load<u32>(field(attacked, lane)), 12);
}

/**
 * Hashes `count` messages. `jobs` tells of each where it is, its length and
 * where its digest goes, and gets, in the fourth word, whether it was made to
 * collide.
 */
export function sha1Many(jobs: usize, count: u32): void {
  let next: u32 = 0;
  let active: u32 = 0;
  for (let lane: u32 = 0; lane < 4; lane++) {
    if (next < count) {
      startJob(lane, next++, jobs);
      active++;
    } else {
      rest(lane);
    }
  }
  while (active > 0) {
    if (active == 1 && next >= count) {
      for (let lane: u32 = 0; lane < 4; lane++) {
        if (load<u32>(field(jobOf, lane)) == NONE) continue;
        if (load<u32>(field(inTail, lane)) != 0) break;
        finishAlone(lane, jobs);
        return;
      }
    }
    let blocks = NONE;
    for (let lane: u32 = 0; lane < 4; lane++) {
      const left = load<u32>(field(lefts, lane));
      if (left < blocks) blocks = left;
    }
    run(blocks);
    for (let lane: u32 = 0; lane < 4; lane++) {
      const job = load<u32>(field(jobOf, lane));
      if (job == NONE) {
        setAddress(lane, idle);
        continue;
      }
      const left = load<u32>(field(lefts, lane)) - blocks;
      store<u32>(field(lefts, lane), left);
      if (left > 0) continue;
      if (load<u32>(field(inTail, lane)) == 0) {
        const length = <usize> load<u32>(jobs + (<usize> job << 4), 4);
        startTail(lane, addressOf(lane), length & 63, length);
      } else {
        endJob(lane, jobs);
        if (next < count) {
          startJob(lane, next++, jobs);
        } else {
          rest(lane);
          active--;
        }
      }
    }
  }
}

/** Has a lane do nothing that matters. */
function rest(lane: u32): void {
  store<u32>(field(jobOf, lane), NONE);
  store<u32>(field(lefts, lane), NONE);
  setAddress(lane, idle);
}

@inline
function rotl4(value: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(value, bits), i32x4.shr_u(value, 32 - bits));
}

@inline
function choose(b: v128, c: v128, d: v128): v128 {
  return v128.xor(d, v128.and(b, v128.xor(c, d)));
}

@inline
function parity(b: v128, c: v128, d: v128): v128 {
  return v128.xor(v128.xor(b, c), d);
}

@inline
function majority(b: v128, c: v128, d: v128): v128 {
  return v128.or(v128.and(b, c), v128.and(d, v128.xor(b, c)));
}

@inline
function add3(a: v128, b: v128, c: v128): v128 {
  return i32x4.add(i32x4.add(a, b), c);
}

@inline
function swapped(value: v128): v128 {
  return i8x16.shuffle(
    value, value,
    3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
  );
}

/** Four words of each block, from the byte `from` of those on. */
@inline
function transpose(from: usize): void {
  const a = swapped(v128.load(at0 + from));
  const b = swapped(v128.load(at1 + from));
  const c = swapped(v128.load(at2 + from));
  const d = swapped(v128.load(at3 + from));
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  const out = words + (from << 2);
  v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(out, v128.shuffle<i64>(ab, cd, 1, 3), 16);
  v128.store(out, v128.shuffle<i64>(ab2, cd2, 0, 2), 32);
  v128.store(out, v128.shuffle<i64>(ab2, cd2, 1, 3), 48);
}

/** Each lane rotated by one: shifts cost more than sums and comparisons. */
@inline
function rotl1(value: v128): v128 {
  return i32x4.sub(
    i32x4.add(value, value),
    i32x4.lt_s(value, i32x4.splat(0)),
  );
}

@inline
function expandAt(at: usize): void {
  v128.store(
    at,
    rotl1(
      v128.xor(
        v128.xor(v128.load(at - 48), v128.load(at - 128)),
        v128.xor(v128.load(at - 224), v128.load(at - 256)),
      ),
    ),
  );
}

@inline
function saveState(
  to: usize,
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
): void {
  v128.store(to, a);
  v128.store(to, b, 16);
  v128.store(to, c, 32);
  v128.store(to, d, 48);
  v128.store(to, e, 64);
}

/** Mixes `blocks` blocks of each lane. */
function run(blocks: u32): void {
  const k0 = i32x4.splat(K0);
  const k1 = i32x4.splat(K1);
  const k2 = i32x4.splat(K2);
  const k3 = i32x4.splat(K3);
  for (let block: u32 = 0; block < blocks; block++) {
    transpose(0);
    transpose(16);
    transpose(32);
    transpose(48);
    for (let at = words + 256; at < words + 1280; at += 64) {
      expandAt(at);
      expandAt(at + 16);
      expandAt(at + 32);
      expandAt(at + 48);
    }
    let a = v128.load(chain);
    let b = v128.load(chain, 16);
    let c = v128.load(chain, 32);
    let d = v128.load(chain, 48);
    let e = v128.load(chain, 64);
    let w = words;
    for (const end = words + 320; w < end; w += 80) {
      e = i32x4.add(
        add3(e, rotl4(a, 5), choose(b, c, d)),
        i32x4.add(k0, v128.load(w)),
      );
      b = rotl4(b, 30);
      d = i32x4.add(
        add3(d, rotl4(e, 5), choose(a, b, c)),
        i32x4.add(k0, v128.load(w, 16)),
      );
      a = rotl4(a, 30);
      c = i32x4.add(
        add3(c, rotl4(d, 5), choose(e, a, b)),
        i32x4.add(k0, v128.load(w, 32)),
      );
      e = rotl4(e, 30);
      b = i32x4.add(
        add3(b, rotl4(c, 5), choose(d, e, a)),
        i32x4.add(k0, v128.load(w, 48)),
      );
      d = rotl4(d, 30);
      a = i32x4.add(
        add3(a, rotl4(b, 5), choose(c, d, e)),
        i32x4.add(k0, v128.load(w, 64)),
      );
      c = rotl4(c, 30);
    }
    for (const end = words + 640; w < end; w += 80) {
      e = i32x4.add(
        add3(e, rotl4(a, 5), parity(b, c, d)),
        i32x4.add(k1, v128.load(w)),
      );
      b = rotl4(b, 30);
      d = i32x4.add(
        add3(d, rotl4(e, 5), parity(a, b, c)),
        i32x4.add(k1, v128.load(w, 16)),
      );
      a = rotl4(a, 30);
      c = i32x4.add(
        add3(c, rotl4(d, 5), parity(e, a, b)),
        i32x4.add(k1, v128.load(w, 32)),
      );
      e = rotl4(e, 30);
      b = i32x4.add(
        add3(b, rotl4(c, 5), parity(d, e, a)),
        i32x4.add(k1, v128.load(w, 48)),
      );
      d = rotl4(d, 30);
      a = i32x4.add(
        add3(a, rotl4(b, 5), parity(c, d, e)),
        i32x4.add(k1, v128.load(w, 64)),
      );
      c = rotl4(c, 30);
    }
    for (const end = words + 960; w < end; w += 80) {
      e = i32x4.add(
        add3(e, rotl4(a, 5), majority(b, c, d)),
        i32x4.add(k2, v128.load(w)),
      );
      b = rotl4(b, 30);
      d = i32x4.add(
        add3(d, rotl4(e, 5), majority(a, b, c)),
        i32x4.add(k2, v128.load(w, 16)),
      );
      a = rotl4(a, 30);
      c = i32x4.add(
        add3(c, rotl4(d, 5), majority(e, a, b)),
        i32x4.add(k2, v128.load(w, 32)),
      );
      e = rotl4(e, 30);
      // That of the last turn stays: three steps in, it is before step 58.
      saveState(state58, c, d, e, a, b);
      b = i32x4.add(
        add3(b, rotl4(c, 5), majority(d, e, a)),
        i32x4.add(k2, v128.load(w, 48)),
      );
      d = rotl4(d, 30);
      a = i32x4.add(
        add3(a, rotl4(b, 5), majority(c, d, e)),
        i32x4.add(k2, v128.load(w, 64)),
      );
      c = rotl4(c, 30);
    }
    for (const end = words + 1280; w < end; w += 80) {
      if (w == words + 65 * 16) saveState(state65, a, b, c, d, e);
      e = i32x4.add(
        add3(e, rotl4(a, 5), parity(b, c, d)),
        i32x4.add(k3, v128.load(w)),
      );
      b = rotl4(b, 30);
      d = i32x4.add(
        add3(d, rotl4(e, 5), parity(a, b, c)),
        i32x4.add(k3, v128.load(w, 16)),
      );
      a = rotl4(a, 30);
      c = i32x4.add(
        add3(c, rotl4(d, 5), parity(e, a, b)),
        i32x4.add(k3, v128.load(w, 32)),
      );
      e = rotl4(e, 30);
      b = i32x4.add(
        add3(b, rotl4(c, 5), parity(d, e, a)),
        i32x4.add(k3, v128.load(w, 48)),
      );
      d = rotl4(d, 30);
      a = i32x4.add(
        add3(a, rotl4(b, 5), parity(c, d, e)),
        i32x4.add(k3, v128.load(w, 64)),
      );
      c = rotl4(c, 30);
    }
    v128.store(chain, i32x4.add(v128.load(chain), a));
    v128.store(chain, i32x4.add(v128.load(chain, 16), b), 16);
    v128.store(chain, i32x4.add(v128.load(chain, 32), c), 32);
    v128.store(chain, i32x4.add(v128.load(chain, 48), d), 48);
    v128.store(chain, i32x4.add(v128.load(chain, 64), e), 64);
    const left = v128.not(brokenConditions());
    if (v128.any_true(left)) lookAt(left);
    at0 += BLOCK_BYTES;
    at1 += BLOCK_BYTES;
    at2 += BLOCK_BYTES;
    at3 += BLOCK_BYTES;
    // Resting lanes stay where they are.
    if (load<u32>(jobOf) == NONE) at0 = idle;
    if (load<u32>(jobOf, 4) == NONE) at1 = idle;
    if (load<u32>(jobOf, 8) == NONE) at2 = idle;
    if (load<u32>(jobOf, 12) == NONE) at3 = idle;
  }
}

/** Looks closer at the attacks that the first conditions have left. */
function lookAt(masks: v128): void {
  for (let lane: u32 = 0; lane < 4; lane++) {
    let mask: u32 = 0;
    if (lane == 0) mask = i32x4.extract_lane(masks, 0);
    else if (lane == 1) mask = i32x4.extract_lane(masks, 1);
    else if (lane == 2) mask = i32x4.extract_lane(masks, 2);
    else mask = i32x4.extract_lane(masks, 3);
    if (load<u32>(field(jobOf, lane)) == NONE) continue;
    const laneWords = words + (<usize> lane << 2);
    for (; mask != 0; mask &= mask - 1) {
      const attack = ctz<u32>(mask);
      if (!meetsConditionsIn(attack, laneWords, 4)) continue;
      const offset = <usize> lane << 2;
      const isTwin = hasTwinOf(
        attack,
        laneWords,
        state58 + offset,
        state65 + offset,
        chain + offset,
      );
      if (isTwin) store<u32>(field(attacked, lane), 1);
    }
  }
}

/** All bits of each lane set where the bits of two words are equal. */
@inline
function equals(i: usize, p: i32, j: usize, q: i32): v128 {
  const first = v128.load(words + (i << 4));
  let second = v128.load(words + (j << 4));
  if (p < q) second = i32x4.shr_u(second, q - p);
  if (p > q) second = i32x4.shl(second, p - q);
  return i32x4.eq(
    v128.and(v128.xor(first, second), i32x4.splat(1 << p)),
    i32x4.splat(0),
  );
}

/** The attacks that a condition of a row and its next word are for. */
@inline
function attacksOf(row: usize, word: usize): v128 {
  return v128.load32_splat(sha1Fours() + (row << 4) + (word << 2));
}

@inline
function unlessEqual(i: usize, p: i32, j: usize, q: i32, row: usize): v128 {
  return v128.or(
    v128.or(
      v128.andnot(attacksOf(row, 0), equals(i, p, j, q)),
      v128.andnot(attacksOf(row, 1), equals(i + 1, p, j + 1, q)),
    ),
    v128.or(
      v128.andnot(attacksOf(row, 2), equals(i + 2, p, j + 2, q)),
      v128.andnot(attacksOf(row, 3), equals(i + 3, p, j + 3, q)),
    ),
  );
}

@inline
function unlessDiffer(i: usize, p: i32, j: usize, q: i32, row: usize): v128 {
  return v128.or(
    v128.or(
      v128.and(attacksOf(row, 0), equals(i, p, j, q)),
      v128.and(attacksOf(row, 1), equals(i + 1, p, j + 1, q)),
    ),
    v128.or(
      v128.and(attacksOf(row, 2), equals(i + 2, p, j + 2, q)),
      v128.and(attacksOf(row, 3), equals(i + 3, p, j + 3, q)),
    ),
  );
}

/**
 * Of each lane the attacks that the rows of FOURS rule out: those of
 * `src/kernels/wasm/sha1dc.ts`.
 */
function brokenConditions(): v128 {
  let broken = unlessEqual(42, 4, 45, 29, 0);
  broken = v128.or(broken, unlessEqual(52, 29, 53, 29, 1));
  broken = v128.or(broken, unlessDiffer(39, 1, 40, 6, 2));
  broken = v128.or(broken, unlessEqual(38, 4, 41, 29, 3));
  broken = v128.or(broken, unlessEqual(44, 6, 46, 6, 4));
  broken = v128.or(broken, unlessEqual(48, 4, 51, 29, 5));
  broken = v128.or(broken, unlessEqual(39, 6, 40, 1, 6));
  broken = v128.or(broken, unlessEqual(42, 29, 43, 29, 7));
  broken = v128.or(broken, unlessEqual(45, 6, 46, 1, 8));
  broken = v128.or(broken, unlessDiffer(35, 1, 36, 6, 9));
  broken = v128.or(broken, unlessDiffer(36, 4, 38, 4, 10));
  broken = v128.or(broken, unlessEqual(52, 4, 55, 29, 11));
  broken = v128.or(broken, unlessDiffer(44, 29, 46, 29, 12));
  broken = v128.or(broken, unlessEqual(53, 6, 54, 1, 13));
  broken = v128.or(broken, unlessDiffer(61, 2, 62, 7, 14));
  broken = v128.or(broken, unlessEqual(50, 29, 51, 29, 15));
  broken = v128.or(broken, unlessEqual(49, 6, 50, 1, 16));
  broken = v128.or(broken, unlessEqual(51, 6, 53, 6, 17));
  broken = v128.or(broken, unlessEqual(36, 4, 40, 29, 18));
  broken = v128.or(broken, unlessEqual(40, 6, 42, 6, 19));
  broken = v128.or(broken, unlessDiffer(50, 1, 54, 1, 20));
  broken = v128.or(broken, unlessDiffer(60, 0, 61, 5, 21));
  broken = v128.or(broken, unlessEqual(47, 6, 49, 6, 22));
  return v128.or(broken, unlessEqual(56, 29, 57, 29, 23));
}
