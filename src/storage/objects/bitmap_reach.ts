/**
 * Bitmaps seen through the numbers of one store: a bit is an entry of a pack,
 * and entries of packs that hold nothing twice are numbered one by one, so
 * that most sets are copied a word at a time.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { NumberList } from "../../core/number_list.ts";
import { ObjectSet } from "../../core/object_set.ts";
import { BLOB, COMMIT, type Kind, TAG, TREE } from "../../object/kind.ts";
import { bitmapWords } from "../../pack/ewah.ts";
import type { KindLists, ReachBitmaps, ReachedSet } from "../types.ts";
import type { BitmapPool, OpenedBitmap, PoolPack } from "./bitmap_pool.ts";
import { type Catalog, COPY, type Segment } from "./catalog.ts";

/** 32-bit words that are looked through between two yields: 262,144 bits. */
const WORDS_PER_STEP = 1 << 13;
/** 32-bit words that are turned over between two yields. */
const XOR_WORDS_PER_STEP = 1 << 18;
/** Runs of bits that are copied between two yields. */
const RUNS_PER_STEP = 1 << 15;

/** The bitmaps of one store. */
export class StoreBitmaps {
  readonly #catalog: Catalog;
  readonly #pool: BitmapPool;
  readonly #packs: () => readonly PoolPack[];
  readonly #rawLength: number;
  #isCurrent = false;
  #opened: OpenedBitmap | undefined;
  #bitmaps: Bitmaps | undefined;

  /** Opens nothing before the first question. */
  constructor(
    catalog: Catalog,
    pool: BitmapPool,
    packs: () => readonly PoolPack[],
    rawLength: number,
  ) {
    this.#catalog = catalog;
    this.#pool = pool;
    this.#packs = packs;
    this.#rawLength = rawLength;
  }

  /** Lets the next question look for a newer bitmap; no walk may be on. */
  refresh(): void {
    this.#isCurrent = false;
  }

  /** As ObjectGraph.bitmaps says. */
  get(): ReachBitmaps | undefined {
    if (this.#isCurrent) return this.#bitmaps;
    this.#isCurrent = true;
    const opened = this.#pool.get(this.#packs());
    if (opened === this.#opened) return this.#bitmaps;
    this.#opened = opened;
    this.#bitmaps = undefined;
    if (opened === undefined) return undefined;
    try {
      this.#bitmaps = new Bitmaps(
        this.#catalog,
        opened,
        this.#rawLength,
        (error) => this.#reject(error),
      );
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#reject(error);
    }
    return this.#bitmaps;
  }

  #reject(error: StorageError): void {
    if (this.#opened !== undefined) this.#pool.reject(this.#opened, error);
    this.#opened = this.#bitmaps = undefined;
  }
}

interface KindSet {
  readonly list: keyof KindLists;
  readonly kind: Kind;
  readonly set: ObjectSet;
}

class Bitmaps implements ReachBitmaps {
  readonly #catalog: Catalog;
  readonly #opened: OpenedBitmap;
  readonly #bits: BitNumbers;
  readonly #reject: (error: StorageError) => void;
  /** Rows of the bitmap, by the commit's number. */
  readonly #rows = new Map<number, number>();
  /** The covered objects of each kind. */
  readonly #kinds: readonly KindSet[];

  constructor(
    catalog: Catalog,
    opened: OpenedBitmap,
    rawLength: number,
    reject: (error: StorageError) => void,
  ) {
    this.#catalog = catalog;
    this.#opened = opened;
    this.#reject = reject;
    const { commits, types, index } = opened;
    const bits = this.#bits = new BitNumbers(catalog, opened);
    for (let row = 0; row < index.count; row++) {
      const commit = catalog.ids.find(commits, row * rawLength);
      if (bits.bitOf(commit) < 0 || this.#rows.has(commit)) {
        throw corrupt("a commit of it is not in its pack, or there twice");
      }
      this.#rows.set(commit, row);
    }
    const setOf = (words: Uint32Array): ObjectSet => {
      const set = new ObjectSet(catalog.count);
      for (let run = 0; run < bits.runs; run++) bits.copy(run, words, set);
      return set;
    };
    this.#kinds = [
      { list: "commits", kind: COMMIT, set: setOf(types.commits) },
      { list: "tags", kind: TAG, set: setOf(types.tags) },
      { list: "trees", kind: TREE, set: setOf(types.trees) },
      { list: "blobs", kind: BLOB, set: setOf(types.blobs) },
    ];
  }

