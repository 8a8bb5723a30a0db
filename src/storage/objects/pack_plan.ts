/**
 * Decides how each object of a requested pack is made: copied as it is
 * stored, with a new header, or written anew.
 *
 * @module
 */

import type { ObjectSet } from "../../core/object_set.ts";
import type { Hash } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA, TAG } from "../../object/kind.ts";
import type { PackBytes, PackPlan, PackRequest } from "../types.ts";
import { BAD, type Catalog, COPY, LOOSE, type Segment } from "./catalog.ts";
import { makeDeltas } from "./delta_plan.ts";
import {
  ANEW,
  BY_NAME,
  BY_OFFSET,
  MADE,
  type MadeDelta,
  type PackRecipe,
  type PackSources,
  VERBATIM,
} from "./pack_recipe.ts";
import { PackStream } from "./pack_stream.ts";
import type { ObjectReader } from "./reader.ts";
import { segmentOf, WholePack } from "./whole_pack.ts";

/** Objects planned between two yields. */
const STEP = 4096;

/** As ObjectStore.planPack says. */
export function* planPack(
  sources: PackSources,
  request: PackRequest,
): Generator<number, PackPlan, void> {
  const segment = segmentOf(sources.catalog, request);
  if (segment !== undefined) return planWhole(sources, request, segment);
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
  for (let i = 0; i < slots.length; i++) {
    actions[i] = planner.decide(slots[i] as number);
    if (i % (8 * STEP) === 8 * STEP - 1) yield i + 1;
  }
  const made = new Map<number, MadeDelta>();
  yield* makeDeltas(sources, request, { slots, actions, made });
  const { ofsDelta } = request;
  return {
    ...countObjects(sources.catalog, slots, actions),
    open: (hash: Hash): PackBytes =>
      new PackStream(sources, { slots, actions, made, ofsDelta }, hash),
  };
}

/** What the closing line tells. */
function countObjects(
  catalog: Catalog,
  slots: Int32Array,
  actions: Uint8Array,
): Omit<PackPlan, "open"> {
  const { types } = catalog;
  let reused = 0;
  let reusedDeltas = 0;
  let made = 0;
  for (let i = 0; i < slots.length; i++) {
    const action = actions[i] as number;
    if (action === MADE) made++;
    if (action === MADE || action === ANEW) continue;
    reused++;
    if ((types[slots[i] as number] as number) > TAG) reusedDeltas++;
  }
  const deltas = reusedDeltas + made;
  return { objects: slots.length, deltas, reused, reusedDeltas };
}

/**
 * A plan to send one stored pack as it lies. Its deltas are counted as they
 * go by.
 */
function planWhole(
  sources: PackSources,
  request: PackRequest,
  segment: Segment,
): PackPlan {
  const objects = segment.end - segment.start;
  const slots = new Int32Array(objects);
  for (let i = 0; i < objects; i++) slots[i] = segment.start + i;
  const actions = new Uint8Array(objects).fill(VERBATIM);
  let planned: Omit<PackPlan, "open"> | undefined;
  const whole = new WholePack(sources, segment, () => {
    readHeaders(sources, slots);
    const planner = new Planner(sources, request);
    slots.forEach((slot, i) => actions[i] = planner.decide(slot));
    planned = countObjects(sources.catalog, slots, actions);
    recipe.whole = undefined;
  });
  const { ofsDelta } = request;
  const recipe: PackRecipe = {
    slots,
    actions,
    made: new Map(),
    ofsDelta,
    whole,
  };
  return {
    objects,
    get deltas(): number {
      return planned?.deltas ?? whole.deltas;
    },
    get reused(): number {
      return planned?.reused ?? objects;
    },
    get reusedDeltas(): number {
      return planned?.reusedDeltas ?? whole.deltas;
    },
    open: (hash: Hash): PackBytes => new PackStream(sources, recipe, hash),
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
  /** The slots of the pack that was met last, which is open. */
  #start = 0;
  #end = 0;

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
    if (this.#isPlain(number)) return number;
    for (;;) {
      let slot = catalog.copy(number);
      while (slot >= 0 && this.#reader.type(slot) === 0) {
        slot = catalog.copy(number);
      }
      if (slot >= 0) {
        this.#start = catalog.startOf(slot);
        this.#end = catalog.endOf(slot);
        return slot;
      }
      if (((catalog.flags[number] as number) & LOOSE) !== 0) return number;
      this.#reader.rescanFor(number);
    }
  }

  /** What to do with the chosen copy at `slot`. */
  decide(slot: number): number {
    const catalog = this.#catalog;
    if (this.#isPlain(slot)) {
      const known = catalog.types[slot] as number;
      if (known <= TAG) return VERBATIM;
      const near = catalog.bases[slot] as number;
      // Deltas by offset stay in their pack and go back.
      if (
        known === OFS_DELTA && this.#isPlain(near) && this.#members.has(near)
      ) return this.#ofsDelta ? BY_OFFSET : BY_NAME;
    }
    const pack = catalog.packOf(slot);
    if (
      pack === undefined || ((catalog.flags[slot] as number) & BAD) !== 0 ||
      !pack.open()
    ) {
      return ANEW;
    }
    this.#start = catalog.startOf(slot);
    this.#end = catalog.endOf(slot);
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

  /** Whether `slot` is a sound first copy, and in the pack met last. */
  #isPlain(slot: number): boolean {
    const { flags, types } = this.#catalog;
    return slot >= this.#start && slot < this.#end && types[slot] !== 0 &&
      ((flags[slot] as number) & (BAD | COPY)) === 0;
  }
}
