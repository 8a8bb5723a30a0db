/**
 * What a commit-graph knows of a store's commits, by the store's numbers. It
 * answers for commits that the caller found in the store: a graph may name
 * commits that were pruned since.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { NumberList } from "../../core/number_list.ts";
import type { CommitGraph } from "../../pack/commit_graph.ts";
import type { Catalog } from "./catalog.ts";
import type { GraphPool } from "./graph_pool.ts";

const MIN_COLUMN = 1024;

/** A commit-graph seen through the numbers of one store. */
export class GraphCommits {
  readonly #catalog: Catalog;
  readonly #pool: GraphPool;
  readonly #raw: Uint8Array<ArrayBuffer>;
  #isCurrent = false;
  #graph: CommitGraph | undefined;
  /** Numbers plus one, by position; 0 is "not looked up yet". */
  #numbers = new Int32Array(0);
  /**
   * Positions plus one, by number; 0 is "not looked up yet". No longer than
   * it has to be: git packs commits first, so their numbers are low.
   */
  #positions = new Int32Array(0);

  /** Opens nothing before the first question. */
  constructor(catalog: Catalog, pool: GraphPool, rawLength: number) {
    this.#catalog = catalog;
    this.#pool = pool;
    this.#raw = new Uint8Array(rawLength);
  }

  /** Lets the next question look for a newer graph; no walk may be on. */
  refresh(): void {
    this.#isCurrent = false;
  }

  /** Where the graph has the commit, or -1. */
  position(commit: number): number {
    const graph = this.#current();
    if (graph === undefined) return -1;
    const known = this.#positions[commit] ?? 0;
    if (known !== 0) return known - 1;
    this.#catalog.ids.writeRaw(commit, this.#raw, 0);
    const position = graph.find(this.#raw, 0);
    if (position >= 0) this.#pair(position, commit);
    return position;
  }

  /**
   * Reads the commit at `position`: the numbers of its parents are appended
   * to `parents`, its time and its tree's number returned. `undefined` where
   * the graph is corrupt there; it is not used again.
   */
  read(
    position: number,
    parents: NumberList,
  ): { readonly tree: number; readonly time: number } | undefined {
    const graph = this.#graph;
    if (graph === undefined) return undefined;
    try {
      graph.readParents(position);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#pool.reject(graph, error);
      this.#graph = undefined;
      return undefined;
    }
    const count = graph.parents.length;
    for (let i = 0; i < count; i++) {
      parents.push(this.#number(graph, graph.parents.at(i)));
    }
    graph.readTree(position, this.#raw);
    const tree = this.#catalog.intern(this.#raw, 0);
    return { tree, time: graph.time(position) };
  }

  /**
   * The generation number of a commit that is here; see ObjectGraph. Its
   * topological level: corrected dates are wrong where times take more than
   * 34 bits, and walks that they cut then miss what git finds.
   */
  generation(commit: number): number {
    const position = this.position(commit);
    const graph = this.#graph;
    if (position < 0 || graph === undefined) return Infinity;
    return graph.level(position);
  }

  #number(graph: CommitGraph, position: number): number {
    const known = this.#numbers[position] as number;
    if (known !== 0) return known - 1;
    graph.readId(position, this.#raw);
    const number = this.#catalog.intern(this.#raw, 0);
    this.#pair(position, number);
    return number;
  }

  #pair(position: number, number: number): void {
    if (number >= this.#positions.length) {
      const wider = new Int32Array(
        Math.max(MIN_COLUMN, number + 1, this.#positions.length * 2),
      );
      wider.set(this.#positions);
      this.#positions = wider;
    }
    this.#numbers[position] = number + 1;
    this.#positions[number] = position + 1;
  }

  #current(): CommitGraph | undefined {
    if (this.#isCurrent) return this.#graph;
    const graph = this.#pool.get();
    this.#isCurrent = true;
    if (graph !== this.#graph) {
      this.#graph = graph;
      this.#numbers = new Int32Array(graph?.count ?? 0);
      this.#positions = new Int32Array(0);
    }
    return graph;
  }
}
