/**
 * SHA-1 that notices when a block was made to collide: the fast form of
 * `src/kernels/reference/sha1dc.ts`, which tells how. What is known of the
 * attacks is written to `sha1Tables` by the caller.
 *
 * A hash in progress lies at `sha1Context`: the chaining value (5 words), how
 * many bytes of a block are there (1 word), how many bytes came (8 bytes, at
 * 24), whether an attack was seen (1 word, at 32), the block (at 40).
 */

const CONTEXT_BYTES: usize = 104;
const FILLED: usize = 20;
const LENGTH: usize = 24;
const ATTACKED: usize = 32;
const BLOCK: usize = 40;
const BLOCK_BYTES: usize = 64;

const context: usize = memory.data(104, 16);
const words: usize = memory.data(80 * 4, 16);
const twin: usize = memory.data(80 * 4, 16);
// The states before steps 58 and 65, and one to run from.
const state58: usize = memory.data(20, 16);
const state65: usize = memory.data(20, 16);
const ended: usize = memory.data(20, 16);

// For each of 32 attacks its step, the number of its conditions and where they
// start; then 80 differences for each; then the attacks of the conditions that
// come in fours, 16 bytes for each row; then the other conditions.
const ATTACK_BYTES: usize = 12;
const DIFFERENCES: usize = 32 * 12;
const FOURS: usize = 32 * 12 + 32 * 320;
const CONDITIONS: usize = 32 * 12 + 32 * 320 + 64 * 16;
const tables: usize = memory.data(32 * 12 + 32 * 320 + 64 * 16 + 512 * 4, 16);

const K0: u32 = 0x5a827999;
const K1: u32 = 0x6ed9eba1;
const K2: u32 = 0x8f1bbcdc;
const K3: u32 = 0xca62c1d6;

/** Where the hash in progress lies. */
export function sha1Context(): usize {
  return context;
}

/** How many bytes it takes. */
export function sha1ContextBytes(): usize {
  return CONTEXT_BYTES;
}

/** Where the tables of attacks go, for 64 rows of fours and 512
 * other conditions at most. */
export function sha1Tables(): usize {
  return tables;
}

/** Starts a hash. */
export function sha1Start(): void {
  memory.fill(context, 0, CONTEXT_BYTES);
  // RFC 3174, 6.1.
  store<u32>(context, 0x67452301);
  store<u32>(context, 0xefcdab89, 4);
  store<u32>(context, 0x98badcfe, 8);
  store<u32>(context, 0x10325476, 12);
  store<u32>(context, 0xc3d2e1f0, 16);
}

/** Goes on with a hash whose whole blocks so far came to these words. */
export function sha1Continue(
  a: u32,
  b: u32,
  c: u32,
  d: u32,
  e: u32,
  length: usize,
): void {
  memory.fill(context, 0, CONTEXT_BYTES);
  save(context, a, b, c, d, e);
  store<u64>(context, <u64> length, LENGTH);
}

/** Hashes `length` bytes at `from`. */
export function sha1Update(from: usize, length: usize): void {
  const end = from + length;
  let at = from;
  store<u64>(context, load<u64>(context, LENGTH) + <u64> length, LENGTH);
  const filled = <usize> load<u32>(context, FILLED);
  if (filled > 0) {
    let some = BLOCK_BYTES - filled;
    if (some > length) some = length;
    memory.copy(context + BLOCK + filled, at, some);
    at += some;
    if (filled + some < BLOCK_BYTES) {
      store<u32>(context, <u32> (filled + some), FILLED);
      return;
    }
    compress(context + BLOCK);
  }
  while (at + BLOCK_BYTES <= end) {
    compress(at);
    at += BLOCK_BYTES;
  }
  memory.copy(context + BLOCK, at, end - at);
  store<u32>(context, <u32> (end - at), FILLED);
}

/** Ends the hash: its 20 bytes go to `out`; whether an attack was seen. */
export function sha1Finish(out: usize): bool {
  const block = context + BLOCK;
  let filled = <usize> load<u32>(context, FILLED);
  store<u8>(block + filled, 0x80);
  filled++;
  if (filled > 56) {
    memory.fill(block + filled, 0, BLOCK_BYTES - filled);
    compress(block);
    filled = 0;
  }
  memory.fill(block + filled, 0, 56 - filled);
  store<u64>(block, bswap<u64>(load<u64>(context, LENGTH) << 3), 56);
  compress(block);
  for (let i: usize = 0; i < 20; i += 4) {
    store<u32>(out + i, bswap<u32>(load<u32>(context + i)));
  }
  return load<u32>(context, ATTACKED) != 0;
}

