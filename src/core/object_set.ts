/**
 * A set of object numbers.
 *
 * @module
 */

/** A bitmap over object numbers that grows with the highest one added. */
export class ObjectSet {
  #words: Uint32Array<ArrayBuffer>;
  #size = 0;

  /** An empty set with room for numbers below `capacity`. */
  constructor(capacity = 1024) {
    this.#words = new Uint32Array((capacity >>> 5) + 1);
  }

  /** How many numbers it holds. */
  get size(): number {
    return this.#size;
  }

  /** Whether `number` is in it. */
  has(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  /** Adds `number`; false where it was there already. */
  add(number: number): boolean {
    const word = number >>> 5;
    if (word >= this.#words.length) this.#grow(word);
    const bit = 1 << (number & 31);
    const old = this.#words[word] as number;
    if ((old & bit) !== 0) return false;
    this.#words[word] = old | bit;
    this.#size++;
    return true;
  }

  /** Takes `number` out; false where it was not in it. */
  delete(number: number): boolean {
    if (!this.has(number)) return false;
    const word = number >>> 5;
    this.#words[word] = (this.#words[word] as number) & ~(1 << (number & 31));
    this.#size--;
    return true;
  }

  /** The numbers in ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (let word = 0; word < this.#words.length; word++) {
      let bits = this.#words[word] as number;
      while (bits !== 0) {
        const low = 31 - Math.clz32(bits & -bits);
        yield word * 32 + low;
        bits &= bits - 1;
      }
    }
  }

  /**
   * Adds `first` + i for each bit `from` + i of `words` that is set, i from 0
   * up to before `count`; bits count as in {@linkcode ObjectSet.words}.
   */
  addBits(
    words: Uint32Array,
    from: number,
    count: number,
    first: number,
  ): void {
    if (count <= 0) return;
    const last = first + count - 1;
    const firstWord = first >>> 5;
    const lastWord = last >>> 5;
    if (lastWord >= this.#words.length) this.#grow(lastWord);
    const into = this.#words;
    const shift = (from - first) & 31;
    let source = (firstWord * 32 + from - first) >> 5;
    for (let word = firstWord; word <= lastWord; word++, source++) {
      // The source may start in the middle of the first word, or end early.
      let bits = (words[source] ?? 0) >>> shift;
      if (shift !== 0) bits |= (words[source + 1] ?? 0) << (32 - shift);
      if (word === firstWord) bits &= -1 << (first & 31);
      if (word === lastWord) bits &= -1 >>> (31 - (last & 31));
      const old = into[word] as number;
      const added = bits & ~old;
      if (added === 0) continue;
      into[word] = old | added;
      this.#size += countBits(added);
    }
  }

  /** Adds every number of `other`. */
  addAll(other: ObjectSet): void {
    this.addBits(other.#words, 0, other.#words.length * 32, 0);
  }

  /** Takes out every number of `other`. */
  deleteAll(other: ObjectSet): void {
    const words = this.#words;
    const shared = Math.min(words.length, other.#words.length);
    for (let word = 0; word < shared; word++) {
      const old = words[word] as number;
      const gone = old & (other.#words[word] as number);
      if (gone === 0) continue;
      words[word] = old & ~gone;
      this.#size -= countBits(gone);
    }
  }

  /**
   * A view of the bitmap, 32 numbers to a word from the lowest bit on, valid
   * until the next {@linkcode ObjectSet.add}.
   */
  words(): Uint32Array<ArrayBuffer> {
    return this.#words;
  }

  /** A set of the same numbers. */
  clone(): ObjectSet {
    const copy = new ObjectSet(this.#words.length * 32);
    copy.#words.set(this.#words);
    copy.#size = this.#size;
    return copy;
  }

  #grow(word: number): void {
    const wider = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
    wider.set(this.#words);
    this.#words = wider;
  }
}

/** How many bits of a 32-bit word are set. */
export function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
