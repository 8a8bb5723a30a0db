/**
 * Deflate streams that no compressor writes: every kind of block, with codes of
 * any shape, and now and then with the lies that hostile ones tell. What they
 * mean, if anything, zlib says.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1951
 * @module
 */

import type { Random } from "./random.ts";

// RFC 1951, 3.2.5 and 3.2.7.
// deno-fmt-ignore
const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
  35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
// deno-fmt-ignore
const DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129,
  193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
  16385, 24577];
// deno-fmt-ignore
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
  14, 1, 15];

/** Bits in the order of RFC 1951: low ones first, codes the other way round. */
class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;
  #count = 0;

  put(value: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#bits |= ((value >>> i) & 1) << this.#count;
      if (++this.#count === 8) this.align();
    }
  }

  /** Codes go from their first bit on. */
  code({ code, length }: Code): void {
    for (let i = length - 1; i >= 0; i--) this.put(code >>> i, 1);
  }

  /** Ends the byte that was begun. */
  align(): void {
    if (this.#count > 0) this.#bytes.push(this.#bits);
    this.#bits = 0;
    this.#count = 0;
  }

  finish(): number[] {
    this.align();
    return this.#bytes;
  }
}

interface Code {
  readonly code: number;
  readonly length: number;
}

/** The canonical codes of lengths, as far as these leave room for them. */
function codesOf(lengths: readonly number[]): Map<number, Code> {
  const codes = new Map<number, Code>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    lengths.forEach((own, symbol) => {
      if (own === length) codes.set(symbol, { code: code++, length });
    });
    code <<= 1;
  }
  return codes;
}

/**
 * Lengths for `count` symbols of which those in `used` have codes: a complete
 * set of codes, unless one length is a lie.
 */
function codeLengths(
  random: Random,
  options: {
    readonly count: number;
    readonly used: readonly number[];
    readonly longest: number;
    readonly lies: number;
  },
): number[] {
  const { count, used, longest, lies } = options;
  const leaves = [0];
  while (leaves.length < used.length) {
    const at = random.int(leaves.length);
    const depth = leaves[at] as number;
    if (depth < longest) leaves.splice(at, 1, depth + 1, depth + 1);
  }
  const lengths = new Array<number>(count).fill(0);
  // A single code has one bit; zlib takes it though it is incomplete.
  used.forEach((symbol, i) => lengths[symbol] = leaves[i] || 1);
  if (random.next() < lies) {
    lengths[random.int(count)] = random.int(longest + 1);
  }
  return lengths;
}

/** `count` different numbers below `limit`, and `also`. */
function chosen(
  random: Random,
  limit: number,
  count: number,
  also: readonly number[] = [],
): number[] {
  const all = new Set(also);
  while (all.size < Math.min(limit, count)) all.add(random.int(limit));
  return [...all].sort((a, b) => a - b);
}

/** How a stream may go wrong: how likely each choice is a lie, 0 to 1. */
export interface Honesty {
  readonly lies: number;
}

/** One raw deflate stream, and how much output it was meant to give. */
export function madeStream(
  random: Random,
  { lies }: Honesty,
): { readonly body: Uint8Array; readonly size: number } {
  const bits = new BitWriter();
  let size = 0;
  const blocks = 1 + random.int(4);
  for (let block = 1; block <= blocks; block++) {
    bits.put(block === blocks ? 1 : 0, 1);
    const kind = random.next() < lies / 4 ? 3 : random.int(3);
    bits.put(kind, 2);
    if (kind === 0) size += putStored(bits, random, lies);
    else if (kind === 1) size += putSymbols(bits, random, FIXED, size, lies);
    else size += putDynamic(bits, random, size, lies);
  }
  return { body: Uint8Array.from(bits.finish()), size };
}

function putStored(bits: BitWriter, random: Random, lies: number): number {
  const length = random.int(random.pick([1, 5, 300]));
  bits.align();
  bits.put(length, 16);
  bits.put(~length ^ (random.next() < lies ? 1 << random.int(16) : 0), 16);
  for (let i = 0; i < length; i++) bits.put(random.int(256), 8);
  return length;
}

interface Codes {
  readonly literals: Map<number, Code>;
  readonly distances: Map<number, Code>;
}