// RFC 3174, 5, with fewer operations.
@inline
function choose(b: u32, c: u32, d: u32): u32 {
  return d ^ (b & (c ^ d));
}

@inline
function parity(b: u32, c: u32, d: u32): u32 {
  return b ^ c ^ d;
}

@inline
function majority(b: u32, c: u32, d: u32): u32 {
  return (b & c) + (d & (b ^ c));
}

@inline
function save(at: usize, a: u32, b: u32, c: u32, d: u32, e: u32): void {
  store<u32>(at, a);
  store<u32>(at, b, 4);
  store<u32>(at, c, 8);
  store<u32>(at, d, 12);
  store<u32>(at, e, 16);
}

/** Each lane of `value` rotated to the left. */
@inline
function rotated(value: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(value, bits), i32x4.shr_u(value, 32 - bits));
}

/** The lanes 2 and 3 of `first`, 0 and 1 of `second`. */
@inline
function middleOf(first: v128, second: v128): v128 {
  return v128.shuffle<i32>(first, second, 2, 3, 4, 5);
}

/** Makes the 80 words of a block, four at a time. */
function expand(block: usize): void {
  for (let i: usize = 0; i < 64; i += 16) {
    v128.store(
      words + i,
      i8x16.shuffle(
        v128.load(block + i), v128.load(block + i),
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
      ),
    );
  }
  const zero = i32x4.splat(0);
  let before = v128.load(words + 32);
  let last = v128.load(words + 48);
  for (let at = words + 64; at < words + 128; at += 16) {
    const first = v128.load(at - 64);
    // The word three before the last of four is the first of them: it joins
    // when the others are done.
    let made = rotated(
      v128.xor(
        v128.xor(first, middleOf(first, v128.load(at - 48))),
        v128.xor(before, v128.shuffle<i32>(last, zero, 1, 2, 3, 4)),
      ),
      1,
    );
    made = v128.xor(
      made,
      rotated(v128.shuffle<i32>(zero, made, 0, 1, 2, 4), 1),
    );
    v128.store(at, made);
    before = last;
    last = made;
  }
  // From word 32 on the recurrence may be taken twice, which reaches back six
  // words at least: words t - 6, t - 16, t - 28 and t - 32, rotated by 2.
  for (let at = words + 128; at < words + 320; at += 16) {
    const made = rotated(
      v128.xor(
        v128.xor(middleOf(before, last), v128.load(at - 64)),
        v128.xor(v128.load(at - 112), v128.load(at - 128)),
      ),
      2,
    );
    v128.store(at, made);
    before = last;
    last = made;
  }
}

