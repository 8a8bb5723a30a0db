/**
 * Decides how each object of a requested pack is made: copied as it is
 * stored, with a new header, or written anew.
 *
 * @module
 */

import type { ObjectSet } from "../../core/object_set.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Hash, Kernels } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA, TAG } from "../../object/kind.ts";
import type { PackBytes, PackPlan, PackRequest } from "../types.ts";
import { BAD, type Catalog, COPY, LOOSE } from "./catalog.ts";
import { PackStream } from "./pack_stream.ts";
import type { ObjectReader } from "./reader.ts";
import type { StoreWalker } from "./store_walker.ts";

/** The entry's bytes are copied. */
export const VERBATIM = 1;
/** A delta that names its base by its distance, which may have changed. */
export const BY_OFFSET = 2;
/** A delta that was stored by distance and is to name its base. */
export const BY_NAME = 3;
/** The object is inflated and deflated again, whole. */
export const ANEW = 4;

/** Objects planned between two yields. */
const STEP = 4096;

/** How one pack is to be made. */
export interface PackRecipe {
  /** The slots of the copies to send, in the order of the pack. */
  readonly slots: Int32Array;
  /** What to do with each: one of the constants above. */
  readonly actions: Uint8Array;
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
}

/** As ObjectStore.planPack says. */
export function* planPack(
  sources: PackSources,
  request: PackRequest,
): Generator<number, PackPlan, void> {
  const slots = sortedObjects(request, sources.catalog.count);
  readHeaders(sources, slots);
  const planner = new Planner(sources, request);
  let isSorted = true;
  for (let i = 0; i < slots.length; i++) {
    const number = slots[i] as number;
    const slot = planner.choose(number);
    slots[i] = slot;
    isSorted &&= slot === number;
    if (i % (8 * STEP) === 8 * STEP - 1) yield 0;
  }
  if (!isSorted) slots.sort();
  const actions = new Uint8Array(slots.length);
  let deltas = 0;
  let reused = 0;
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number;
    const action = planner.decide(slot);
    actions[i] = action;
    if (action !== ANEW) {
      reused++;
      if ((sources.catalog.types[slot] as number) > TAG) deltas++;
    }
    if (i % STEP === STEP - 1) yield i + 1;
  }
  return {
    objects: slots.length,
    deltas,
    reused,
    reusedDeltas: deltas,
    open: (hash: Hash): PackBytes =>
      new PackStream(sources, { slots, actions }, hash),
  };
}

/** Reads packs' headers at once where at least an eighth is asked for. */
function readHeaders(sources: PackSources, numbers: Int32Array): void {
  const { catalog, reader, walker } = sources;
  if (numbers.length * 8 < catalog.count) return;
  const made = walker.get();
  if (made === undefined) return;
  for (const { start, end } of catalog.packs()) {
    if (start < end && catalog.types[end - 1] === 0) {
      reader.readTypes(made, start, end);
    }
  }
}

/** The request's objects in ascending order: an array of our own. */
function sortedObjects(request: PackRequest, count: number): Int32Array {
  const { objects, members } = request;
  if (objects.length * 16 < count) return objects.view().slice().sort();
  const sorted = new Int32Array(objects.length);
  let length = 0;
  for (let number = 0; length < sorted.length && number < count; number++) {
    if (members.has(number)) sorted[length++] = number;
  }
  if (length < sorted.length) {
    throw new RangeError("Cannot plan a pack: objects are not the members");
  }
  return sorted;
}

class Planner {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #members: ObjectSet;
  readonly #bases: ObjectSet | undefined;
  readonly #ofsDelta: boolean;

  constructor(sources: PackSources, request: PackRequest) {
    this.#catalog = sources.catalog;
    this.#reader = sources.reader;
    this.#members = request.members;
    this.#bases = request.bases;
    this.#ofsDelta = request.ofsDelta;
  }

  /** The copy of an object to send: a slot, or its number if it is loose. */
  choose(number: number): number {
    const catalog = this.#catalog;
    for (;;) {
      let slot = catalog.copy(number);
      while (slot >= 0 && this.#reader.type(slot) === 0) {
        slot = catalog.copy(number);
      }
      if (slot >= 0) return slot;
      if (((catalog.flags[number] as number) & LOOSE) !== 0) return number;
      this.#reader.rescanFor(number);
    }
  }

  /** What to do with the chosen copy at `slot`. */
  decide(slot: number): number {
    const catalog = this.#catalog;
    const pack = catalog.packOf(slot);
    if (
      pack === undefined || ((catalog.flags[slot] as number) & BAD) !== 0 ||
      !pack.open()
    ) {
      return ANEW;
    }
    const type = this.#reader.type(slot);
    if (type === 0) return ANEW;
    if (type <= TAG) return VERBATIM;
    const stored = catalog.bases[slot] as number;
    const base = catalog.numberOf(stored);
    const named = type === REF_DELTA ? VERBATIM : BY_NAME;
    if (!this.#members.has(base)) {
      return this.#bases?.has(base) === true ? named : ANEW;
    }
    // Every chain must end. Chains inside one pack do; from pack to pack they
    // do if they only go to packs that are searched earlier, or to objects
    // that are sent whole.
    const sent = ((catalog.flags[stored] as number) & (BAD | COPY)) === 0
      ? stored
      : catalog.copy(base);
    if (sent !== stored || catalog.startOf(sent) !== catalog.startOf(slot)) {
      return sent < catalog.startOf(slot) ? named : ANEW;
    }
    if (type === OFS_DELTA) return this.#ofsDelta ? BY_OFFSET : BY_NAME;
    if (stored < slot) return this.#ofsDelta ? BY_OFFSET : VERBATIM;
    // Only deltas by name can go forward, and so round in a circle: reading
    // the kind goes down the chain and throws then.
    this.#reader.kind(catalog.numberOf(slot));
    return VERBATIM;
  }
}
