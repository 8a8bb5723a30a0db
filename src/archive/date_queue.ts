/**
 * Commits by date, the latest first, and among equals the one that came first:
 * the order of commit.c: commit_list_insert_by_date, as a heap.
 *
 * @module
 */

interface Item<T> {
  readonly value: T;
  readonly time: number;
  readonly order: number;
}

/** A queue of values with times. */
export class DateQueue<T> {
  readonly #heap: Item<T>[] = [];
  #pushed = 0;

  /** How many values wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** The values that wait, in no order. */
  *items(): Generator<T> {
    for (const { value } of this.#heap) yield value;
  }

  /** Adds a value. */
  push(value: T, time: number): void {
    const heap = this.#heap;
    const item = { value, time, order: this.#pushed++ };
    let at = heap.length;
    for (; at > 0;) {
      const above = (at - 1) >> 1;
      if (!isBefore(item, heap[above] as Item<T>)) break;
      heap[at] = heap[above] as Item<T>;
      at = above;
    }
    heap[at] = item;
  }

  /** Takes the first value. */
  pop(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) {
      return first?.value;
    }
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const other = heap[below + 1];
      if (other !== undefined && isBefore(other, heap[below] as Item<T>)) {
        below++;
      }
      if (!isBefore(heap[below] as Item<T>, last)) break;
      heap[at] = heap[below] as Item<T>;
      at = below;
    }
    heap[at] = last;
    return first.value;
  }
}

function isBefore<T>(a: Item<T>, b: Item<T>): boolean {
  return a.time !== b.time ? a.time > b.time : a.order < b.order;
}
