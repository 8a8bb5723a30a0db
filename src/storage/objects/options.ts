/**
 * How much memory one repository's objects may take beside their ids, and
 * where warnings go.
 *
 * @module
 */

import type { PackTables } from "../../pack/tables.ts";

/**
 * Where the tables of packs are kept beside the stores that use them, so that
 * an index is read once for all workers of a process. Names are those of
 * StoredPack; what comes from here is compared with the pack before its use.
 */
export interface PackTableCache {
  /** The tables that were put under a name, if they are still kept. */
  get(name: string): PackTables | undefined;
  /** Offers tables; they do not change. */
  put(name: string, tables: PackTables): void;
}

/** Settings of an object store; every one has a default. */
export interface ObjectStoreOptions {
  /**
   * Bytes of inflated objects kept as bases of deltas. 96 MiB unless told, as
   * git's `core.deltaBaseCacheLimit`.
   */
  readonly baseCacheBytes?: number;
  /** Bytes of pack windows kept. 8 MiB unless told. */
  readonly windowCacheBytes?: number;
  /**
   * Tree entries remembered as numbers, 4 bytes each: a second walk then
   * inflates nothing. 4 Mi entries unless told; a walk that comes to most
   * trees may take four times as many until no snapshot is in use.
   */
  readonly treeCacheEntries?: number;
  /**
   * Bytes that each of the first two caches is cut to once no snapshot is in
   * use. 4 MiB unless told.
   */
  readonly idleCacheBytes?: number;
  /** Bytes of the largest object that is read whole. 512 MiB unless told. */
  readonly maxObjectBytes?: number;
  /**
   * Ids remembered that the repository lacks; after more, the next snapshot
   * starts afresh. 65,536 unless told.
   */
  readonly maxAbsent?: number;
  /**
   * Stores of fewer objects are read one by one, which takes less time than
   * making a walker. 2048 unless told.
   */
  readonly walkerMinObjects?: number;
  /** Keeps packs' tables. They are kept nowhere else unless told. */
  readonly tables?: PackTableCache;
  /**
   * Bytes of objects that one request may compare to find deltas for what
   * would go whole, half of it to find them. 128 MiB unless told; 0 makes none.
   */
  readonly deltaSearchBytes?: number;
  /**
   * Bytes of such deltas that one request may hold until they are sent. 16 MiB
   * unless told.
   */
  readonly deltaHeldBytes?: number;
  /** Told of packs and commit-graphs left out because they are broken. */
  readonly warn?: (message: string) => void;
}

/** The settings, complete. */
export type ObjectStoreSettings = Required<ObjectStoreOptions>;

const MIB = 1024 * 1024;

/** The settings that `options` come to. */
export function settingsOf(options: ObjectStoreOptions): ObjectStoreSettings {
  return {
    baseCacheBytes: 96 * MIB,
    windowCacheBytes: 8 * MIB,
    treeCacheEntries: 4 * MIB,
    idleCacheBytes: 4 * MIB,
    maxObjectBytes: 512 * MIB,
    maxAbsent: 65_536,
    walkerMinObjects: 2048,
    tables: { get: () => undefined, put() {} },
    deltaSearchBytes: 128 * MIB,
    deltaHeldBytes: 16 * MIB,
    warn() {},
    ...options,
  };
}
