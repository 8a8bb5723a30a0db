/**
 * The one object store: everything that {@linkcode ObjectStore} promises, over
 * any pair of ports.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ObjectSet } from "../../core/object_set.ts";
import { type ObjectFormat, type Oid, oidToRaw } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import { type Kind, TAG } from "../../object/kind.ts";
import { parseTag } from "../../object/tag.ts";
import type { HeldLoose } from "../ports.ts";
import type {
  ObjectData,
  ObjectStore,
  PackPlan,
  PackRequest,
  ReachBitmaps,
  StoredDelta,
  TreeEntries,
} from "../types.ts";
import { StoreBitmaps } from "./bitmap_reach.ts";
import { Catalog, HERE } from "./catalog.ts";
import { CommitTable } from "./commit_table.ts";
import { GraphCommits } from "./graph_commits.ts";
import { ObjectSizes } from "./object_sizes.ts";
import type { ObjectStoreSettings } from "./options.ts";
import { planPack } from "./pack_plan.ts";
import type { PackPool, PoolScan } from "./pack_pool.ts";
import { ObjectReader } from "./reader.ts";
import { storedDelta } from "./stored_delta.ts";
import { StoreWalker } from "./store_walker.ts";
import { TreeExpander } from "./tree_expander.ts";

/** The objects that one scan of the ports found, and what was read of them. */
export class PooledStore implements ObjectStore {
  readonly format: ObjectFormat;
  readonly #kernels: Kernels;
  readonly #settings: ObjectStoreSettings;
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #sizes: ObjectSizes;
  readonly #graph: GraphCommits;
  readonly #bitmaps: StoreBitmaps;
  readonly #commits: CommitTable;
  readonly #trees: TreeExpander;
  readonly #walker: StoreWalker;
  readonly #tagTargets = new Map<number, number>();
  #mayRescan = true;

  /** Opens the packs that `scan` names. Close it when it is done with. */
  constructor(
    pool: PackPool,
    scan: PoolScan,
    format: ObjectFormat,
    kernels: Kernels,
    settings: ObjectStoreSettings,
    held?: HeldLoose,
  ) {
    this.format = format;
    this.#kernels = kernels;
    this.#settings = settings;
    const catalog = new Catalog(pool, scan, format, held);
    this.#catalog = catalog;
    this.#reader = new ObjectReader(catalog, format, kernels, settings);
    this.#sizes = new ObjectSizes(catalog, this.#reader, kernels, format);
    this.#walker = new StoreWalker(
      catalog,
      kernels,
      format,
      settings.walkerMinObjects,
    );
    this.#graph = new GraphCommits(catalog, pool.graphs, format.rawLength);
    this.#bitmaps = new StoreBitmaps(
      catalog,
      pool.bitmaps,
      () => catalog.packs().map(({ pack: each }) => pool.origin(each)),
      format.rawLength,
    );
    this.#commits = new CommitTable(
      catalog,
      this.#reader,
      this.#walker,
      this.#graph,
      format,
    );
    this.#trees = new TreeExpander(
      catalog,
      this.#reader,
      this.#walker,
      format,
      settings.treeCacheEntries,
    );
  }

  get count(): number {
    return this.#catalog.count;
  }

  /** How many ids were added because something names them. */
  get absent(): number {
    return this.#catalog.absent;
  }

  /** Lets the next miss of {@linkcode ObjectStore.find} look again. */
  allowRescan(): void {
    this.#mayRescan = true;
  }

  /**
   * Lets a newer commit-graph and a newer bitmap be used; nothing may be
   * walking the store.
   */
  refreshGraph(): void {
    this.#graph.refresh();
    this.#bitmaps.refresh();
  }

  find(oid: Oid): number {
    const number = this.#catalog.find(oid);
    if (number >= 0 && this.has(number)) return number;
    // Once for each snapshot: a client may name thousands that are not here.
    if (!this.#mayRescan) return -1;
    this.#mayRescan = false;
    if (!this.#catalog.rescan()) return -1;
    const again = this.#catalog.find(oid);
    return again >= 0 && this.has(again) ? again : -1;
  }

  hasAll(ids: Uint8Array): boolean {
    for (let at = 0; at < ids.length; at += this.format.rawLength) {
      const number = this.#catalog.findRaw(ids, at);
      if (number < 0 || !this.has(number)) return false;
    }
    return true;
  }

  isPacked(number: number): boolean {
    return this.#catalog.copy(number) >= 0;
  }

  startingWith(digits: string): readonly Oid[] {
    return this.#catalog.startingWith(digits);
  }

  intern(oid: Oid): number {
    return this.#catalog.intern(oidToRaw(oid), 0);
  }

  internRaw(bytes: Uint8Array, at: number): number {
    const number = this.#catalog.ids.find(bytes, at);
    return number >= 0 ? number : this.#catalog.intern(bytes, at);
  }

  has(number: number): boolean {
    return ((this.#catalog.flags[number] ?? 0) & HERE) !== 0;
  }

  oid(number: number): Oid {
    return this.#catalog.ids.oid(number);
  }

  kind(number: number): Kind {
    return this.#reader.kind(number);
  }

  size(number: number): number {
    return this.#sizes.size(number);
  }

  read(number: number, limit?: number): ObjectData {
    return this.#reader.read(number, limit);
  }

  storedDelta(number: number): StoredDelta | undefined {
    const { rawLength } = this.format;
    return storedDelta(this.#catalog, this.#reader, rawLength, number);
  }

  commitTree(commit: number): number {
    return this.#commits.tree(commit);
  }

  commitTime(commit: number): number {
    return this.#commits.time(commit);
  }

  parentCount(commit: number): number {
    return this.#commits.parentCount(commit);
  }

  parent(commit: number, index: number): number {
    return this.#commits.parent(commit, index);
  }

  generation(commit: number): number {
    return this.#graph.generation(commit);
  }

  tagTarget(tag: number): number {
    const known = this.#tagTargets.get(tag);
    if (known !== undefined) return known;
    const { kind, data } = this.#reader.read(tag);
    if (kind !== TAG) throw new StorageError("not-a-tag", this.oid(tag));
    let target: number;
    try {
      target = this.intern(parseTag(data, this.format).target);
    } catch (cause) {
      if (!(cause instanceof StorageError)) throw cause;
      throw new StorageError(
        cause.code,
        `${this.oid(tag)}: ${cause.message}`,
        { cause },
      );
    }
    this.#tagTargets.set(tag, target);
    return target;
  }

  expandTrees(
    trees: Int32Array,
    seen: ObjectSet,
    found: TreeEntries,
  ): number {
    return this.#trees.expand(trees, seen, found);
  }

  expandAll(
    seen: ObjectSet,
    found: TreeEntries,
  ): Generator<number, number, void> {
    return this.#trees.expandAll(seen, found);
  }

  bitmaps(): ReachBitmaps | undefined {
    return this.#bitmaps.get();
  }

  planPack(request: PackRequest): Generator<number, PackPlan, void> {
    const sources = {
      catalog: this.#catalog,
      reader: this.#reader,
      walker: this.#walker,
      kernels: this.#kernels,
      format: this.format,
      settings: this.#settings,
    };
    return planPack(sources, request);
  }

  /** Cuts the cache of bases to so many bytes, and drops the walker's. */
  trim(bytes: number): void {
    this.#walker.drop();
    this.#trees.trim();
    this.#reader.cache.trim(bytes);
  }

  /** Lets go of the packs. Idempotent. */
  close(): void {
    this.#catalog.close();
  }
}
