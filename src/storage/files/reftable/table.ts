/**
 * The refs of one reftable: found through its index, decoded block by block
 * when they are asked for and kept within a budget. Reads no file itself.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { printable } from "../../../core/bytes.ts";
import { StorageError } from "../../../core/errors.ts";
import { parseRefName } from "../../../core/ref_name.ts";
import { isSafeBadName } from "../loose_ref_value.ts";
import {
  BLOCK,
  type BlockBytes,
  type BlockFrame,
  decodeIndexBlock,
  decodeRefBlock,
  decodeUpdateDeltas,
  type IndexBlock,
  readFrame,
  type RefBlock,
} from "./block.ts";
import { badTable } from "./cursor.ts";
import type { TableShape } from "./footer.ts";

/** git writes three levels for millions of refs. */
const MAX_INDEX_LEVELS = 16;

/** How much decoded blocks may take, shared by the tables of a repository. */
export interface BlockBudget {
  /** Bytes that may still be taken. */
  left: number;
}

/** What a {@linkcode Reftable} is made from. */
export interface ReftableInit {
  /** Named in errors. */
  readonly path: string;
  /** Where its parts are. */
  readonly shape: TableShape;
  /** The file up to {@linkcode TableShape.refsEnd}; kept, not copied. */
  readonly bytes: Uint8Array;
  /** How much may be kept decoded. */
  readonly budget: BlockBudget;
  /** Is told of names that git's rules refuse. */
  readonly badName: (name: string) => void;
}

/** A ref block, where it is, and where the next one starts. */
export interface PlacedBlock {
  /** Where it starts. */
  readonly at: number;
  /** The decoded block. */
  readonly block: RefBlock;
  /** The records whose names git's rules refuse, if there are any. */
  readonly refused: ReadonlySet<number> | undefined;
  /** Where the block after it starts. */
  readonly next: number;
}

/** One table of a stack. */
export class Reftable {
  readonly #source: BlockBytes;
  readonly #shape: TableShape;
  #budget: BlockBudget;
  readonly #badName: (name: string) => void;
  readonly #blocks = new Map<number, PlacedBlock>();
  readonly #indexes = new Map<number, IndexBlock>();
  #taken = 0;
  #isChecked = false;

