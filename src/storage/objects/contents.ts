/**
 * Objects that are read several times while deltas are looked for.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { Kind } from "../../object/kind.ts";
import type { ObjectData } from "../types.ts";
import { BaseCache } from "./base_cache.ts";
import type { PackSources } from "./pack_recipe.ts";

/** Bytes that are kept. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** Larger objects are not compared: one comparison is one step. */
const MOST_BYTES = 2 * 1024 * 1024;

/** Reads objects, and keeps the last ones. */
export class Contents {
  /** Bytes of objects that were given out, kept ones included. */
  work = 0;
  readonly #sources: PackSources;
  readonly #cache = new BaseCache(CACHE_BYTES);
  readonly #limit: number;

  /** Nothing is read yet. */
  constructor(sources: PackSources) {
    this.#sources = sources;
    this.#limit = Math.min(MOST_BYTES, sources.settings.maxObjectBytes);
  }

  /**
   * An object; `undefined` where it is large or cannot be read: whoever sends
   * it has the means, and reports what is wrong.
   */
  read(number: number): ObjectData | undefined {
    const kept = this.#cache.get(number);
    if (kept !== undefined) {
      this.work += kept.length;
      const kind = this.#sources.catalog.kinds[number] as Kind;
      return { kind, data: kept };
    }
    try {
      const object = this.#sources.reader.read(number, this.#limit);
      this.work += object.data.length;
      this.#cache.set(number, object.data);
      return object;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return undefined;
    }
  }

  /**
   * Whether the entry that an object is read from has its checksum: an index
   * may be damaged, and name the entry of another object.
   */
  isIntact(number: number): boolean {
    const { catalog, kernels } = this.#sources;
    const slot = catalog.copy(number);
    const pack = slot < 0 ? undefined : catalog.packOf(slot);
    if (pack === undefined || !pack.hasCrcs) return true;
    const rank = slot - catalog.startOf(slot);
    const { bytes, at, end } = pack.entry(rank);
    const entryEnd = at + pack.end(rank) - pack.offset(rank);
    return entryEnd <= end &&
      kernels.crc32(bytes.subarray(at, entryEnd)) === pack.crc(rank);
  }
}
