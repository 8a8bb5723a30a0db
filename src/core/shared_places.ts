/**
 * A number of places that all threads of a process share: who takes one has it
 * until it is given back, or until its thread is found to have ended.
 *
 * @module
 */

/** Places in shared memory; can be cloned, and is not copied by that. */
export type PlaceCells = Int32Array<SharedArrayBuffer>;

const FREE = 0;

/** So many places, all of them free. */
export function placeCells(count: number): PlaceCells {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

/** Places as one thread sees them. */
export class SharedPlaces {
  readonly #cells: PlaceCells;
  readonly #owner: number;

  /** For the thread of this number, which is above zero. */
  constructor(cells: PlaceCells, owner: number) {
    this.#cells = cells;
    this.#owner = owner;
  }

  /** Takes a place; how it is given back, or `undefined` if none is free. */
  take(): (() => void) | undefined {
    const cells = this.#cells;
    const owner = this.#owner;
    for (let i = 0; i < cells.length; i++) {
      if (Atomics.compareExchange(cells, i, FREE, owner) !== FREE) continue;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        Atomics.compareExchange(cells, i, owner, FREE);
      };
    }
    return undefined;
  }

  /** Gives back whatever the thread has taken, which has ended. */
  clear(): void {
    const cells = this.#cells;
    for (let i = 0; i < cells.length; i++) {
      Atomics.compareExchange(cells, i, this.#owner, FREE);
    }
  }
}
