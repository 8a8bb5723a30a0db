/**
 * Lines of a `packed-refs` file: checked and indexed, and made packets.
 *
 * It takes plain files alone: lower-case ids, names that keep git's rules and
 * lie below `refs/`, in ascending order. Whatever is odd is left to the caller,
 * who knows what git says of it.
 *
 * Reads up to 16 bytes beyond its input and writes as many beyond its output.
 */

const NEWLINE: u8 = 0x0a;
const CARET: u8 = 0x5e;
const DOT: u8 = 0x2e;
const SLASH: u8 = 0x2f;
const AT: u8 = 0x40;
const BRACE: u8 = 0x7b;

/** core/ref_name.ts has the same limit. */
const MAX_NAME: usize = 4096;

/** " peeled:" and "^{}\n". */
const PEELED: u64 = 0x3a64656c65657020;
const DEREF: u32 = 0x0a7d7b5e;

let readTo: usize = 0;
let wroteTo: usize = 0;

/** Where the last call stopped reading. */
export function refsInputEnd(): usize {
  return readTo;
}

/** Where the last call stopped writing. */
export function refsOutputEnd(): usize {
  return wroteTo;
}

/** The values of hex digits; of other characters, more than 15. */
@inline
function digits(text: v128): v128 {
  const number = i8x16.sub(text, i8x16.splat(0x30));
  const isNumber = i8x16.lt_u(number, i8x16.splat(10));
  const letter = i8x16.sub(text, i8x16.splat(0x61));
  const isLetter = i8x16.lt_u(letter, i8x16.splat(6));
  const known = v128.bitselect(
    number,
    i8x16.add(letter, i8x16.splat(10)),
    isNumber,
  );
  return v128.or(known, v128.not(v128.or(isNumber, isLetter)));
}

function isHex(at: usize, length: usize): bool {
  let all = digits(v128.load(at));
  for (let i: usize = 16; i + 16 <= length; i += 16) {
    all = v128.or(all, digits(v128.load(at + i)));
  }
  all = v128.or(all, digits(v128.load(at + length - 16)));
  return !v128.any_true(v128.and(all, i8x16.splat(<i8> 0xf0)));
}

/** The eight bytes that sixteen hex digits stand for. */
@inline
function rawBytes(at: usize): u64 {
  const halves = digits(v128.load(at));
  const high = v128.and(i16x8.shl(halves, 4), i16x8.splat(0xf0));
  const both = v128.or(high, i16x8.shr_u(halves, 8));
  return i64x2.extract_lane(i8x16.narrow_i16x8_u(both, both), 0);
}

/** A bit for each byte that is not plain in a name: see scanName. */
@inline
function special(text: v128): i32 {
  const low = i8x16.swizzle(
    i8x16(3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7, 25, 9, 1, 27, 23),
    v128.and(text, i8x16.splat(15)),
  );
  const high = i8x16.swizzle(
    i8x16(1, 1, 2, 4, 0, 8, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0),
    i8x16.shr_u(text, 4),
  );
  return i8x16.bitmask(i8x16.ne(v128.and(low, high), i8x16.splat(0)));
}

function endsInLock(start: usize, end: usize): bool {
  return end - start >= 5 && load<u32>(end - 4) == 0x6b636f6c &&
    load<u8>(end - 5) == DOT;
}

/**
 * Where the name at `start` ends: at its newline; 0 where it breaks a rule,
 * `end` and more where it goes on there.
 */
function scanName(start: usize, end: usize): usize {
  for (let block = start; block < end; block += 16) {
    for (let mask = special(v128.load(block)); mask != 0; mask &= mask - 1) {
      const at = block + ctz(mask);
      if (at >= end) return end;
      const byte = load<u8>(at);
      const before = at == start ? SLASH : load<u8>(at - 1);
      if (byte == SLASH) {
        if (before == SLASH || endsInLock(start, at)) return 0;
      } else if (byte == NEWLINE) {
        const isBad = before == SLASH || before == DOT ||
          endsInLock(start, at) || at - start > MAX_NAME ||
          (at == start + 1 && before == AT);
        return isBad ? 0 : at;
      } else if (byte == DOT) {
        if (before == DOT || before == SLASH) return 0;
      } else if (byte != BRACE || before == AT) {
        return 0;
      }
    }
  }
  return end;
}

/** Whether the name at `a` is below the one at `b`; both end in a newline. */
function isAscending(a: usize, b: usize): bool {
  const newlines: u64 = 0x0a0a0a0a0a0a0a0a;
  for (;; a += 8, b += 8) {
    const left = load<u64>(a);
    const right = load<u64>(b);
    const zeros = left ^ newlines;
    const found = (zeros - 0x0101010101010101) & ~zeros & 0x8080808080808080;
    const lineEnd = found == 0 ? <u64> 64 : ctz(found) & ~7;
    const differs = left ^ right;
    const place = differs == 0 ? <u64> 64 : ctz(differs) & ~7;
    if (place < 64 && place <= lineEnd) {
      return <u8> (left >> place) < <u8> (right >> place);
    }
    if (lineEnd < 64) return false;
  }
  return false;
}

