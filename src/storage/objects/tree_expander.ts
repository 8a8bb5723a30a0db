/**
 * Looks up the entries of many trees: the hot loop of every walk.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { NumberList } from "../../core/number_list.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { TREE } from "../../object/kind.ts";
import {
  MODE_FILE,
  MODE_SYMLINK,
  MODE_TREE,
  MODE_TYPE,
  TreeCursor,
} from "../../object/tree.ts";
import type { TreeEntries } from "../types.ts";
import { BAD, type Catalog, COPY } from "./catalog.ts";
import type { ObjectReader } from "./reader.ts";
import type { StoreWalker } from "./store_walker.ts";
import { TreeFamilies } from "./tree_families.ts";

/** Entries gone through between two yields. */
const ENTRIES_PER_STEP = 65_536;
/** How much more is remembered during a walk than is kept. */
const READ_AHEAD_FACTOR = 4;

/** Expands the trees of a store. */
export class TreeExpander {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #walker: StoreWalker;
  readonly #rawLength: number;
  readonly #maxRemembered: number;
  readonly #families: TreeFamilies;
  /**
   * For each remembered tree how many children, the tree that has its further
   * ones or -1, then the children.
   */
  #remembered = new NumberList(1);
  /** Where a tree's children are remembered, plus one, by number. */
  #places = new Int32Array(0);
  /** Bytes of trees that were read in this call. */
  #work = 0;
  /** The children of one tree: twice the number, plus 1 for a tree. */
  #children = new Int32Array(256);

