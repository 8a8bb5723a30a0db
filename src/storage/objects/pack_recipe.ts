/**
 * How a pack is to be made: which stored copies go, and what is done to each.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { Catalog } from "./catalog.ts";
import type { ObjectStoreSettings } from "./options.ts";
import type { ObjectReader } from "./reader.ts";
import type { StoreWalker } from "./store_walker.ts";
import type { WholePack } from "./whole_pack.ts";

/** The entry's bytes are copied. */
export const VERBATIM = 1;
/** A delta that names its base by its distance, which may have changed. */
export const BY_OFFSET = 2;
/** A delta that was stored by distance and is to name its base. */
export const BY_NAME = 3;
/** The object is inflated and deflated again, whole. */
export const ANEW = 4;
/** A delta of our own making: see {@linkcode PackRecipe.made}. */
export const MADE = 5;

/** A delta that was made for one pack. */
export interface MadeDelta {
  /** The number of the object that it is made against. */
  readonly base: number;
  /** The slot of the base's copy in the same pack, or -1. */
  readonly baseSlot: number;
  /** Bytes of the delta. */
  readonly size: number;
  /** The delta, deflated. */
  readonly stream: Uint8Array;
}

/** How one pack is to be made. */
export interface PackRecipe {
  /** The slots of the copies to send, in the order of the pack. */
  readonly slots: Int32Array;
  /** What to do with each: one of the constants above. */
  readonly actions: Uint8Array;
  /** The deltas of the slots that are {@linkcode MADE}. */
  readonly made: ReadonlyMap<number, MadeDelta>;
  /** Whether deltas may name bases before them by their distance. */
  readonly ofsDelta: boolean;
  /** The stored pack that is sent as it lies, until that is given up. */
  whole?: WholePack | undefined;
}

/** What a recipe is made from. */
export interface PackSources {
  /** The objects. */
  readonly catalog: Catalog;
  /** Their reader. */
  readonly reader: ObjectReader;
  /** Reads many headers at once. */
  readonly walker: StoreWalker;
  /** The kernels. */
  readonly kernels: Kernels;
  /** The object format. */
  readonly format: ObjectFormat;
  /** How much work and memory deltas may take. */
  readonly settings: ObjectStoreSettings;
}
