/**
 * Where the entries of a pack went in the pack that is made of them.
 *
 * @module
 */

/** Runs of slots and how far they were shifted; slots are added ascending. */
export class RunTable {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #shifts: number[] = [];

  /**
   * Notes that the slots from `start` to before `end` were shifted: that
   * their new offset is the old one plus `shift`.
   */
  add(start: number, end: number, shift: number): void {
    if (start === end) return;
    const last = this.#starts.length - 1;
    if (this.#ends[last] === start && this.#shifts[last] === shift) {
      this.#ends[last] = end;
      return;
    }
    this.#starts.push(start);
    this.#ends.push(end);
    this.#shifts.push(shift);
  }

  /** How far `slot` was shifted. Throws a RangeError if it was not added. */
  shiftOf(slot: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] as number) <= slot) low = middle + 1;
      else high = middle;
    }
    if (low === this.#starts.length || slot < (this.#starts[low] as number)) {
      throw new RangeError(`Cannot place slot ${slot}: it was not written`);
    }
    return this.#shifts[low] as number;
  }
}
