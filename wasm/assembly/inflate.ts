/**
 * Inflate for pack entries and loose objects: one zlib stream whose output
 * size is known, from memory to memory.
 *
 * Hostile input is expected: nothing is read more than 64 bytes beyond
 * `inEnd`, nothing is written more than 16 bytes beyond `outEnd`, and every
 * turn of every loop takes input or gives output.
 *
 * RFC 1950, RFC 1951. Two-level tables as zlib's inftrees.c has them, with the
 * sizes that its enough.c proves: 1334 entries for 286 symbols at 10 bits, 402
 * for 30 symbols at 8 bits.
 */

import { adler32, addAdler32 } from "./adler32";

const OK: i32 = 0;
const TRUNCATED: i32 = 1;
const CORRUPT: i32 = 2;
const TOO_LONG: i32 = 3;
const TOO_SHORT: i32 = 4;

const LITERAL_BITS: u32 = 10;
const DISTANCE_BITS: u32 = 8;
const LENGTH_BITS: u32 = 7;
// The longest fixed codes: RFC 1951, 3.2.6.
const FIXED_LITERAL_BITS: u32 = 9;
const FIXED_DISTANCE_BITS: u32 = 5;

// A table entry: bits 0-3 the code's length, 8-11 how many extra bits, 16-30
// the base value; the flags below; bit 31 is a literal, its byte in 16-23.
const END_OF_BLOCK: u32 = 1 << 12;
const INVALID: u32 = 1 << 13;
const SUBTABLE: u32 = 1 << 14;
const LITERAL: u32 = 1 << 31;
const SPECIAL: u32 = END_OF_BLOCK | INVALID | SUBTABLE;

const literals: usize = memory.data(1344 * 4, 16);
const distances: usize = memory.data(416 * 4, 16);
const lengthCodes: usize = memory.data(128 * 4, 16);
const fixedLiterals: usize = memory.data(512 * 4, 16);
const fixedDistances: usize = memory.data(32 * 4, 16);
const lengths: usize = memory.data(512, 16);
const sorted: usize = memory.data(320 * 2, 16);
const counts: usize = memory.data(17 * 4, 16);
const starts: usize = memory.data(17 * 4, 16);

const lengthBase: StaticArray<u16> = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17,
  19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const lengthExtra: StaticArray<u8> = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2,
  2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase: StaticArray<u16> = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49,
  65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577];
const distanceExtra: StaticArray<u8> = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5,
  5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const lengthOrder: StaticArray<u8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4,
  12, 3, 13, 2, 14, 1, 15];

let fixedReady: bool = false;
let tableBits: u32 = 0;
let literalBits: u32 = 0;
let distanceBits: u32 = 0;
let position: usize = 0;
let written: usize = 0;

// The state of the stream under way, kept here between its blocks and in
// locals inside them: the bit buffer, how many bits it holds, the next input
// byte, the next output byte.
let bitBuffer: u64 = 0;
let bitCount: u32 = 0;
let nextIn: usize = 0;
let nextOut: usize = 0;

// What a block gave when the output was full: a literal, or a copy's rest.
let pendingLiteral: i32 = -1;
let pendingLength: usize = 0;
let pendingDistance: usize = 0;

/** Where the input of the last stream ended. */
export function inputEnd(): usize {
  return position;
}

/** Where the output of the last stream ended. */
export function outputEnd(): usize {
  return written;
}

/** What a set of codes stands for. */
const enum Use {
  Lengths,
  Literals,
  Distances,
}

function entryOf(symbol: u32, use: Use): u32 {
  if (use == Use.Lengths) return symbol << 16;
  if (use == Use.Literals) {
    if (symbol < 256) return LITERAL | (symbol << 16);
    if (symbol == 256) return END_OF_BLOCK;
    if (symbol > 285) return INVALID;
    return (<u32> unchecked(lengthBase[symbol - 257]) << 16) |
      (<u32> unchecked(lengthExtra[symbol - 257]) << 8);
  }
  if (symbol > 29) return INVALID;
  return (<u32> unchecked(distanceBase[symbol]) << 16) |
    (<u32> unchecked(distanceExtra[symbol]) << 8);
}