/** Mixes the block at `block` into the chaining value, and looks at it. */
function compress(block: usize): void {
  expand(block);
  let a = load<u32>(context);
  let b = load<u32>(context, 4);
  let c = load<u32>(context, 8);
  let d = load<u32>(context, 12);
  let e = load<u32>(context, 16);
  let w = words;
  // Five steps a turn, so that the words change their parts and not places.
  for (const end = words + 80; w < end; w += 20) {
    e += rotl<u32>(a, 5) + choose(b, c, d) + K0 + load<u32>(w);
    b = rotl<u32>(b, 30);
    d += rotl<u32>(e, 5) + choose(a, b, c) + K0 + load<u32>(w, 4);
    a = rotl<u32>(a, 30);
    c += rotl<u32>(d, 5) + choose(e, a, b) + K0 + load<u32>(w, 8);
    e = rotl<u32>(e, 30);
    b += rotl<u32>(c, 5) + choose(d, e, a) + K0 + load<u32>(w, 12);
    d = rotl<u32>(d, 30);
    a += rotl<u32>(b, 5) + choose(c, d, e) + K0 + load<u32>(w, 16);
    c = rotl<u32>(c, 30);
  }
  for (const end = words + 160; w < end; w += 20) {
    e += rotl<u32>(a, 5) + parity(b, c, d) + K1 + load<u32>(w);
    b = rotl<u32>(b, 30);
    d += rotl<u32>(e, 5) + parity(a, b, c) + K1 + load<u32>(w, 4);
    a = rotl<u32>(a, 30);
    c += rotl<u32>(d, 5) + parity(e, a, b) + K1 + load<u32>(w, 8);
    e = rotl<u32>(e, 30);
    b += rotl<u32>(c, 5) + parity(d, e, a) + K1 + load<u32>(w, 12);
    d = rotl<u32>(d, 30);
    a += rotl<u32>(b, 5) + parity(c, d, e) + K1 + load<u32>(w, 16);
    c = rotl<u32>(c, 30);
  }
  for (const end = words + 240; w < end; w += 20) {
    e += rotl<u32>(a, 5) + majority(b, c, d) + K2 + load<u32>(w);
    b = rotl<u32>(b, 30);
    d += rotl<u32>(e, 5) + majority(a, b, c) + K2 + load<u32>(w, 4);
    a = rotl<u32>(a, 30);
    c += rotl<u32>(d, 5) + majority(e, a, b) + K2 + load<u32>(w, 8);
    e = rotl<u32>(e, 30);
    // The state of the last turn stays: three steps in, it is before step 58.
    save(state58, c, d, e, a, b);
    b += rotl<u32>(c, 5) + majority(d, e, a) + K2 + load<u32>(w, 12);
    d = rotl<u32>(d, 30);
    a += rotl<u32>(b, 5) + majority(c, d, e) + K2 + load<u32>(w, 16);
    c = rotl<u32>(c, 30);
  }
  for (const end = words + 320; w < end; w += 20) {
    if (w == words + 65 * 4) save(state65, a, b, c, d, e);
    e += rotl<u32>(a, 5) + parity(b, c, d) + K3 + load<u32>(w);
    b = rotl<u32>(b, 30);
    d += rotl<u32>(e, 5) + parity(a, b, c) + K3 + load<u32>(w, 4);
    a = rotl<u32>(a, 30);
    c += rotl<u32>(d, 5) + parity(e, a, b) + K3 + load<u32>(w, 8);
    e = rotl<u32>(e, 30);
    b += rotl<u32>(c, 5) + parity(d, e, a) + K3 + load<u32>(w, 12);
    d = rotl<u32>(d, 30);
    a += rotl<u32>(b, 5) + parity(c, d, e) + K3 + load<u32>(w, 16);
    c = rotl<u32>(c, 30);
  }
  store<u32>(context, load<u32>(context) + a);
  store<u32>(context, load<u32>(context, 4) + b, 4);
  store<u32>(context, load<u32>(context, 8) + c, 8);
  store<u32>(context, load<u32>(context, 12) + d, 12);
  store<u32>(context, load<u32>(context, 16) + e, 16);

  let attacks = sha1Attacks();
  while (attacks != 0) {
    if (hasTwin(ctz<u32>(attacks))) store<u32>(context, 1, ATTACKED);
    attacks &= attacks - 1;
  }
}

/** The attacks, as a mask, that the last block's words do not rule out. */
export function sha1Attacks(): u32 {
  const common = commonConditions();
  let mask = common;
  for (let left = common; left != 0; left &= left - 1) {
    const attack = ctz<u32>(left);
    if (!meetsConditions(attack)) mask &= ~(<u32> 1 << attack);
  }
  return mask;
}

/** All bits of each lane set where the bits of four pairs of words differ. */
@inline
function differences(i: usize, p: i32, j: usize, q: i32): v128 {
  return i32x4.shr_s(
    v128.xor(
      i32x4.shl(v128.load(words + (i << 2)), 31 - p),
      i32x4.shl(v128.load(words + (j << 2)), 31 - q),
    ),
    31,
  );
}

/** The attacks that bits ought to be equal for, where they are not. */
@inline
function unlessEqual(i: usize, p: i32, j: usize, q: i32, row: usize): v128 {
  return v128.and(
    v128.load(tables + FOURS + (row << 4)),
    differences(i, p, j, q),
  );
}

/** The attacks that bits ought to differ for, where they do not. */
@inline
function unlessDiffer(i: usize, p: i32, j: usize, q: i32, row: usize): v128 {
  return v128.andnot(
    v128.load(tables + FOURS + (row << 4)),
    differences(i, p, j, q),
  );
}

/**
 * The attacks that are left by the conditions that come in fours: the same
 * bits of the next words. These are the rows of FOURS in
 * `src/kernels/wasm/sha1dc.ts`.
 */
function commonConditions(): u32 {
  let broken = i32x4.splat(0);
  broken = v128.or(broken, unlessEqual(42, 4, 45, 29, 0));
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
  broken = v128.or(broken, unlessEqual(56, 29, 57, 29, 23));
  broken = v128.or(broken, v128.shuffle<i32>(broken, broken, 2, 3, 0, 1));
  return ~(<u32> i32x4.extract_lane(broken, 0) |
    <u32> i32x4.extract_lane(broken, 1));
}

