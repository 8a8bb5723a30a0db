/**
 * Objects whose stored bytes are not trusted as they are: read, and sent only
 * where they come to their ids.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { BLOB } from "../../object/kind.ts";
import { objectId } from "../../object/raw.ts";
import type { ObjectData } from "../types.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { PackSources } from "./pack_recipe.ts";

/** Entries above this are not held in memory while they are copied. */
export const HELD_MAX = 1024 * 1024;
/** The largest loose object that is written anew: what one array can hold. */
export const ANEW_MAX = 2 ** 31 - 1;
/**
 * The largest packed one. git makes no deltas of more (core.bigFileThreshold):
 * what claims to be one is a bomb.
 */
export const ANEW_PACKED_MAX = 512 * 1024 * 1024;

/** Reads objects and looks at their ids. */
export class IntactObjects {
  readonly #sources: PackSources;

  /** Over one store. */
  constructor(sources: PackSources) {
    this.#sources = sources;
  }

  /**
   * How many entries of a pack whose index has no checksums come to objects
   * that have the right ids, of `count` from `rank` on, whose slot is `first`.
   */
  count(
    pack: OpenedPack,
    first: number,
    rank: number,
    count: number,
  ): number {
    const { catalog, reader } = this.#sources;
    for (let i = 0; i < count; i++) {
      // What is too large to be held is compared by the one who gets it.
      if (pack.end(rank + i) - pack.offset(rank + i) > HELD_MAX) continue;
      const slot = first + i;
      const number = catalog.numberOf(slot);
      try {
        const object = reader.read(number, ANEW_PACKED_MAX);
        // Not where that was another copy.
        if (catalog.copy(number) !== slot) return i;
        if (!this.#isIntact(number, object)) return i;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        return i;
      }
    }
    return count;
  }

  /**
   * The object at `slot` from that copy if what it comes to has the right id
   * (its index may be what is damaged), else from another.
   *
   * Where the damaged copy could be read, only a blob is stood in for: of
   * anything else the walk has taken what it named for the truth, and would
   * now lack objects. Where that copy has another kind, too. The next pack is
   * made without it.
   */
  read(slot: number, limit: number): ObjectData {
    const { catalog, reader } = this.#sources;
    const number = catalog.numberOf(slot);
    const planned = catalog.kinds[number] as number;
    let object = reader.read(number, limit);
    if (!this.#isIntact(number, object)) {
      const wasBlob = object.kind === BLOB;
      reader.spoil(slot, undefined);
      // What was made of that copy is wrong, too.
      reader.cache.trim(0);
      object = reader.read(number, limit);
      if (!wasBlob || object.kind !== BLOB || !this.#isIntact(number, object)) {
        throw this.badCopy(slot);
      }
    }
    if (planned !== 0 && planned !== object.kind) throw this.badCopy(slot);
    return object;
  }

  #isIntact(number: number, { kind, data }: ObjectData): boolean {
    const { catalog, format, kernels } = this.#sources;
    // Damage is looked for, not forgery: that was for whoever stored it.
    const plain = { objectHash: kernels.hash };
    return objectId(kind, data, format, plain) ===
      catalog.ids.oid(number);
  }

  /** The error of a copy that is damaged. */
  badCopy(slot: number): StorageError {
    const { catalog } = this.#sources;
    const oid = catalog.ids.oid(catalog.numberOf(slot));
    return new StorageError(
      "corrupt-object",
      `Cannot copy object ${oid}: its stored bytes are damaged`,
    );
  }
}