@inline
function reversed(code: u32, bits: u32): u32 {
  let value = code;
  value = ((value & 0x5555) << 1) | ((value >> 1) & 0x5555);
  value = ((value & 0x3333) << 2) | ((value >> 2) & 0x3333);
  value = ((value & 0x0f0f) << 4) | ((value >> 4) & 0x0f0f);
  value = ((value & 0x00ff) << 8) | ((value >> 8) & 0x00ff);
  return value >> (16 - bits);
}

/**
 * Builds a two-level table from `count` code lengths, the first level for at
 * most `limit` bits; `tableBits` tells for how many.
 */
function build(
  from: usize,
  count: u32,
  limit: u32,
  table: usize,
  use: Use,
): i32 {
  memory.fill(counts, 0, 17 * 4);
  for (let i: u32 = 0; i < count; i++) {
    const slot = counts + (<usize> load<u8>(from + i) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  store<u32>(counts, 0);
  let longest: u32 = 15;
  while (longest > 0 && load<u32>(counts + (longest << 2)) == 0) longest--;
  // Small objects have short codes: a smaller table is filled in less time.
  let root = longest < limit ? longest : limit;
  if (root == 0) root = 1;
  tableBits = root;
  let left: i32 = 1;
  store<u32>(starts + 4, 0);
  for (let bits: u32 = 1; bits <= 15; bits++) {
    const here = load<u32>(counts + (bits << 2));
    left = (left << 1) - <i32> here;
    if (left < 0) return CORRUPT;
    store<u32>(
      starts + ((bits + 1) << 2),
      load<u32>(starts + (bits << 2)) + here,
    );
  }
  if (left > 0) {
    // Incomplete: zlib takes no codes at all, or one code of one bit.
    if (longest > 0 && (use == Use.Lengths || longest != 1)) return CORRUPT;
    for (let at: u32 = 0; at < (1 << root); at++) {
      store<u32>(table + (at << 2), INVALID | 1);
    }
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const bits = <u32> load<u8>(from + symbol);
    if (bits == 0) continue;
    const slot = starts + (bits << 2);
    const at = load<u32>(slot);
    store<u16>(sorted + (at << 1), <u16> symbol);
    store<u32>(slot, at + 1);
  }
  let code: u32 = 0;
  let index: u32 = 0;
  let next: u32 = 1 << root;
  let prefix: u32 = 0xffffffff;
  let subStart: u32 = 0;
  let subSize: u32 = 0;
  const mask: u32 = (1 << root) - 1;
  for (let bits: u32 = 1; bits <= longest; bits++) {
    const here = load<u32>(counts + (bits << 2));
    for (let k: u32 = 0; k < here; k++, index++, code++) {
      const symbol = <u32> load<u16>(sorted + (index << 1));
      const entry = entryOf(symbol, use);
      const low = reversed(code, bits);
      if (bits <= root) {
        for (let at = low; at <= mask; at += 1 << bits) {
          store<u32>(table + (at << 2), entry | bits);
        }
        continue;
      }
      if ((low & mask) != prefix) {
        prefix = low & mask;
        let sub = bits - root;
        let room: i32 = 1 << sub;
        let level = bits;
        let codes = <i32> (here - k);
        while (level < longest) {
          room -= codes;
          if (room <= 0) break;
          sub++;
          level++;
          room <<= 1;
          codes = <i32> load<u32>(counts + (level << 2));
        }
        subStart = next;
        subSize = 1 << sub;
        next += subSize;
        store<u32>(
          table + (prefix << 2),
          SUBTABLE | (subStart << 16) | (sub << 8) | root,
        );
      }
      for (let at = low >> root; at < subSize; at += 1 << (bits - root)) {
        store<u32>(table + ((subStart + at) << 2), entry | (bits - root));
      }
    }
    code <<= 1;
  }
  return OK;
}

function buildFixed(): void {
  memory.fill(lengths, 8, 144);
  memory.fill(lengths + 144, 9, 112);
  memory.fill(lengths + 256, 7, 24);
  memory.fill(lengths + 280, 8, 8);
  build(lengths, 288, LITERAL_BITS, fixedLiterals, Use.Literals);
  memory.fill(lengths, 5, 32);
  build(lengths, 32, DISTANCE_BITS, fixedDistances, Use.Distances);
  fixedReady = true;
}

/** Reads the code lengths of a dynamic block and builds its tables. */
function dynamicTables(inEnd: usize): i32 {
  let bits = bitBuffer;
  let count = bitCount;
  let inp = nextIn;
  const literalCount = (<u32> bits & 31) + 257;
  const distanceCount = (<u32> (bits >> 5) & 31) + 1;
  const lengthCount = (<u32> (bits >> 10) & 15) + 4;
  bits >>= 14;
  count -= 14;
  if (literalCount > 286 || distanceCount > 30) {
    return corrupt(bits, count, inp);
  }
  memory.fill(lengths, 0, 19);
  for (let i: u32 = 0; i < lengthCount; i++) {
    if (count < 3) {
      bits |= load<u64>(inp) << count;
      inp += (63 - count) >> 3;
      count |= 56;
    }
    store<u8>(
      lengths + <usize> unchecked(lengthOrder[i]),
      <u8> (bits & 7),
    );
    bits >>= 3;
    count -= 3;
  }
  const status = build(lengths, 19, LENGTH_BITS, lengthCodes, Use.Lengths);
  if (status != OK) return corrupt(bits, count, inp);
  const lengthMask: usize = (1 << tableBits) - 1;
  const total = literalCount + distanceCount;
  let at: u32 = 0;
  while (at < total) {
    bits |= load<u64>(inp) << count;
    inp += (63 - count) >> 3;
    count |= 56;
    if (inp > inEnd + 8) {
      saveIn(bits, count, inp);
      return TRUNCATED;
    }
    const entry = load<u32>(
      lengthCodes + ((<usize> bits & lengthMask) << 2),
    );
    if ((entry & INVALID) != 0) {
      return corrupt(bits, count, inp);
    }
    bits >>= entry & 15;
    count -= entry & 15;
    const symbol = entry >> 16;
    if (symbol < 16) {
      store<u8>(lengths + at, <u8> symbol);
      at++;
      continue;
    }
    let value: u8 = 0;
    let repeat: u32 = 0;
    if (symbol == 16) {
      if (at == 0) {
        return corrupt(bits, count, inp);
      }
      value = load<u8>(lengths + at - 1);
      repeat = 3 + (<u32> bits & 3);
      bits >>= 2;
      count -= 2;
    } else if (symbol == 17) {
      repeat = 3 + (<u32> bits & 7);
      bits >>= 3;
      count -= 3;
    } else {
      repeat = 11 + (<u32> bits & 127);
      bits >>= 7;
      count -= 7;
    }
    if (at + repeat > total) {
      return corrupt(bits, count, inp);
    }
    memory.fill(lengths + at, value, repeat);
    at += repeat;
  }
  saveIn(bits, count, inp);
  if (load<u8>(lengths + 256) == 0) return CORRUPT;
  const built = build(
    lengths,
    literalCount,
    LITERAL_BITS,
    literals,
    Use.Literals,
  );
  if (built != OK) return built;
  literalBits = tableBits;
  const ended = build(
    lengths + literalCount,
    distanceCount,
    DISTANCE_BITS,
    distances,
    Use.Distances,
  );
  distanceBits = tableBits;
  return ended;
}

function corrupt(bits: u64, count: u32, inp: usize): i32 {
  saveIn(bits, count, inp);
  return CORRUPT;
}

@inline
function saveIn(bits: u64, count: u32, inp: usize): void {
  bitBuffer = bits;
  bitCount = count;
  nextIn = inp;
}

/** Decodes the codes of one block up to its end. */
function codes(
  literalTable: usize,
  distanceTable: usize,
  inEnd: usize,
  output: usize,
  outEnd: usize,
): i32 {
  let bits = bitBuffer;
  let count = bitCount;
  let inp = nextIn;
  let out = nextOut;
  let status: i32 = OK;
  const literalWidth = literalBits;
  const distanceWidth = distanceBits;
  const literalMask: usize = (1 << literalWidth) - 1;
  const distanceMask: usize = (1 << distanceWidth) - 1;
  while (true) {
      bits |= load<u64>(inp) << count;
      inp += (63 - count) >> 3;
      count |= 56;
      if (inp > inEnd + 8) {
        status = TRUNCATED;
      break;
      }
      let entry = load<u32>(literalTable + ((<usize> bits & literalMask) << 2));
      // Up to three literals of at most 10 bits before bits run short.
      if ((entry & LITERAL) != 0 && out + 3 <= outEnd) {
        bits >>= entry & 15;
        count -= entry & 15;
        store<u8>(out++, <u8> (entry >> 16));
        entry = load<u32>(literalTable + ((<usize> bits & literalMask) << 2));
        if ((entry & LITERAL) != 0) {
          bits >>= entry & 15;
          count -= entry & 15;
          store<u8>(out++, <u8> (entry >> 16));
          entry = load<u32>(literalTable + ((<usize> bits & literalMask) << 2));
          if ((entry & LITERAL) != 0) {
            bits >>= entry & 15;
            count -= entry & 15;
            store<u8>(out++, <u8> (entry >> 16));
          }
        }
        continue;
      }
      if ((entry & SUBTABLE) != 0) {
        bits >>= literalWidth;
        count -= literalWidth;
        const sub = (entry >> 16) +
          (<u32> bits & ((1 << ((entry >> 8) & 15)) - 1));
        entry = load<u32>(literalTable + (sub << 2));
      }
      bits >>= entry & 15;
      count -= entry & 15;
      if ((entry & LITERAL) != 0) {
        if (out >= outEnd) {
          pendingLiteral = <i32> (entry >> 16) & 255;
          status = TOO_LONG;
      break;
        }
        store<u8>(out++, <u8> (entry >> 16));
        continue;
      }
      if ((entry & SPECIAL) != 0) {
        if ((entry & END_OF_BLOCK) != 0) break;
        status = CORRUPT;
      break;
      }
      let extra = (entry >> 8) & 15;
      let length: usize = (entry >> 16) + (<u32> bits & ((1 << extra) - 1));
      bits >>= extra;
      count -= extra;

      entry = load<u32>(distanceTable + ((<usize> bits & distanceMask) << 2));
      if ((entry & SUBTABLE) != 0) {
        bits >>= distanceWidth;
        count -= distanceWidth;
        const sub = (entry >> 16) +
          (<u32> bits & ((1 << ((entry >> 8) & 15)) - 1));
        entry = load<u32>(distanceTable + (sub << 2));
      }
      bits >>= entry & 15;
      count -= entry & 15;
      if ((entry & SPECIAL) != 0) {
        status = CORRUPT;
      break;
      }
      extra = (entry >> 8) & 15;
      const distance: usize = (entry >> 16) +
        (<u32> bits & ((1 << extra) - 1));
      bits >>= extra;
      count -= extra;
      if (distance > out - output) {
        status = CORRUPT;
      break;
      }
      let full = false;
      if (length > outEnd - out) {
        pendingLength = length - (outEnd - out);
        pendingDistance = distance;
        length = outEnd - out;
        full = true;
      }
      let source = out - distance;
      const end = out + length;
      if (distance >= 8) {
        while (out < end) {
          store<u64>(out, load<u64>(source));
          out += 8;
          source += 8;
        }
        out = end;
      } else if (distance == 1) {
        memory.fill(out, load<u8>(source), length);
        out = end;
      } else {
        while (out < end) {
          store<u8>(out++, load<u8>(source++));
        }
      }
      if (full) {
        status = TOO_LONG;
      break;
      }
    }
  saveIn(bits, count, inp);
  nextOut = out;
  return status;
}

/** Copies a stored block. */
function stored(inEnd: usize, outEnd: usize): i32 {
  const inp = nextIn - (bitCount >> 3);
  saveIn(0, 0, inEnd + 1);
  if (inp + 4 > inEnd) return TRUNCATED;
  const length = <u32> load<u16>(inp);
  nextIn = inp;
  if ((length ^ <u32> load<u16>(inp + 2)) != 0xffff) return CORRUPT;
  let room = <u32> (outEnd - nextOut);
  if (room > length) room = length;
  nextIn = inEnd + 1;
  if (inp + 4 + room > inEnd) return TRUNCATED;
  memory.copy(nextOut, inp + 4, room);
  nextOut += room;
  nextIn = inp + 4 + room;
  return room < length ? TOO_LONG : OK;
}

/** Runs the blocks of a stream. */
function blocks(inEnd: usize, output: usize, outEnd: usize): i32 {
  while (true) {
    const bits = bitBuffer | (load<u64>(nextIn) << bitCount);
    const count = bitCount | 56;
    nextIn += (63 - bitCount) >> 3;
    saveIn(bits >> 3, count - 3, nextIn);
    if (nextIn > inEnd + 8) return TRUNCATED;
    const kind = <u32> (bits >> 1) & 3;
    let status = CORRUPT;
    if (kind == 0) {
      status = stored(inEnd, outEnd);
    } else if (kind == 1) {
      if (!fixedReady) buildFixed();
      literalBits = FIXED_LITERAL_BITS;
      distanceBits = FIXED_DISTANCE_BITS;
      status = codes(fixedLiterals, fixedDistances, inEnd, output, outEnd);
    } else if (kind == 2) {
      status = dynamicTables(inEnd);
      if (status == OK) {
        status = codes(literals, distances, inEnd, output, outEnd);
      }
    }
    if (status != OK || (bits & 1) != 0) return status;
  }
}

/**
 * Inflates the stream at `input`, which ends at `inEnd` at the latest, to
 * `output`, up to `outEnd`. With `whole` the output must be exactly that long
 * and the checksum is compared; else it stops when the output is full.
 * Returns a status; `inputEnd` and `outputEnd` tell how far it came.
 */
export function inflate(
  input: usize,
  inEnd: usize,
  output: usize,
  outEnd: usize,
  whole: bool,
): i32 {
  position = input;
  written = output;
  if (inEnd < input + 2) return TRUNCATED;
  const method = <u32> load<u8>(input);
  const flags = <u32> load<u8>(input + 1);
  if ((method & 15) != 8 || (method >> 4) > 7) return CORRUPT;
  if ((method * 256 + flags) % 31 != 0 || (flags & 32) != 0) return CORRUPT;

  saveIn(0, 0, input + 2);
  nextOut = output;
  const status = blocks(inEnd, output, outEnd);
  const inp = nextIn - (bitCount >> 3);
  position = inp;
  written = nextOut;
  if (status == TOO_LONG && !whole) return OK;
  // What garbage beyond the input seemed to say does not count.
  if (inp > inEnd) return TRUNCATED;
  if (status != OK) return status;
  if (!whole) return OK;
  if (inp + 4 > inEnd) return TRUNCATED;
  position = inp + 4;
  if (nextOut < outEnd) return TOO_SHORT;
  return bswap<u32>(load<u32>(inp)) == adler32(output, outEnd - output)
    ? OK
    : CORRUPT;
}

// The stream that is inflated in pieces: where it stands between two calls.
const enum Phase {
  Header,
  Block,
  Stored,
  Codes,
  Trailer,
}

let phase: Phase = Phase.Header;
let isLastBlock: bool = false;
let isFixedBlock: bool = false;
let storedLeft: usize = 0;
let sum: u32 = 1;

/** Starts a stream that is inflated in pieces; ends the last. */
export function startStream(): void {
  phase = Phase.Header;
  pendingLiteral = -1;
  pendingLength = 0;
  sum = 1;
  saveIn(0, 0, 0);
}

/**
 * Goes on with the stream of `startStream`: its next input lies between
 * `input` and `inEnd`, its output goes to `from` and on, up to `outEnd`, and
 * what it gave before, as far as 32 KiB, lies from `window` on. Returns OK
 * where the stream has ended, TRUNCATED where it needs more input, TOO_LONG
 * where it needs more output, else CORRUPT; `inputEnd` and `outputEnd` tell how
 * far it came. Up to 16 bytes of input behind the stream may be needed.
 *
 * No other stream may be inflated meanwhile: they share the tables.
 */
export function continueStream(
  input: usize,
  inEnd: usize,
  window: usize,
  from: usize,
  outEnd: usize,
): i32 {
  nextIn = input;
  nextOut = from;
  // What is loaded at once must be there.
  const status = phases(inEnd, inEnd - 16, window, from, outEnd);
  // Whole bytes go back: the caller brings them again.
  const bits = bitCount & 7;
  const inp = nextIn - (bitCount >> 3);
  saveIn(bitBuffer & ((<u64> 1 << bits) - 1), bits, inp);
  position = inp;
  written = nextOut;
  return status;
}

function phases(
  inEnd: usize,
  safeEnd: usize,
  window: usize,
  from: usize,
  outEnd: usize,
): i32 {
  let summed = from;
  while (true) {
    let status: i32 = OK;
    if (phase == Phase.Header) {
      if (nextIn + 2 > inEnd) return TRUNCATED;
      const method = <u32> load<u8>(nextIn);
      const flags = <u32> load<u8>(nextIn + 1);
      if ((method & 15) != 8 || (method >> 4) > 7) return CORRUPT;
      if ((method * 256 + flags) % 31 != 0 || (flags & 32) != 0) {
        return CORRUPT;
      }
      nextIn += 2;
      phase = Phase.Block;
    } else if (phase == Phase.Block) {
      const bits = bitBuffer;
      const count = bitCount;
      const inp = nextIn;
      status = startBlock(inEnd, safeEnd);
      if (status == TRUNCATED) saveIn(bits, count, inp);
    } else if (phase == Phase.Stored) {
      let some = storedLeft;
      if (some > outEnd - nextOut) some = outEnd - nextOut;
      if (some > inEnd - nextIn) some = inEnd - nextIn;
      memory.copy(nextOut, nextIn, some);
      nextOut += some;
      nextIn += some;
      storedLeft -= some;
      if (storedLeft == 0) {
        phase = isLastBlock ? Phase.Trailer : Phase.Block;
      } else {
        status = nextOut == outEnd ? TOO_LONG : TRUNCATED;
      }
    } else if (phase == Phase.Codes) {
      status = flushPending(outEnd);
      if (status == OK) {
        status = isFixedBlock
          ? codes(fixedLiterals, fixedDistances, safeEnd, window, outEnd)
          : codes(literals, distances, safeEnd, window, outEnd);
        if (status == OK) {
          phase = isLastBlock ? Phase.Trailer : Phase.Block;
        }
      }
    } else {
      nextIn -= bitCount >> 3;
      saveIn(0, 0, nextIn);
      sum = addAdler32(sum, summed, nextOut - summed);
      if (nextIn + 4 > inEnd) return TRUNCATED;
      nextIn += 4;
      return bswap<u32>(load<u32>(nextIn - 4)) == sum ? OK : CORRUPT;
    }
    if (status != OK) {
      sum = addAdler32(sum, summed, nextOut - summed);
      return status;
    }
  }
}

/** Reads the head of a block, all of it or nothing. */
function startBlock(inEnd: usize, safeEnd: usize): i32 {
  const bits = bitBuffer | (load<u64>(nextIn) << bitCount);
  const count = bitCount | 56;
  const inp = nextIn + ((63 - bitCount) >> 3);
  if (inp > safeEnd + 8) return TRUNCATED;
  saveIn(bits >> 3, count - 3, inp);
  const kind = <u32> (bits >> 1) & 3;
  isLastBlock = (bits & 1) != 0;
  if (kind == 0) {
    const at = nextIn - (bitCount >> 3);
    if (at + 4 > inEnd) return TRUNCATED;
    storedLeft = <usize> load<u16>(at);
    saveIn(0, 0, at + 4);
    phase = Phase.Stored;
    return (<u32> storedLeft ^ <u32> load<u16>(at + 2)) == 0xffff
      ? OK
      : CORRUPT;
  }
  if (kind == 3) return CORRUPT;
  isFixedBlock = kind == 1;
  if (isFixedBlock) {
    if (!fixedReady) buildFixed();
    literalBits = FIXED_LITERAL_BITS;
    distanceBits = FIXED_DISTANCE_BITS;
  } else {
    const status = dynamicTables(safeEnd);
    // What garbage beyond the input seemed to say does not count.
    if (status != OK) return nextIn > safeEnd + 8 ? TRUNCATED : status;
  }
  phase = Phase.Codes;
  return OK;
}

/** Gives what did not fit before. */
function flushPending(outEnd: usize): i32 {
  if (pendingLiteral >= 0) {
    if (nextOut == outEnd) return TOO_LONG;
    store<u8>(nextOut++, <u8> pendingLiteral);
    pendingLiteral = -1;
  }
  while (pendingLength > 0) {
    if (nextOut == outEnd) return TOO_LONG;
    store<u8>(nextOut, load<u8>(nextOut - pendingDistance));
    nextOut++;
    pendingLength--;
  }
  return OK;
}