/** Where the attacks stand that conditions in fours are for. */
@inline
export function sha1Fours(): usize {
  return tables + FOURS;
}

/** The other conditions of one attack; few blocks meet more than two. */
function meetsConditions(attack: u32): bool {
  return meetsConditionsIn(attack, words, 2);
}

/** As `meetsConditions`, of words that stand `1 << shift` bytes apart. */
export function meetsConditionsIn(
  attack: u32,
  from: usize,
  shift: usize,
): bool {
  const entry = tables + <usize> attack * ATTACK_BYTES;
  let at = tables + CONDITIONS + (<usize> load<u32>(entry, 8) << 2);
  const end = at + (<usize> load<u32>(entry, 4) << 2);
  while (at < end) {
    // Bits 0-6 a word, 7-11 its bit, 12-18 and 19-23 the other, 24 differ.
    const packed = load<u32>(at);
    const first = load<u32>(from + (<usize> (packed & 127) << shift)) >>
      ((packed >> 7) & 31);
    const second = load<u32>(from + (<usize> ((packed >> 12) & 127) << shift)) >>
      ((packed >> 19) & 31);
    if (((first ^ second) & 1) != packed >> 24) return false;
    at += 4;
  }
  return true;
}

/**
 * As `hasTwin`, of a block that stands in one lane of vectors: its words, the
 * states before steps 58 and 65, the chaining value after it. What was hashed
 * in the context is lost.
 */
export function hasTwinOf(
  attack: u32,
  from: usize,
  before58: usize,
  before65: usize,
  chain: usize,
): bool {
  for (let i: usize = 0; i < 80; i++) {
    store<u32>(words + (i << 2), load<u32>(from + (i << 4)));
  }
  for (let i: usize = 0; i < 5; i++) {
    store<u32>(state58 + (i << 2), load<u32>(before58 + (i << 4)));
    store<u32>(state65 + (i << 2), load<u32>(before65 + (i << 4)));
    store<u32>(context + (i << 2), load<u32>(chain + (i << 4)));
  }
  return hasTwin(attack);
}

/** Whether the twin of the block ends with the same chaining value. */
function hasTwin(attack: u32): bool {
  const step = load<u32>(tables + <usize> attack * ATTACK_BYTES);
  const differences = tables + DIFFERENCES + <usize> attack * 320;
  for (let i: usize = 0; i < 320; i += 16) {
    v128.store(
      twin + i,
      v128.xor(v128.load(words + i), v128.load(differences + i)),
    );
  }
  const middle = step == 58 ? state58 : state65;
  runOn(middle, step);
  let a = load<u32>(middle);
  let b = load<u32>(middle, 4);
  let c = load<u32>(middle, 8);
  let d = load<u32>(middle, 12);
  let e = load<u32>(middle, 16);
  for (let i: i32 = <i32> step - 1; i >= 0; i--) {
    const next = a;
    a = b;
    b = rotl<u32>(c, 2);
    c = d;
    d = e;
    e = next - rotl<u32>(a, 5) - mixed(i, b, c, d) -
      load<u32>(twin + (<usize> i << 2));
  }
  return a + load<u32>(ended) == load<u32>(context) &&
    b + load<u32>(ended, 4) == load<u32>(context, 4) &&
    c + load<u32>(ended, 8) == load<u32>(context, 8) &&
    d + load<u32>(ended, 12) == load<u32>(context, 12) &&
    e + load<u32>(ended, 16) == load<u32>(context, 16);
}

/** Runs the twin from `middle`, before `step`, to its end. */
function runOn(middle: usize, step: u32): void {
  let a = load<u32>(middle);
  let b = load<u32>(middle, 4);
  let c = load<u32>(middle, 8);
  let d = load<u32>(middle, 12);
  let e = load<u32>(middle, 16);
  for (let i: i32 = <i32> step; i < 80; i++) {
    const next = rotl<u32>(a, 5) + mixed(i, b, c, d) + e +
      load<u32>(twin + (<usize> i << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = next;
  }
  save(ended, a, b, c, d, e);
}

/** RFC 3174, 5: f(t) and K(t) of one step. */
@inline
function mixed(i: i32, b: u32, c: u32, d: u32): u32 {
  if (i < 20) return choose(b, c, d) + K0;
  if (i < 40) return parity(b, c, d) + K1;
  if (i < 60) return majority(b, c, d) + K2;
  return parity(b, c, d) + K3;
}
