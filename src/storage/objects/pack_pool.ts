/**
 * What a repository's ports hold now, with the packs that were opened before:
 * a new snapshot opens only the packs that are new.
 *
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import {
  areWholeTables,
  type PackTables,
  readPackTables,
} from "../../pack/tables.ts";
import type { ObjectPorts, StoredPack } from "../ports.ts";
import { BitmapPool, type PoolPack } from "./bitmap_pool.ts";
import { GraphPool } from "./graph_pool.ts";
import { openIndex } from "./open_index.ts";
import { OpenedPack } from "./opened_pack.ts";
import type { ObjectStoreSettings } from "./options.ts";
import { WindowCache } from "./windows.ts";

/** What there is at one moment. */
export interface PoolScan {
  /** Equal stamps mean equal packs and loose objects. */
  readonly stamp: string;
  /** The packs, in the order of searching. Opens the new ones. */
  packs(): OpenedPack[];
  /** The loose objects. */
  readonly loose: readonly Oid[];
}

/** The packs of one repository that are in use, by name. */
export class PackPool {
  /** Its commit-graph. */
  readonly graphs: GraphPool;
  /** Its bitmap. */
  readonly bitmaps: BitmapPool;
  /** Pieces of all of them. */
  readonly windows: WindowCache;
  readonly #ports: ObjectPorts;
  readonly #format: ObjectFormat;
  readonly #kernels: Pick<Kernels, "arrangeIndex">;
  readonly #settings: ObjectStoreSettings;
  #opened = new Map<string, OpenedPack>();
  readonly #stored = new WeakMap<OpenedPack, StoredPack>();

  /** An empty pool. */
  constructor(
    ports: ObjectPorts,
    format: ObjectFormat,
    kernels: Pick<Kernels, "hash" | "arrangeIndex">,
    settings: ObjectStoreSettings,
  ) {
    this.#ports = ports;
    this.#format = format;
    this.#kernels = kernels;
    this.#settings = settings;
    this.windows = new WindowCache(settings.windowCacheBytes);
    this.graphs = new GraphPool(
      ports.commitGraphs,
      format,
      kernels,
      settings.warn,
    );
    this.bitmaps = new BitmapPool(
      ports.bitmaps,
      format,
      kernels,
      settings.warn,
    );
  }

  /** Looks at the ports. Throws their StorageErrors. */
  scan(): PoolScan {
    const loose = this.#ports.loose?.scan();
    // Loose objects first: what is packed and pruned meanwhile is then seen
    // in its pack.
    const packs = this.#ports.packs.scan();
    return {
      stamp: `${packs.stamp}\n${loose?.stamp ?? ""}`,
      packs: () => this.#open(packs.packs),
      loose: loose?.oids ?? [],
    };
  }

  /** Whether loose objects are asked for, rather than listed. */
  get asksLoose(): boolean {
    return this.#ports.loose?.has !== undefined;
  }

  /** Whether a loose object that is not listed is there now. */
  hasLoose(oid: Oid): boolean {
    return this.#ports.loose?.has?.(oid) ?? false;
  }

  /** The stream of a loose object, or `undefined`. */
  readLoose(oid: Oid): Uint8Array | undefined {
    return this.#ports.loose?.read(oid);
  }

  /** A pack of a scan with what it was opened from. */
  origin(opened: OpenedPack): PoolPack {
    return { opened, stored: this.#stored.get(opened) as StoredPack };
  }

  /** The tables of a pack that is in use, by its name. */
  tables(name: string): PackTables | undefined {
    return this.#opened.get(name)?.tables;
  }

  #open(stored: readonly StoredPack[]): OpenedPack[] {
    const next = new Map<string, OpenedPack>();
    for (const each of stored) {
      const known = this.#opened.get(each.name);
      const pack = known !== undefined && !known.isStale
        ? known
        : this.#openOne(each);
      if (pack !== undefined) next.set(each.name, pack);
    }
    this.#opened = next;
    return [...next.values()];
  }

  // Like git, a broken index costs its pack, not the repository.
  #openOne(stored: StoredPack): OpenedPack | undefined {
    const kept = this.#fromCache(stored);
    if (kept !== undefined) return kept;
    const index = openIndex(stored);
    if (index === undefined) return undefined;
    try {
      const tables = readPackTables(index, this.#format, this.#kernels);
      this.#settings.tables.put(stored.name, tables);
      return this.#note(new OpenedPack(stored, tables, this.windows), stored);
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "corrupt-index") {
        throw error;
      }
      this.#settings.warn(`${stored.name}: ${messageOf(error)}`);
      return undefined;
    } finally {
      index.close();
    }
  }

  /** A pack whose tables were kept, if they are for what the pack is now. */
  #fromCache(stored: StoredPack): OpenedPack | undefined {
    const tables = this.#settings.tables.get(stored.name);
    if (
      tables === undefined || tables.format !== this.#format.name ||
      !areWholeTables(tables)
    ) {
      return undefined;
    }
    const pack = new OpenedPack(stored, tables, this.windows);
    return pack.isCurrent() ? this.#note(pack, stored) : undefined;
  }

  #note(pack: OpenedPack, stored: StoredPack): OpenedPack {
    this.#stored.set(pack, stored);
    return pack;
  }
}