/**
 * Indexes the whole records in `[input, end)`: where each starts, plus `base`,
 * is written to `out`, up to `room` of them. Returns how many, or -1 where
 * something is odd. `isLast` is 1 where the file ends at `end`.
 */
export function indexRefs(
  input: usize,
  end: usize,
  isLast: u32,
  hexLength: usize,
  base: i32,
  out: usize,
  room: i32,
): i32 {
  let at = input;
  let count: i32 = 0;
  let previous: usize = 0;
  while (at < end && count < room) {
    const name = at + hexLength + 1;
    if (name + 5 > end) break;
    const isRef = load<u8>(name - 1) == 0x20 &&
      load<u32>(name) == 0x73666572 && load<u8>(name + 4) == SLASH;
    if (!isRef || !isHex(at, hexLength)) return -1;
    const eol = scanName(name, end);
    if (eol == 0) return -1;
    let next = eol + 1;
    if (eol >= end || (next == end && isLast == 0)) break;
    if (next < end && load<u8>(next) == CARET) {
      const peeled = next + 1;
      next = peeled + hexLength + 1;
      if (next > end) break;
      if (load<u8>(next - 1) != NEWLINE || !isHex(peeled, hexLength)) return -1;
      if (next == end && isLast == 0) break;
    }
    if (previous != 0 && !isAscending(previous, name)) return -1;
    previous = name;
    store<i32>(out + (<usize> count << 2), <i32> (at - input) + base);
    count++;
    at = next;
  }
  if (isLast != 0 && at < end && count < room) return -1;
  readTo = at;
  return count;
}

@inline
function lineEnd(at: usize): usize {
  for (;; at += 16) {
    const mask = i8x16.bitmask(
      i8x16.eq(v128.load(at), i8x16.splat(<i8> NEWLINE)),
    );
    if (mask != 0) return at + ctz(mask);
  }
  return at;
}

/** Copies `length` bytes, and up to 15 more. */
@inline
function copy(to: usize, from: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += 16) {
    v128.store(to + i, v128.load(from + i));
  }
}

@inline
function hexDigitOf(value: usize): u8 {
  const digit = <u8> (value & 15);
  return digit < 10 ? 0x30 + digit : 0x57 + digit;
}

@inline
function writeLength(at: usize, length: usize): void {
  store<u8>(at, hexDigitOf(length >> 12));
  store<u8>(at + 1, hexDigitOf(length >> 8));
  store<u8>(at + 2, hexDigitOf(length >> 4));
  store<u8>(at + 3, hexDigitOf(length));
}

/**
 * Makes a packet of each record in `[input, end)`, which `indexRefs` has
 * checked, and writes the raw ids of the refs to `ids`. Returns their count.
 * `form` is 0 for lines alone, 1 for what they peel to behind them, 2 for that
 * in a packet of its own. Writes at most twice the input's length.
 */
export function encodeRefs(
  input: usize,
  end: usize,
  hexLength: usize,
  form: u32,
  out: usize,
  ids: usize,
): i32 {
  let at = input;
  let to = out;
  let count: i32 = 0;
  while (at < end) {
    for (let i: usize = 0; i + 16 <= hexLength; i += 16) {
      store<u64>(ids + (i >> 1), rawBytes(at + i));
    }
    // Of 40 digits the last 16 overlap the ones before.
    store<u64>(ids + (hexLength >> 1) - 8, rawBytes(at + hexLength - 16));
    ids += hexLength >> 1;
    const eol = lineEnd(at + hexLength + 1);
    const length = eol - at;
    const peeled = eol + 2;
    const isTag = eol + 1 < end && load<u8>(eol + 1) == CARET;
    copy(to + 4, at, length);
    if (isTag && form == 1) {
      const total = length + hexLength + 13;
      writeLength(to, total);
      to += 4 + length;
      store<u64>(to, PEELED);
      copy(to + 8, peeled, hexLength + 1);
      to += 9 + hexLength;
    } else {
      writeLength(to, length + 5);
      to += 5 + length;
      store<u8>(to - 1, NEWLINE);
      if (isTag && form == 2) {
        writeLength(to, length + 8);
        copy(to + 4, peeled, hexLength);
        copy(to + 4 + hexLength, at + hexLength, length - hexLength);
        to += 8 + length;
        store<u32>(to - 4, DEREF);
      }
    }
    at = isTag ? peeled + hexLength + 1 : eol + 1;
    count++;
  }
  readTo = at;
  wroteTo = to;
  return count;
}
