/**
 * A repository's objects over time: one store is shared by all snapshots
 * between two changes, and a new one takes over the packs that are the same.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { HeldLoose, ObjectPorts } from "../ports.ts";
import type { ObjectStore } from "../types.ts";
import {
  type ObjectStoreOptions,
  type ObjectStoreSettings,
  type PackTableCache,
  settingsOf,
} from "./options.ts";
import { PackPool } from "./pack_pool.ts";
import { PooledStore } from "./store.ts";

/** The objects at one moment, to be released. */
export interface ObjectSnapshot {
  /** Changes when the packs or the loose objects do. */
  readonly id: string;
  /** The objects. */
  readonly store: ObjectStore;
  /** Lets go of them; files that nobody else uses are closed. Idempotent. */
  release(): void;
}

interface Shared {
  readonly id: string;
  readonly store: PooledStore;
  users: number;
}

/** Makes snapshots of a repository's objects; held by the repository. */
export class ObjectSource {
  readonly #format: ObjectFormat;
  readonly #kernels: Kernels;
  readonly #settings: ObjectStoreSettings;
  readonly #pool: PackPool;
  #current: Shared | undefined;
  #isClosed = false;

  /** Reads nothing before the first snapshot. */
  constructor(
    ports: ObjectPorts,
    format: ObjectFormat,
    kernels: Kernels,
    options: ObjectStoreOptions = {},
  ) {
    this.#format = format;
    this.#kernels = kernels;
    this.#settings = settingsOf(options);
    this.#pool = new PackPool(ports, format, kernels, this.#settings);
  }

  /**
   * The objects now. Costs one scan of the ports where nothing changed. Where
   * loose objects are asked for, every snapshot has a store of its own, and
   * `held` are among them.
   */
  snapshot(held?: HeldLoose): ObjectSnapshot {
    const scan = this.#pool.scan();
    let shared = this.#current;
    if (
      shared === undefined || shared.id !== scan.stamp ||
      this.#pool.asksLoose ||
      shared.store.absent > this.#settings.maxAbsent
    ) {
      const store = new PooledStore(
        this.#pool,
        scan,
        this.#format,
        this.#kernels,
        this.#settings,
        held,
      );
      this.#retire();
      shared = { id: scan.stamp, store, users: 0 };
      this.#current = shared;
    }
    shared.store.allowRescan();
    // Not under a walk, whose generation numbers must be of one graph.
    if (shared.users === 0) shared.store.refreshGraph();
    shared.users++;
    const { id, store } = shared;
    let used: Shared | undefined = shared;
    return {
      id,
      store,
      release: () => {
        if (used === undefined) return;
        const released = used;
        used = undefined;
        this.#release(released);
      },
    };
  }

  /**
   * The tables of packs that are in use here, for another source over some of
   * the same packs.
   */
  get tables(): PackTableCache {
    const { tables } = this.#settings;
    return {
      get: (name) => this.#pool.tables(name) ?? tables.get(name),
      put: (name, added) => tables.put(name, added),
    };
  }

  /** Lets go of what is kept for the next snapshot. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#retire();
  }

  #retire(): void {
    const old = this.#current;
    this.#current = undefined;
    if (old !== undefined && old.users === 0) old.store.close();
  }

  #release(shared: Shared): void {
    if (--shared.users > 0) return;
    if (shared !== this.#current || this.#isClosed) {
      if (shared === this.#current) this.#current = undefined;
      shared.store.close();
      return;
    }
    shared.store.trim(this.#settings.idleCacheBytes);
    this.#pool.windows.trim(this.#settings.idleCacheBytes);
  }
}

/**
 * The objects of `ports` now, as a store that nothing else shares. Close it
 * when it is done with.
 */
export function openObjectStore(
  ports: ObjectPorts,
  format: ObjectFormat,
  kernels: Kernels,
  options: ObjectStoreOptions = {},
): PooledStore {
  const settings = settingsOf(options);
  const pool = new PackPool(ports, format, kernels, settings);
  return new PooledStore(pool, pool.scan(), format, kernels, settings);
}