const FIXED: Codes = {
  literals: codesOf(
    Array.from(
      { length: 288 },
      (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8,
    ),
  ),
  distances: codesOf(new Array<number>(32).fill(5)),
};

function extraLengthBits(symbol: number): number {
  return symbol < 8 || symbol === 28 ? 0 : (symbol >> 2) - 1;
}

function extraDistanceBits(symbol: number): number {
  return symbol < 4 ? 0 : (symbol >> 1) - 1;
}

/** Symbols of these codes and the end of the block; the output they give. */
function putSymbols(
  bits: BitWriter,
  random: Random,
  { literals, distances }: Codes,
  before: number,
  lies: number,
): number {
  let size = 0;
  const symbols = [...literals.keys()];
  const near = [...distances.keys()];
  for (let count = random.int(random.pick([3, 40, 200])); count > 0; count--) {
    const symbol = random.pick(symbols);
    if (symbol === 256) continue;
    const isOdd = symbol > 285;
    if (isOdd && random.next() >= lies) continue;
    if (symbol < 256 || isOdd) {
      bits.code(literals.get(symbol) as Code);
      size++;
      continue;
    }
    const reach = near.filter((distance) =>
      (DISTANCE_BASE[distance] ?? Infinity) <= before + size
    );
    const isTrue = random.next() >= lies;
    if (near.length === 0 || (isTrue && reach.length === 0)) continue;
    bits.code(literals.get(symbol) as Code);
    const lengthBits = extraLengthBits(symbol - 257);
    const length = random.int(1 << lengthBits);
    bits.put(length, lengthBits);
    size += (LENGTH_BASE[symbol - 257] as number) + length;
    const distance = random.pick(isTrue ? reach : near);
    bits.code(distances.get(distance) as Code);
    const distanceBits = extraDistanceBits(distance);
    bits.put(isTrue ? 0 : random.int(1 << distanceBits), distanceBits);
  }
  const end = literals.get(256);
  if (end !== undefined) bits.code(end);
  return size;
}

function putDynamic(
  bits: BitWriter,
  random: Random,
  before: number,
  lies: number,
): number {
  const isOdd = random.next() < lies / 4;
  const literalCount = isOdd ? 287 + random.int(2) : 257 + random.int(30);
  const distanceCount = isOdd ? 31 + random.int(2) : 1 + random.int(30);
  const end = random.next() < lies / 2 ? [] : [256];
  const lengths = codeLengths(random, {
    count: literalCount,
    used: chosen(random, literalCount, 1 + random.int(140), end),
    longest: 15,
    lies,
  });
  const distanceLengths = codeLengths(random, {
    count: distanceCount,
    used: chosen(random, distanceCount, random.int(distanceCount + 1)),
    longest: 15,
    lies,
  });
  const codes: Codes = {
    literals: codesOf(lengths),
    distances: codesOf(distanceLengths),
  };
  bits.put(literalCount - 257, 5);
  bits.put(distanceCount - 1, 5);
  putLengths(bits, random, [...lengths, ...distanceLengths], lies);
  return putSymbols(bits, random, codes, before, lies);
}

/** The code lengths of a dynamic block, in a code of their own. */
function putLengths(
  bits: BitWriter,
  random: Random,
  lengths: readonly number[],
  lies: number,
): void {
  const symbols: [symbol: number, extra: number, bits: number][] = [];
  for (let at = 0; at < lengths.length;) {
    const value = lengths[at] as number;
    let run = 1;
    while (lengths[at + run] === value) run++;
    if (random.next() < lies / 20) {
      // A repetition at the start, or more of it than there is room for.
      symbols.push([random.pick([16, 17, 18]), 3, 2]);
    }
    if (value === 0 && run >= 11 && random.int(4) > 0) {
      run = Math.min(run, 138);
      symbols.push([18, run - 11, 7]);
    } else if (value === 0 && run >= 3 && random.int(4) > 0) {
      run = Math.min(run, 10);
      symbols.push([17, run - 3, 3]);
    } else if (at > 0 && lengths[at - 1] === value && run >= 3) {
      run = Math.min(run, 6);
      symbols.push([16, run - 3, 2]);
    } else {
      run = 1;
      symbols.push([value, 0, 0]);
    }
    at += run;
  }
  const own = codeLengths(random, {
    count: 19,
    used: chosen(random, 19, 2 + random.int(18), symbols.map(([of]) => of)),
    longest: 7,
    lies: lies / 2,
  });
  const codes = codesOf(own);
  let count = 19;
  while (count > 4 && own[LENGTH_ORDER[count - 1] as number] === 0) count--;
  bits.put(count - 4, 4);
  for (let i = 0; i < count; i++) {
    bits.put(own[LENGTH_ORDER[i] as number] as number, 3);
  }
  for (const [symbol, extra, extraCount] of symbols) {
    const code = codes.get(symbol);
    if (code === undefined) continue;
    bits.code(code);
    bits.put(extra, extraCount);
  }
}
