/**
 * Packs held in arrays: objects are gathered, and become a pack when the packs
 * are listed next.
 *
 * @module
 */

import { type ObjectFormat, type Oid, oidToRaw } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import { objectId } from "../../object/raw.ts";
import { buildPack, type PackObject } from "../../pack/pack_builder.ts";
import type { PackStore, RandomAccess, StoredPack } from "../ports.ts";

/** A pack store that objects can be added to. */
export class MemoryPacks implements PackStore {
  readonly #format: ObjectFormat;
  readonly #kernels: Kernels;
  readonly #packs: StoredPack[] = [];
  readonly #kinds = new Map<Oid, Kind>();
  #gathered: PackObject[] = [];

  /** An empty store. */
  constructor(format: ObjectFormat, kernels: Kernels) {
    this.#format = format;
    this.#kernels = kernels;
  }

  /** Adds an object, if it is not there; returns its id. Copies `data`. */
  add(kind: Kind, data: Uint8Array): Oid {
    const oid = objectId(kind, data, this.#format, this.#kernels);
    if (!this.#kinds.has(oid)) {
      this.#kinds.set(oid, kind);
      this.#gathered.push({ raw: oidToRaw(oid), kind, data: data.slice() });
    }
    return oid;
  }

  /** Adds a pack as it is, whose objects and their kinds are these. */
  addPack(
    pack: StoredPack,
    objects: Iterable<readonly [Oid, Kind]>,
  ): void {
    for (const [oid, kind] of objects) this.#kinds.set(oid, kind);
    // The same pack may come again.
    if (this.#packs.every(({ name }) => name !== pack.name)) {
      this.#packs.push(pack);
    }
  }

  /** The kind of an object, or `undefined` where it is not here. */
  kind(oid: Oid): Kind | undefined {
    return this.#kinds.get(oid);
  }

  scan(): { readonly stamp: string; readonly packs: readonly StoredPack[] } {
    if (this.#gathered.length > 0) {
      const { pack, index } = buildPack(
        this.#gathered,
        this.#format,
        this.#kernels,
      );
      this.#gathered = [];
      this.#packs.push({
        name: `memory-${this.#packs.length}`,
        index: () => index,
        open: () => new MemoryAccess(pack),
      });
    }
    return { stamp: `memory-${this.#packs.length}`, packs: [...this.#packs] };
  }
}

/** An array read at positions. */
export class MemoryAccess implements RandomAccess {
  readonly #bytes: Uint8Array;

  /** `bytes` is kept. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  readAt(into: Uint8Array, position: number): number {
    const part = this.#bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  close(): void {}
}
