/**
 * Parsed commits as columns: tree, time and parents, each commit read once in
 * the life of a store, from the commit-graph where that knows it.
 *
 * @module
 */

import { hexDigit } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { NumberList } from "../../core/number_list.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import {
  COMMIT_TREE_AT,
  commitParentAt,
  commitParentCount,
  commitTime,
} from "../../object/commit.ts";
import { COMMIT } from "../../object/kind.ts";
import { type Catalog, HERE } from "./catalog.ts";
import type { GraphCommits } from "./graph_commits.ts";
import type { ObjectReader } from "./reader.ts";
import type { StoreWalker } from "./store_walker.ts";

// How many commits are read at once: few for a fetch of the newest, more the
// more are asked for.
const FEWEST_AHEAD = 16;
const MOST_AHEAD = 1024;

/** The commits of a store that were asked for so far. */
export class CommitTable {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #walker: StoreWalker;
  readonly #graph: GraphCommits;
  readonly #format: ObjectFormat;
  readonly #raw: Uint8Array<ArrayBuffer>;
  /** Rows plus one, by number. */
  #rows = new Int32Array(0);
  readonly #trees = new NumberList();
  readonly #parents = new NumberList();
  /** Where in `#parents` a row's parents start; one row more than rows. */
  readonly #starts = new NumberList();
  #times = new Float64Array(64);
  #readAhead = FEWEST_AHEAD;

  /** An empty table. */
  constructor(
    catalog: Catalog,
    reader: ObjectReader,
    walker: StoreWalker,
    graph: GraphCommits,
    format: ObjectFormat,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#walker = walker;
    this.#graph = graph;
    this.#format = format;
    this.#raw = new Uint8Array(format.rawLength);
    this.#starts.push(0);
  }

  /** The tree of a commit. */
  tree(commit: number): number {
    return this.#trees.at(this.#row(commit));
  }

  /** The committer time of a commit. */
  time(commit: number): number {
    // Before the column is looked at: reading the commit may widen it.
    const row = this.#row(commit);
    return this.#times[row] as number;
  }

  /** How many parents it names. */
  parentCount(commit: number): number {
    const row = this.#row(commit);
    return this.#starts.at(row + 1) - this.#starts.at(row);
  }

  /** Its `index`th parent. Throws a RangeError where it has none. */
  parent(commit: number, index: number): number {
    const row = this.#row(commit);
    const at = this.#starts.at(row) + index;
    if (index < 0 || at >= this.#starts.at(row + 1)) {
      throw new RangeError(`Cannot get parent ${index}: there are fewer`);
    }
    return this.#parents.at(at);
  }

  #row(commit: number): number {
    const row = this.#rows[commit] ?? 0;
    return row === 0 ? this.#add(commit) : row - 1;
  }

  #add(commit: number): number {
    const copied = this.#copy(commit);
    if (copied >= 0) return copied;
    const walked = this.#walk(commit);
    if (walked !== 0) return walked - 1;
    const { kind, data } = this.#reader.read(commit);
    if (kind !== COMMIT) {
      throw new StorageError("not-a-commit", this.#catalog.ids.oid(commit));
    }
    const { hexLength } = this.#format;
    let count: number;
    let tree: number;
    const parents: number[] = [];
    try {
      count = commitParentCount(data, hexLength);
      tree = this.#number(data, COMMIT_TREE_AT);
      for (let i = 0; i < count; i++) {
        parents.push(this.#number(data, commitParentAt(i, hexLength)));
      }
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      throw new StorageError(
        cause.code,
        `${this.#catalog.ids.oid(commit)}: ${cause.message}`,
        { cause },
      );
    }
    const time = commitTime(data, hexLength, count);
    this.#parents.pushAll(Int32Array.from(parents));
    return this.#enter(commit, tree, time);
  }

  /**
   * Takes the commit from the commit-graph; its row, or -1. Only where its
   * object is here: as in git, which then does not look at it.
   */
  #copy(commit: number): number {
    const { flags, kinds } = this.#catalog;
    if (((flags[commit] ?? 0) & HERE) === 0) return -1;
    const position = this.#graph.position(commit);
    if (position < 0) return -1;
    const read = this.#graph.read(position, this.#parents);
    if (read === undefined) return -1;
    kinds[commit] = COMMIT;
    return this.#enter(commit, read.tree, read.time);
  }

  /**
   * Lets the walker read the commit and those behind it in its pack, since a
   * walk is likely to come to them; its row plus one, or 0.
   */
  #walk(commit: number): number {
    const walker = this.#walker.get(1);
    if (walker === undefined) return 0;
    const { kinds } = this.#catalog;
    // Those that are known already are not read again.
    let most = 1;
    while (most < this.#readAhead && !(this.#rows[commit + most] ?? 0)) most++;
    walker.commitsFrom(
      commit,
      most,
      (slot, tree, time, parents) => {
        const number = this.#catalog.numberOf(slot);
        if ((this.#rows[number] ?? 0) !== 0) return;
        kinds[number] = COMMIT;
        this.#parents.pushAll(parents);
        this.#enter(number, tree, time);
      },
    );
    this.#readAhead = Math.min(MOST_AHEAD, this.#readAhead * 2);
    return this.#rows[commit] ?? 0;
  }

  /** Ends a row whose parents were appended. */
  #enter(commit: number, tree: number, time: number): number {
    const row = this.#trees.length;
    this.#trees.push(tree);
    this.#starts.push(this.#parents.length);
    if (row >= this.#times.length) {
      const wider = new Float64Array(row * 2);
      wider.set(this.#times);
      this.#times = wider;
    }
    this.#times[row] = time;
    if (commit >= this.#rows.length) {
      const wider = new Int32Array(
        Math.max(this.#catalog.count, commit + 1, this.#rows.length * 2),
      );
      wider.set(this.#rows);
      this.#rows = wider;
    }
    this.#rows[commit] = row + 1;
    return row;
  }

  #number(data: Uint8Array, at: number): number {
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i++, at += 2) {
      const high = hexDigit(data[at] as number);
      const low = hexDigit(data[at + 1] as number);
      if (high < 0 || low < 0) {
        throw new StorageError("corrupt-object", "bad pointer in commit");
      }
      raw[i] = high * 16 + low;
    }
    return this.#catalog.intern(raw, 0);
  }
}
