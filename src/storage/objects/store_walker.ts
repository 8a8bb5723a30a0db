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

/**
 * Making a walker takes about as long as reading this share of the smallest
 * store that gets one, one object at a time.
 */
const SHARE = 8;

/** Holds a walker while it is of use. */
export class StoreWalker {
  readonly #catalog: Catalog;
  readonly #kernels: Kernels;
  readonly #format: ObjectFormat;
  readonly #minObjects: number;
  #walker: PackWalker | undefined;
  /** Objects that were asked about before it was made. */
  #asked = 0;

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
   *
   * Who needs it for a few objects alone says for how many: it is made once
   * that adds up.
   */
  get(objects = Infinity): PackWalker | undefined {
    if (this.#walker !== undefined) return this.#walker;
    this.#asked += objects;
    if (this.#asked * SHARE < this.#minObjects) return undefined;
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
    const sorted = ids.searched().map(({ start, views, hasCopies }) => ({
      ids: views.ids,
      fanOut: views.fanOut,
      start: hasCopies ? 0 : start,
      numbers: hasCopies
        ? Int32Array.from(views.ranks, (rank) => ids.numberOf(start + rank))
        : views.ranks,
    }));
    this.#walker = make({
      rawLength: this.#format.rawLength,
      sorted,
      ...ids.rows(),
      packs,
    });
    return this.#walker;
  }

  /** Lets go of the walker and its caches. */
  drop(): void {
    this.#walker = undefined;
    this.#asked = 0;
  }
}

function walked(pack: OpenedPack, start: number, end: number): WalkedPack {
  const isOpen = pack.count > 0 && pack.open();
  return {
    start,
    end,
    dataEnd: isOpen ? pack.end(pack.count - 1) : 0,
    offsets: pack.views.offsets,
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