  kind(number: number): Kind | undefined {
    for (const { kind, set } of this.#kinds) if (set.has(number)) return kind;
    return undefined;
  }

  reached(): ReachedSet {
    return new Reached(this.#opened, this.#bits, this.#rows, this.#reject);
  }

  *sort(set: ObjectSet, into: KindLists): Generator<number, void, void> {
    const found = new Int32Array(32 * WORDS_PER_STEP);
    let total = 0;
    for (const { list, kind, set: ofKind } of this.#kinds) {
      const end = Math.min(set.words().length, ofKind.words().length);
      for (let start = 0; start < end; start += WORDS_PER_STEP) {
        const count = intersect(
          set.words(),
          ofKind.words(),
          { start, end: Math.min(start + WORDS_PER_STEP, end) },
          found,
        );
        const numbers = found.subarray(0, count);
        into[list].pushAll(numbers);
        markKind(this.#catalog.kinds, numbers, kind);
        total += count;
        yield total;
      }
    }
  }
}

class Reached implements ReachedSet {
  readonly #opened: OpenedBitmap;
  readonly #bits: BitNumbers;
  readonly #rows: ReadonlyMap<number, number>;
  readonly #reject: (error: StorageError) => void;
  readonly #words: Uint32Array<ArrayBuffer>;
  #scratch: Uint32Array<ArrayBuffer> | undefined;

  constructor(
    opened: OpenedBitmap,
    bits: BitNumbers,
    rows: ReadonlyMap<number, number>,
    reject: (error: StorageError) => void,
  ) {
    this.#opened = opened;
    this.#bits = bits;
    this.#rows = rows;
    this.#reject = reject;
    this.#words = bitmapWords(opened.index.objectCount);
  }

  has(number: number): boolean {
    const bit = this.#bits.bitOf(number);
    return bit >= 0 && hasBit(this.#words, bit);
  }

  *add(commit: number): Generator<number, boolean, void> {
    const row = this.#rows.get(commit);
    if (row === undefined) return false;
    try {
      yield* this.#addRow(row, this.#bits.bitOf(commit));
    } catch (error) {
      if (error instanceof StorageError) this.#reject(error);
      throw error;
    }
    return true;
  }

  *addTo(set: ObjectSet): Generator<number, void, void> {
    for (let run = 0; run < this.#bits.runs; run++) {
      if (run > 0 && run % RUNS_PER_STEP === 0) yield 0;
      this.#bits.copy(run, this.#words, set);
    }
  }

  /** Xor is the same in any order: each entry on the way is turned over. */
  *#addRow(row: number, own: number): Generator<number, void, void> {
    const { index } = this.#opened;
    const words = this.#words;
    if (index.base(row) < 0) {
      index.or(row, words);
      if (!hasBit(words, own)) throw corrupt("a commit does not reach itself");
      return;
    }
    const scratch = this.#scratch ??= bitmapWords(index.objectCount);
    scratch.fill(0);
    let work = 0;
    let steps = 0;
    for (let at = row; at >= 0; at = index.base(at)) {
      if (++steps > MAX_CHAIN) throw corrupt("its entries go in a circle");
      index.xor(at, scratch);
      work += words.length;
      if (work < XOR_WORDS_PER_STEP) continue;
      work = 0;
      yield 0;
    }
    if (!hasBit(scratch, own)) throw corrupt("a commit does not reach itself");
    for (let i = 0; i < words.length; i++) {
      words[i] = (words[i] as number) | (scratch[i] as number);
    }
  }
}

/**
 * How many entries one may be given by: git writes 160 at most, each on one
 * before it (pack-bitmap.c: MAX_XOR_OFFSET), but with those on others again.
 */
const MAX_CHAIN = 4096;

/** Which numbers the bits of a bitmap stand for, as runs that go up by one. */
class BitNumbers {
  /** How many runs there are. */
  readonly runs: number;
  readonly #catalog: Catalog;
  readonly #count: number;
  readonly #starts = new NumberList();
  readonly #numbers = new NumberList();
  /** Bits plus one, by number; made where one subtraction does not do. */
  readonly #bits: Int32Array | undefined;

  constructor(catalog: Catalog, { parts, index }: OpenedBitmap) {
    this.#catalog = catalog;
    this.#count = index.objectCount;
    for (const { pack, start, end, ranks } of parts) {
      const segment = catalog.packs().find((each) => each.pack === pack);
      if (segment === undefined) throw corrupt("its pack is gone");
      if (ranks === undefined && !hasCopies(catalog, segment)) {
        this.#push(start, segment.start);
        continue;
      }
      for (let bit = start; bit < end; bit++) {
        const rank = ranks === undefined ? bit - start : ranks[bit - start];
        this.#push(bit, catalog.numberOf(segment.start + (rank as number)));
      }
    }
    this.runs = this.#starts.length;
    if (this.runs > 1) this.#bits = this.#inverse();
  }

  /** The bit of `number`, or -1. */
  bitOf(number: number): number {
    if (this.#bits !== undefined) return (this.#bits[number] ?? 0) - 1;
    if (this.runs === 0) return -1;
    const bit = number - this.#numbers.at(0);
    return bit < this.#count ? Math.max(bit, -1) : -1;
  }

  /** Adds to `set` what is set in `words` of the bits of one run. */
  copy(run: number, words: Uint32Array, set: ObjectSet): void {
    const start = this.#starts.at(run);
    set.addBits(words, start, this.#end(run) - start, this.#numbers.at(run));
  }

  #end(run: number): number {
    return run + 1 < this.runs ? this.#starts.at(run + 1) : this.#count;
  }

  #push(bit: number, number: number): void {
    const last = this.#starts.length - 1;
    if (
      last >= 0 &&
      number - this.#numbers.at(last) === bit - this.#starts.at(last)
    ) return;
    this.#starts.push(bit);
    this.#numbers.push(number);
  }

  #inverse(): Int32Array {
    const bits = new Int32Array(this.#catalog.count);
    for (let run = 0; run < this.runs; run++) {
      const end = this.#end(run);
      let number = this.#numbers.at(run);
      for (let bit = this.#starts.at(run); bit < end; bit++) {
        bits[number++] = bit + 1;
      }
    }
    return bits;
  }
}

/** Whether any object of a pack has its number from another copy. */
function hasCopies(catalog: Catalog, { start, end }: Segment): boolean {
  const { flags } = catalog;
  for (let slot = start; slot < end; slot++) {
    if (((flags[slot] as number) & COPY) !== 0) return true;
  }
  return false;
}

function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
}

/** Puts the numbers that both have into `found`; returns how many. */
function intersect(
  a: Uint32Array,
  b: Uint32Array,
  { start, end }: { readonly start: number; readonly end: number },
  found: Int32Array,
): number {
  let count = 0;
  for (let word = start; word < end; word++) {
    let bits = (a[word] as number) & (b[word] as number);
    const first = word * 32;
    if (bits === -1) {
      for (let bit = 0; bit < 32; bit++) found[count++] = first + bit;
      continue;
    }
    while (bits !== 0) {
      found[count++] = first + 31 - Math.clz32(bits & -bits);
      bits &= bits - 1;
    }
  }
  return count;
}

function markKind(kinds: Uint8Array, numbers: Int32Array, kind: Kind): void {
  for (let i = 0; i < numbers.length; i++) kinds[numbers[i] as number] = kind;
}

function corrupt(state: string): StorageError {
  return new StorageError("corrupt-bitmap", `Cannot use bitmap: ${state}`);
}
