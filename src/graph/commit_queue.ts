/**
 * Commits in the order in which git walks history: newest committer time
 * first, and of equal times the one that was queued first. A binary heap in
 * typed arrays. Not for other keys.
 *
 * commit.c: commit_list_insert_by_date, which puts a commit behind those of
 * the same date.
 *
 * @module
 */

/** A priority queue of commit numbers by time. */
export class CommitQueue {
  #commits: Int32Array<ArrayBuffer>;
  #times: Float64Array<ArrayBuffer>;
  #turns: Float64Array<ArrayBuffer>;
  #length = 0;
  #turn = 0;

  /** An empty queue with room for `capacity` commits; it grows by doubling. */
  constructor(capacity = 64) {
    const room = Math.max(1, capacity);
    this.#commits = new Int32Array(room);
    this.#times = new Float64Array(room);
    this.#turns = new Float64Array(room);
  }

  /** How many commits wait. */
  get length(): number {
    return this.#length;
  }

  /** The commit that `pop` would return, or -1. */
  get first(): number {
    return this.#length === 0 ? -1 : this.#commits[0] as number;
  }

  /** The time of the commit that `pop` would return; -Infinity when empty. */
  get firstTime(): number {
    return this.#length === 0 ? -Infinity : this.#times[0] as number;
  }

  /** Queues `commit`, whose committer time is `time` seconds. */
  push(commit: number, time: number): void {
    if (this.#length === this.#commits.length) this.#grow();
    let hole = this.#length++;
    while (hole > 0) {
      const above = (hole - 1) >>> 1;
      // The newcomer has the highest turn: it passes older times alone.
      if ((this.#times[above] as number) >= time) break;
      this.#move(above, hole);
      hole = above;
    }
    this.#commits[hole] = commit;
    this.#times[hole] = time;
    this.#turns[hole] = this.#turn++;
  }

  /** Takes the newest commit out, or returns -1. */
  pop(): number {
    if (this.#length === 0) return -1;
    const first = this.#commits[0] as number;
    const last = --this.#length;
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      if (below >= last) break;
      if (below + 1 < last && this.#before(below + 1, below)) below++;
      if (!this.#before(below, last)) break;
      this.#move(below, hole);
      hole = below;
    }
    this.#move(last, hole);
    return first;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#times[a] as number) - (this.#times[b] as number);
    return difference > 0 || difference === 0 &&
        (this.#turns[a] as number) < (this.#turns[b] as number);
  }

  #move(from: number, to: number): void {
    this.#commits[to] = this.#commits[from] as number;
    this.#times[to] = this.#times[from] as number;
    this.#turns[to] = this.#turns[from] as number;
  }

  #grow(): void {
    const room = this.#length * 2;
    const commits = new Int32Array(room);
    commits.set(this.#commits);
    this.#commits = commits;
    const times = new Float64Array(room);
    times.set(this.#times);
    this.#times = times;
    const turns = new Float64Array(room);
    turns.set(this.#turns);
    this.#turns = turns;
  }
}
