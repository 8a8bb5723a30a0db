/**
 * A growable list of object numbers.
 *
 * @module
 */

/** A list of small integers that grows by doubling, 4 bytes each. */
export class NumberList {
  #items: Int32Array<ArrayBuffer>;
  #length = 0;

  /** An empty list with room for `capacity` numbers. */
  constructor(capacity = 64) {
    this.#items = new Int32Array(Math.max(1, capacity));
  }

  /** How many numbers it holds. */
  get length(): number {
    return this.#length;
  }

  /** Appends one number. */
  push(value: number): void {
    if (this.#length === this.#items.length) {
      const wider = new Int32Array(this.#length * 2);
      wider.set(this.#items);
      this.#items = wider;
    }
    this.#items[this.#length++] = value;
  }

  /** Appends all of `values`. */
  pushAll(values: Int32Array): void {
    const needed = this.#length + values.length;
    if (needed > this.#items.length) {
      const wider = new Int32Array(Math.max(needed, this.#items.length * 2));
      wider.set(this.#items.subarray(0, this.#length));
      this.#items = wider;
    }
    this.#items.set(values, this.#length);
    this.#length = needed;
  }

  /** The number at `index`; `undefined` semantics are the caller's business. */
  at(index: number): number {
    return this.#items[index] as number;
  }

  /** Drops the numbers from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** A view of the numbers, valid until the next `push`. */
  view(start = 0, end: number = this.#length): Int32Array<ArrayBuffer> {
    return this.#items.subarray(start, end);
  }
}
