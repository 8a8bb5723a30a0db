/**
 * Reads all trees of a store's packs ahead, family by family, where a walk is
 * going to come to most of them: each is then inflated once, with its base
 * still in memory. What it leaves out is read when it is asked for.
 *
 * @module
 */

import {
  APART,
  type FamilyWalk,
  type PackWalker,
} from "../../kernels/types.ts";
import { COMMIT, OFS_DELTA, TREE } from "../../object/kind.ts";
import { BAD, type Catalog, COPY } from "./catalog.ts";
import type { ObjectReader } from "./reader.ts";
import type { StoreWalker } from "./store_walker.ts";

/** Headers read, and entries linked, between two yields. */
const HEADERS_PER_STEP = 8192;
const LINKS_PER_STEP = 65_536;
/**
 * Headers are read where one entry in so many is a root, trees where of the
 * commits as many are wanted as one in the second number.
 */
const ENTRIES_PER_ROOT = 256;
const COMMITS_PER_ROOT = 2;
/** Bytes of trees that are made for each entry: no pack may cost more. */
const BYTES_PER_ENTRY = 32_768;

/** Takes the trees that a step has read; false to be told of no more. */
export type TakeRows = (rows: Int32Array) => boolean;

/** Reads the trees of a store ahead, once. */
export class TreeFamilies {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #walker: StoreWalker;
  readonly #take: TakeRows;
  /** The reading under way, which all that wait for it advance. */
  #reading: Generator<void, void, void> | undefined;
  #isRead = false;

  /** `take` gets rows as {@linkcode FamilyWalk.step} gives them. */
  constructor(
    catalog: Catalog,
    reader: ObjectReader,
    walker: StoreWalker,
    take: TakeRows,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#walker = walker;
    this.#take = take;
  }

  /**
   * Reads all trees, unless that was done, where a walk from `roots` trees
   * that are not known yet is likely to come to most of them. Yields after
   * every step.
   */
  *read(roots: number): Generator<void, void, void> {
    if (this.#isRead) return;
    if (this.#reading === undefined) {
      if (roots === 0 || roots * ENTRIES_PER_ROOT < this.#slots) return;
      const walker = this.#walker.get();
      if (walker === undefined) return;
      this.#reading = this.#run(walker, roots);
    }
    const reading = this.#reading;
    while (this.#reading === reading) {
      if (reading.next().done === true) this.#reading = undefined;
      else yield;
    }
  }

  /** Gives up the reading under way; false where there was one. */
  stop(): boolean {
    const isIdle = this.#reading === undefined;
    this.#reading = undefined;
    return isIdle;
  }

  /** Lets the trees be read again. */
  reset(): void {
    this.#isRead = false;
  }

  get #slots(): number {
    return this.#catalog.packs().at(-1)?.end ?? 0;
  }

  *#run(walker: PackWalker, wanted: number): Generator<void, void, void> {
    yield* this.#readHeaders(walker);
    const { types } = this.#catalog;
    const slots = this.#slots;
    let commits = 0;
    let trees = 0;
    for (let slot = 0; slot < slots; slot++) {
      const type = types[slot];
      if (type === COMMIT) commits++;
      else if (type === TREE) trees++;
      if (slot % LINKS_PER_STEP === 0) yield;
    }
    if (wanted * COMMITS_PER_ROOT < commits) return;
    const walk = walker.families();
    const roots = new Int32Array(trees);
    yield* this.#link(walk, roots);
    let left = slots * BYTES_PER_ENTRY;
    for (let at = 0; left > 0;) {
      let isTaken = true;
      const done = walk.step(roots.subarray(at), (rows) => {
        isTaken = this.#take(rows);
      });
      at += done.roots;
      left -= done.bytes;
      if (!isTaken || (at === trees && !done.isInFamily)) break;
      yield;
    }
    this.#isRead = true;
  }

  *#readHeaders(walker: PackWalker): Generator<void, void, void> {
    const { types } = this.#catalog;
    for (const { start, end } of this.#catalog.packs()) {
      if (start === end || types[end - 1] !== 0) continue;
      for (let slot = start; slot < end; slot += HEADERS_PER_STEP) {
        this.#reader.readTypes(
          walker,
          slot,
          Math.min(end, slot + HEADERS_PER_STEP),
        );
        yield;
      }
    }
  }

  /** Fills the links of `walk`, and `roots` with the trees stored whole. */
  *#link(walk: FamilyWalk, roots: Int32Array): Generator<void, void, void> {
    const { types, bases, flags } = this.#catalog;
    const { firsts, nexts } = walk;
    let root = roots.length;
    // From the last on, so that deltas are gone through as they lie.
    for (let slot = firsts.length - 1; slot >= 0; slot--) {
      if (slot % LINKS_PER_STEP === 0) yield;
      const type = types[slot] as number;
      // The copy that another stands for may differ from it.
      const isApart = ((flags[slot] as number) & (BAD | COPY)) !== 0;
      if (isApart) firsts[slot] = (firsts[slot] as number) | APART;
      if (type === TREE && root > 0) roots[--root] = slot;
      if (type < OFS_DELTA) continue;
      const base = bases[slot] as number;
      if (base >= firsts.length || base === slot) continue;
      const first = firsts[base] as number;
      nexts[slot] = first & ~APART;
      firsts[base] = (first & APART) | (slot + 1);
    }
  }
}
