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