  /** Remembers at most `maxRemembered` children. */
  constructor(
    catalog: Catalog,
    reader: ObjectReader,
    walker: StoreWalker,
    format: ObjectFormat,
    maxRemembered: number,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#walker = walker;
    this.#rawLength = format.rawLength;
    this.#maxRemembered = maxRemembered;
    this.#families = new TreeFamilies(
      catalog,
      reader,
      walker,
      (rows) => this.#rememberRows(rows),
    );
  }

  /** Forgets all, where that is too much or half of a reading. */
  trim(): void {
    const isWhole = this.#families.stop();
    if (isWhole && this.#remembered.length <= this.#maxRemembered) return;
    this.#families.reset();
    this.#remembered = new NumberList(1);
    this.#places = new Int32Array(0);
  }

  /** As ObjectGraph.expandAll says. */
  *expandAll(
    seen: ObjectSet,
    found: TreeEntries,
  ): Generator<number, number, void> {
    const { trees, blobs } = found;
    let unknown = 0;
    for (let i = 0; i < trees.length; i++) {
      if ((this.#places[trees.at(i)] ?? 0) === 0) unknown++;
    }
    for (const _ of this.#families.read(unknown)) {
      yield trees.length + blobs.length;
    }
    if (this.#remembered.length === 0) return 0;
    // The trees that are left to the caller, and those that are if the tree
    // that has their further children is not met.
    const left = new NumberList();
    const partial = new NumberList();
    let entries = 0;
    for (let i = 0; i < trees.length; i++) {
      const tree = trees.at(i);
      const place = this.#places[tree] ?? 0;
      if (place === 0) {
        left.push(tree);
        continue;
      }
      const end = place + this.#remembered.at(place - 2);
      const base = this.#remembered.at(place - 1);
      if (base >= 0 && !seen.has(base)) partial.push(tree);
      deliver(this.#remembered.view(place, end), seen, found);
      entries += end - place + 1;
      if (entries < ENTRIES_PER_STEP) continue;
      entries = 0;
      yield trees.length + blobs.length;
    }
    for (let i = 0; i < partial.length; i++) {
      const tree = partial.at(i);
      const place = this.#places[tree] as number;
      if (!seen.has(this.#remembered.at(place - 1))) left.push(tree);
    }
    return moveBehind(trees, left);
  }

  #rememberRows(rows: Int32Array): boolean {
    const list = this.#remembered;
    const { flags, kinds } = this.#catalog;
    const limit = this.#maxRemembered * READ_AHEAD_FACTOR;
    if (list.length + rows.length > limit) return false;
    this.#makePlaces(this.#catalog.count);
    const start = list.length;
    list.pushAll(rows);
    for (let at = 0; at < rows.length;) {
      const tree = rows[at] as number;
      const place = at + 3;
      at = place + (rows[at + 1] as number);
      if (((flags[tree] as number) & (BAD | COPY)) !== 0) continue;
      kinds[tree] = TREE;
      this.#places[tree] = start + place;
    }
    return true;
  }

  /** As ObjectGraph.expandTrees says. */
  expand(trees: Int32Array, seen: ObjectSet, found: TreeEntries): number {
    this.#work = 0;
    // Numbers ascend with offsets: bases come before their deltas, and pack
    // windows are read once.
    const sorted = trees.slice().sort();
    const unknown = this.#deliverRemembered(sorted, seen, found);
    const rest = this.#expandByWalker(unknown, seen, found);
    this.#readHeaders(rest);
    for (let i = 0; i < rest.length; i++) {
      const tree = rest[i] as number;
      const count = this.#parse(tree);
      const entries = this.#children.subarray(0, count);
      this.#remember(tree, entries, -1);
      deliver(entries, seen, found);
    }
    return this.#work;
  }

  /** Returns the trees that are not remembered, or not all that matters. */
  #deliverRemembered(
    trees: Int32Array,
    seen: ObjectSet,
    found: TreeEntries,
  ): Int32Array {
    let unknown = 0;
    for (let i = 0; i < trees.length; i++) {
      const tree = trees[i] as number;
      const place = this.#places[tree] ?? 0;
      const base = place === 0 ? -1 : this.#remembered.at(place - 1);
      if (place === 0 || (base >= 0 && !seen.has(base))) {
        trees[unknown++] = tree;
        continue;
      }
      const end = place + this.#remembered.at(place - 2);
      deliver(this.#remembered.view(place, end), seen, found);
    }
    return trees.subarray(0, unknown);
  }

  /** Returns the trees that the walker left out. */
  #expandByWalker(
    trees: Int32Array,
    seen: ObjectSet,
    found: TreeEntries,
  ): Int32Array {
    if (trees.length === 0) return trees;
    const walker = this.#walker.get();
    if (walker === undefined) return trees;
    const { flags, kinds } = this.#catalog;
    let left = 0;
    const rest = new Int32Array(trees.length);
    this.#work += walker.expandTrees(
      trees,
      seen.words(),
      (index, entries, base) => {
        const tree = trees[index] as number;
        if (entries === undefined || ((flags[tree] as number) & BAD) !== 0) {
          rest[left++] = tree;
          return;
        }
        kinds[tree] = TREE;
        this.#remember(tree, entries, base);
        deliver(entries, seen, found);
      },
    );
    return rest.subarray(0, left);
  }

  /** So that each base is known as one before it is inflated, and is kept. */
  #readHeaders(sorted: Int32Array): void {
    const catalog = this.#catalog;
    for (let i = 0; i < sorted.length; i++) {
      const tree = sorted[i] as number;
      if (catalog.types[tree] !== 0) continue;
      if (((catalog.flags[tree] as number) & (BAD | COPY)) !== 0) continue;
      if (catalog.packOf(tree)?.open() === true) this.#reader.type(tree);
    }
  }

  /** Puts the children of a tree into `#children`; returns how many. */
  #parse(tree: number): number {
    const { kind, data } = this.#reader.read(tree);
    if (kind !== TREE) throw this.#corrupt(tree, "is not a tree");
    this.#work += data.length;
    const rawLength = this.#rawLength;
    const most = Math.floor(data.length / (rawLength + 3));
    if (this.#children.length < most) {
      this.#children = new Int32Array(most * 2);
    }
    const children = this.#children;
    const { ids } = this.#catalog;
    const end = data.length;
    if (end > 0 && (end < rawLength + 3 || data[end - rawLength - 1] !== 0)) {
      throw this.#corrupt(tree, "too-short tree object");
    }
    let count = 0;
    let at = 0;
    while (at < end) {
      // The NUL before the last id ends both loops at the latest. Whatever is
      // odd about an entry, TreeCursor says it in git's words.
      let mode = 0;
      let code = data[at++] as number;
      while (code >= 0x30 && code <= 0x37) {
        mode = (mode << 3) | (code - 0x30);
        code = data[at++] as number;
      }
      if (code !== 0x20 || data[at] === 0 || data[at - 2] === undefined) {
        throw this.#explain(tree, data);
      }
      while (data[at] !== 0) {
        if (++at >= end) throw this.#explain(tree, data);
      }
      const oidAt = at + 1;
      at = oidAt + rawLength;
      if (at > end) throw this.#explain(tree, data);
      const type = mode & MODE_TYPE;
      const isTree = type === MODE_TREE;
      if (!isTree && type !== MODE_FILE && type !== MODE_SYMLINK) continue;
      let number = ids.find(data, oidAt);
      if (number < 0) number = this.#catalog.intern(data, oidAt);
      children[count++] = isTree ? number * 2 + 1 : number * 2;
    }
    return count;
  }

  #remember(tree: number, entries: Int32Array, base: number): void {
    const list = this.#remembered;
    const count = entries.length;
    if (list.length + count + 2 > this.#maxRemembered) return;
    this.#makePlaces(tree + 1);
    list.push(count);
    list.push(base);
    this.#places[tree] = list.length;
    list.pushAll(entries);
  }

  #makePlaces(count: number): void {
    if (count <= this.#places.length) return;
    const wider = new Int32Array(
      Math.max(this.#catalog.count, count, this.#places.length * 2),
    );
    wider.set(this.#places);
    this.#places = wider;
  }

  #explain(tree: number, data: Uint8Array): StorageError {
    const cursor = new TreeCursor(data, this.#rawLength);
    try {
      while (cursor.next());
    } catch (error) {
      if (error instanceof StorageError) {
        return this.#corrupt(tree, error.message);
      }
      throw error;
    }
    return this.#corrupt(tree, "malformed mode in tree entry");
  }

  #corrupt(tree: number, state: string): StorageError {
    const oid = this.#catalog.ids.oid(tree);
    return new StorageError(
      "corrupt-object",
      `Cannot read tree ${oid}: ${state}`,
    );
  }
}

function deliver(
  children: Int32Array,
  seen: ObjectSet,
  found: TreeEntries,
): void {
  for (let i = 0; i < children.length; i++) {
    const child = children[i] as number;
    const number = child >>> 1;
    if (!seen.add(number)) continue;
    if ((child & 1) !== 0) found.trees.push(number);
    else found.blobs.push(number);
  }
}

/** Puts those of `list` that are in `last` behind the others; how many are not. */
function moveBehind(list: NumberList, last: NumberList): number {
  if (last.length === 0) return list.length;
  const moved = new ObjectSet();
  for (let i = 0; i < last.length; i++) moved.add(last.at(i));
  const items = list.view();
  let kept = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as number;
    if (!moved.has(item)) items[kept++] = item;
  }
  items.set(last.view(), kept);
  return kept;
}
