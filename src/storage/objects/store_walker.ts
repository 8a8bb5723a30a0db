/**
 * The kernels' pack walker over a store's packs, made when there is enough to
 * walk and dropped when the store is idle.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels, PackWalker, WalkedPack } from "../../kernels/types.ts";
import type { Catalog } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";

/** Holds a walker while it is of use. */
export class StoreWalker {
  readonly #catalog: Catalog;
  readonly #kernels: Kernels;
  readonly #format: ObjectFormat;
  readonly #minObjects: number;
  #walker: PackWalker | undefined;

  /** Makes nothing yet. */
  constructor(
    catalog: Catalog,
    kernels: Kernels,
    format: ObjectFormat,
    minObjects: number,
  ) {
    this.#minObjects = minObjects;
    this.#catalog = catalog;
    this.#kernels = kernels;
    this.#format = format;
  }

  /**
   * The walker; `undefined` where the kernels have none or the store is
   * small. It knows what the store held when it was made: what came since it
   * leaves out.
   */
  get(): PackWalker | undefined {
    if (this.#walker !== undefined) return this.#walker;
    const make = this.#kernels.packWalker;
    if (make === undefined || this.#catalog.count < this.#minObjects) {
      return undefined;
    }
    const { ids } = this.#catalog;
    const packs: WalkedPack[] = [];
    let slots = 0;
    for (const { start, end, pack } of this.#catalog.packs()) {
      // Packs that a re-scan found lie behind loose objects.
      if (start !== slots) break;
      slots = end;
      packs.push(walked(pack, start, end));
    }
    const offsets = new Float64Array(slots);
    let slot = 0;
    for (const { start, pack } of this.#catalog.packs()) {
      if (start !== slot || slot === slots) break;
      for (let rank = 0; rank < pack.count; rank++) {
        offsets[slot++] = pack.offset(rank);
      }
    }
    this.#walker = make({
      rawLength: this.#format.rawLength,
      ids: ids.view(0, ids.count),
      table: ids.table,
      shift: ids.shift,
      seed: ids.seed,
      packs,
      offsets,
    });
    return this.#walker;
  }

  /** Lets go of the walker and its caches. */
  drop(): void {
    this.#walker = undefined;
  }
}

function walked(pack: OpenedPack, start: number, end: number): WalkedPack {
  const isOpen = pack.count > 0 && pack.open();
  return {
    start,
    end,
    dataEnd: isOpen ? pack.end(pack.count - 1) : 0,
    read(into, position): number {
      if (!isOpen) return 0;
      try {
        return pack.readAt(into, position);
      } catch {
        // Whoever reads the entry by itself gets the same error to report.
        return 0;
      }
    },
  };
}