  /** Decodes nothing yet. */
  constructor(init: ReftableInit) {
    this.#shape = init.shape;
    this.#source = {
      bytes: init.bytes,
      path: init.path,
      format: init.shape.format,
      headerLength: init.shape.headerLength,
    };
    this.#budget = init.budget;
    this.#badName = init.badName;
  }

  /** How many bytes of the file it holds. */
  get size(): number {
    return this.#source.bytes.length;
  }

  /** Its file. */
  get path(): string {
    return this.#source.path;
  }

  /** Where its parts are. */
  get shape(): TableShape {
    return this.#shape;
  }

  /** The update indexes of a block's records. Throws "bad-reftable". */
  updateIndexes(placed: PlacedBlock): number[] {
    const frame = readFrame(this.#source, placed.at);
    const { minUpdateIndex } = this.#shape;
    return decodeUpdateDeltas(this.#source, frame)
      .map((delta) => minUpdateIndex + delta);
  }

  /**
   * The block that holds the first ref whose name is not below `name`, or
   * `undefined` where all names are. Throws StorageError "bad-reftable".
   */
  seek(name: string): PlacedBlock | undefined {
    if (this.#shape.refsEnd === 0) return undefined;
    return this.#shape.indexAt === 0
      ? this.#seekLinear(name)
      : this.#seekIndexed(name);
  }

  /** The ref block at `at`, or `undefined` where the refs have ended. */
  blockAt(at: number): PlacedBlock | undefined {
    const known = this.#blocks.get(at);
    if (known !== undefined) return known;
    const { refsEnd, indexAt } = this.#shape;
    if (at >= refsEnd || at === indexAt && at !== 0) return undefined;
    const frame = readFrame(this.#source, at);
    if (frame.type === BLOCK.index && at !== 0) return undefined;
    return this.#decode(at, frame);
  }

  /**
   * Checks every block from the one that `name` would be in up to the first
   * whose names are all above those that start with `prefix`, so that going
   * through them afterwards cannot fail.
   */
  check(prefix: string): void {
    if (this.#isChecked) return;
    let last = "";
    const from = this.seek(prefix);
    for (
      let next = from;
      next !== undefined;
      next = this.blockAt(next.next)
    ) {
      const { at, block } = next;
      const name = block.name(0);
      if (next !== from && name <= last) {
        throw badTable(this.#source.path, "its names are out of order");
      }
      last = block.last;
      // Any name between two last names takes the way of the later one.
      if (this.seek(last)?.at !== at) throw wrongIndex(this.#source.path);
      if (name > prefix && !name.startsWith(prefix)) return;
    }
    this.#isChecked = from === undefined || from.at === 0;
  }

  /** Gives the budget back; what is decoded from now on is not kept. */
  release(): void {
    this.#blocks.clear();
    this.#budget.left += this.#taken;
    this.#budget = { left: 0 };
  }

  #seekLinear(name: string): PlacedBlock | undefined {
    let next = this.blockAt(0);
    while (next !== undefined && next.block.last < name) {
      next = this.blockAt(next.next);
    }
    return next;
  }

  #seekIndexed(name: string): PlacedBlock | undefined {
    const { path } = this.#source;
    // The root may be several blocks, which nothing but the end ends.
    let at = this.#shape.indexAt;
    let index = this.#indexAt(at);
    while ((index.keys.at(-1) as string) < name) {
      at = this.#nextIndex(at);
      if (at >= this.#shape.refsEnd) return undefined;
      index = this.#indexAt(at);
    }
    for (let level = 0; level < MAX_INDEX_LEVELS; level++) {
      const entry = lowerBound(index.keys, name);
      const below = index.positions[entry] as number;
      const key = index.keys[entry] as string;
      if (below >= at) throw badTable(path, "its index points forwards");
      if (readFrame(this.#source, below).type === BLOCK.index) {
        at = below;
        index = this.#indexAt(at);
        if (index.keys.at(-1) !== key) throw wrongIndex(path);
        continue;
      }
      const found = this.blockAt(below);
      if (found?.block.last !== key) throw wrongIndex(path);
      return found;
    }
    throw badTable(path, "its index is too deep");
  }

  #indexAt(at: number): IndexBlock {
    let index = this.#indexes.get(at);
    if (index === undefined) {
      const frame = readFrame(this.#source, at);
      if (frame.type !== BLOCK.index) throw wrongIndex(this.#source.path);
      index = decodeIndexBlock(this.#source, frame);
      this.#indexes.set(at, index);
    }
    return index;
  }

  #nextIndex(at: number): number {
    return this.#endOf(at, readFrame(this.#source, at));
  }

  #decode(at: number, frame: BlockFrame): PlacedBlock {
    const { path } = this.#source;
    if (frame.type !== BLOCK.ref) {
      throw badTable(path, "a block is of the wrong type");
    }
    const block = decodeRefBlock(this.#source, frame);
    let refused: Set<number> | undefined;
    for (let i = 0; i < block.count; i++) {
      const name = block.name(i);
      if (parseRefName(name) !== undefined) continue;
      this.#refuse(name);
      refused ??= new Set();
      refused.add(i);
    }
    const placed = { at, block, refused, next: this.#endOf(at, frame) };
    if (block.cost <= this.#budget.left) {
      this.#budget.left -= block.cost;
      this.#taken += block.cost;
      this.#blocks.set(at, placed);
    }
    return placed;
  }

  /** As reftable-backend.c: dangerous names are fatal, others passed over. */
  #refuse(name: string): void {
    if (!isSafeBadName(name)) {
      throw new StorageError(
        "bad-reftable",
        `refname is dangerous: ${printable(name)}`,
      );
    }
    this.#badName(name);
  }

  /** Where the block after this one starts (block.c: full_block_size). */
  #endOf(at: number, frame: BlockFrame): number {
    const { blockSize } = this.#shape;
    const length = frame.end - at;
    const isUnpadded = length >= blockSize ||
      (frame.end < this.size && this.#source.bytes[frame.end] !== 0);
    return isUnpadded ? frame.end : at + blockSize;
  }
}

function lowerBound(keys: readonly string[], name: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function wrongIndex(path: string): StorageError {
  return badTable(path, "its index does not fit its blocks");
}
