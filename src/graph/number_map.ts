/**
 * Small integers by object number. Not for sparse keys of another kind: it
 * takes four bytes for every number below the highest one that was set.
 *
 * @module
 */

/** A map from object numbers to 32-bit integers; -1 where nothing was set. */
export class NumberMap {
  #values: Int32Array<ArrayBuffer>;

  /** An empty map with room for numbers below `capacity`. */
  constructor(capacity = 1024) {
    this.#values = new Int32Array(Math.max(1, capacity)).fill(-1);
  }

  /** The value at `number`, or -1. */
  get(number: number): number {
    return this.#values[number] ?? -1;
  }

  /** Sets the value at `number`. */
  set(number: number, value: number): void {
    if (number >= this.#values.length) {
      const wider = new Int32Array(
        Math.max(number + 1, this.#values.length * 2),
      ).fill(-1, this.#values.length);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[number] = value;
  }
}
