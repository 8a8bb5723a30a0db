/**
 * Deltas for objects that would be sent whole, against what stood at the same
 * path in the commit before: the reader has that, or gets it too.
 *
 * pack-objects.c: find_deltas, try_delta. git looks at neighbours in a list
 * that is sorted by a hash of the name.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import { ObjectSet } from "../../core/object_set.ts";
import { BLOB, REF_DELTA, TAG, TREE } from "../../object/kind.ts";
import type { PackRequest } from "../types.ts";
import { deflate as store } from "../../kernels/reference/deflate.ts";
import { Contents } from "./contents.ts";
import type { OpenedPack } from "./opened_pack.ts";
import {
  ANEW,
  BY_NAME,
  MADE,
  type MadeDelta,
  type PackSources,
  VERBATIM,
} from "./pack_recipe.ts";
import type { ObjectReader } from "./reader.ts";
import { findPathLinks, type PathLinks } from "./path_links.ts";

/** With more objects to look at, most of a pack goes: it stays as stored. */
const MOST_TARGETS = 8192;
/** Entries that take no more than this are as small as a delta. */
const SMALL_ENTRY_BYTES = 64;
/** A delta of so many bytes, or of this part of its object, is good enough. */
const GOOD_BYTES = 48;
const GOOD_SHARE = 512;
/** Deltas of no more are offsets and ids, which do not get smaller. */
const STORED_BYTES = 96;
/** Bases that are tried for one object. */
const MOST_TRIES = 2;
/** Versions of a path that are gone back to. */
const MOST_STEPS = 64;
/** The longest chain that a delta is added to (pack.depth). */
const MOST_DEPTH = 50;
/** Bytes of objects that are read between two yields. */
const BYTES_PER_STEP = 1024 * 1024;

/** The part of a recipe that deltas are added to. */
export interface DeltaDraft {
  /** The slots of the copies to send, ascending. */
  readonly slots: Int32Array;
  /** What is done to each; changed here. */
  readonly actions: Uint8Array;
  /** Filled here. */
  readonly made: Map<number, MadeDelta>;
}

/**
 * Makes the deltas that are worth it, within the budgets of the settings.
 * Objects that cannot be read are left to whoever sends them. Yields 0 after
 * every bounded step.
 */
export function* makeDeltas(
  sources: PackSources,
  request: PackRequest,
  draft: DeltaDraft,
): Generator<number, void, void> {
  const { paths, members } = request;
  if (paths === undefined || !paths.before.some((tree) => tree >= 0)) return;
  const contents = new Contents(sources);
  const maker = new DeltaMaker(sources, request, draft, contents);
  const targets = maker.targets();
  if (targets.size === 0) return;
  const links = yield* findPathLinks(sources, {
    roots: paths,
    members,
    targets: targets.clone(),
    contents,
  });
  let stepEnd = contents.work + BYTES_PER_STEP;
  for (const target of links.before.keys()) {
    if (!targets.has(target)) continue;
    if (maker.isSpent) return;
    maker.make(target, links);
    if (contents.work < stepEnd) continue;
    yield 0;
    stepEnd = contents.work + BYTES_PER_STEP;
  }
}

function isTreeOrBlob(reader: ObjectReader, number: number): boolean {
  try {
    const kind = reader.kind(number);
    return kind === TREE || kind === BLOB;
  } catch (error) {
    // Whoever sends it reports it.
    if (!(error instanceof StorageError)) throw error;
    return false;
  }
}

class DeltaMaker {
  /** Bytes of deltas that are held. */
  #held = 0;
  readonly #sources: PackSources;
  readonly #request: PackRequest;
  readonly #draft: DeltaDraft;
  readonly #contents: Contents;

  constructor(
    sources: PackSources,
    request: PackRequest,
    draft: DeltaDraft,
    contents: Contents,
  ) {
    this.#sources = sources;
    this.#contents = contents;
    this.#request = request;
    this.#draft = draft;
  }

  /** Whether one of the budgets is used up. */
  get isSpent(): boolean {
    const { deltaSearchBytes, deltaHeldBytes } = this.#sources.settings;
    return this.#contents.work >= deltaSearchBytes ||
      this.#held >= deltaHeldBytes;
  }

  /** The trees and blobs that would go whole; none where they are many. */
  targets(): ObjectSet {
    const { catalog, reader } = this.#sources;
    const { slots, actions } = this.#draft;
    const found = new ObjectSet(catalog.count);
    const packs = new Set<OpenedPack | undefined>();
    let isStored = true;
    for (let i = 0; i < slots.length; i++) {
      const action = actions[i] as number;
      const slot = slots[i] as number;
      if (action === VERBATIM) {
        const type = catalog.types[slot] as number;
        if (type !== TREE && type !== BLOB) continue;
      } else if (action !== ANEW) continue;
      if (this.#storedBytes(slot) <= SMALL_ENTRY_BYTES) continue;
      const number = catalog.numberOf(slot);
      if (action === ANEW) {
        if (!isTreeOrBlob(reader, number)) continue;
        isStored = false;
      }
      packs.add(catalog.packOf(slot));
      found.add(number);
      if (found.size > MOST_TARGETS) return new ObjectSet();
    }
    for (const base of this.#namedBases()) found.delete(base);
    // Whoever made the pack has compared what lies in it whole.
    const isThin = this.#request.bases !== undefined;
    const isDone = !isThin && isStored && packs.size < 2;
    return isDone ? new ObjectSet() : found;
  }

  /** Objects of a thin pack that stored deltas in it name as their bases. */
  *#namedBases(): Generator<number, void, void> {
    const { members, bases } = this.#request;
    if (bases === undefined) return;
    const { catalog } = this.#sources;
    const { slots, actions } = this.#draft;
    for (let i = 0; i < slots.length; i++) {
      const action = actions[i] as number;
      const slot = slots[i] as number;
      const isNamed = action === BY_NAME ||
        action === VERBATIM && catalog.types[slot] === REF_DELTA;
      const base = catalog.numberOf(catalog.bases[slot] as number);
      if (isNamed && members.has(base)) yield base;
    }
  }

  /** Makes a delta for an object, where one is worth it. */
  make(target: number, links: PathLinks): void {
    const { kernels, format } = this.#sources;
    const contents = this.#contents;
    const at = this.#indexOf(target);
    if (at < 0) return;
    const candidates = this.#candidates(target, links, at);
    const object = candidates.length > 0 ? contents.read(target) : undefined;
    if (object === undefined) return;
    const { kind, data } = object;
    // pack-objects.c: try_delta
    let most = Math.floor(data.length / 2) - format.rawLength;
    const good = Math.max(GOOD_BYTES, data.length / GOOD_SHARE);
    let best: { readonly base: number; readonly delta: Uint8Array } | undefined;
    for (const base of candidates) {
      if (most <= good || this.isSpent) break;
      const read = contents.read(base);
      if (read === undefined || read.kind !== kind) continue;
      const size = read.data.length;
      if (size > data.length * 32 || data.length - size > most) continue;
      // What is compared counts beside what is read.
      contents.work += size + data.length;
      const delta = kernels.createDelta(read.data, data, most);
      if (delta === undefined) continue;
      best = { base, delta };
      most = delta.length - 1;
    }
    if (best === undefined) return;
    if (!contents.isIntact(target) || !contents.isIntact(best.base)) return;
    this.#keep(at, best.base, best.delta);
  }

  /** What may be the base of an object: what stood at its path before, or next. */
  #candidates(target: number, links: PathLinks, at: number): readonly number[] {
    const found: number[] = [];
    const next = links.after.get(target);
    if (next !== undefined && this.#mayBase(next, at)) found.push(next);
    let base = links.before.get(target);
    for (let steps = 0; steps < MOST_STEPS && base !== undefined; steps++) {
      if (this.#mayBase(base, at) && found.push(base) >= MOST_TRIES) break;
      base = links.before.get(base);
    }
    return found;
  }

  /** Whether `base` may be the base of the object at `at` in the recipe. */
  #mayBase(base: number, at: number): boolean {
    const { members, bases, ofsDelta, order } = this.#request;
    if (!members.has(base)) return bases?.has(base) === true;
    const { catalog } = this.#sources;
    const { slots, actions } = this.#draft;
    const baseAt = this.#indexOf(base);
    if (baseAt < 0 || baseAt === at) return false;
    const slot = slots[at] as number;
    const baseSlot = slots[baseAt] as number;
    // What a thin pack holds must not be named as a base: index-pack may find
    // it at the reader too, and then takes it for an error.
    const isBefore = baseSlot < slot;
    if (bases !== undefined && !(ofsDelta && isBefore)) return false;
    if (order === "bases-first" && !isBefore) return false;
    // pack-objects.c: try_delta. Whoever made the pack has compared the two.
    if (
      actions[at] === VERBATIM &&
      catalog.packOf(slot) === catalog.packOf(baseSlot)
    ) return false;
    return this.#endsElsewhere(baseAt, at);
  }

  /** Whether the chain from `from` down is short and does not meet `at`. */
  #endsElsewhere(from: number, at: number): boolean {
    const { catalog } = this.#sources;
    const { slots, actions, made } = this.#draft;
    let index = from;
    for (let depth = 1; depth < MOST_DEPTH; depth++) {
      const slot = slots[index] as number;
      const action = actions[index] as number;
      const type = catalog.types[slot] as number;
      let base: number;
      if (action === MADE) base = (made.get(slot) as MadeDelta).base;
      else if (action === ANEW || type <= TAG) return true;
      else base = catalog.numberOf(catalog.bases[slot] as number);
      if (!this.#request.members.has(base)) return true;
      index = this.#indexOf(base);
      if (index < 0 || index === at) return false;
    }
    return false;
  }

  /** Where the copy of `number` stands in the recipe, or -1. */
  #indexOf(number: number): number {
    const { slots } = this.#draft;
    const { catalog } = this.#sources;
    const copy = catalog.copy(number);
    const slot = copy >= 0 ? copy : number;
    let low = 0;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((slots[middle] as number) < slot) low = middle + 1;
      else high = middle;
    }
    return slots[low] === slot ? low : -1;
  }

  /** Takes a delta into the recipe if it is smaller than what is stored. */
  #keep(at: number, base: number, delta: Uint8Array): void {
    const { slots, actions, made } = this.#draft;
    const slot = slots[at] as number;
    const stream = delta.length <= STORED_BYTES
      ? store(delta)
      : this.#sources.kernels.deflate(delta);
    const bytes = stream.length + this.#sources.format.rawLength;
    if (actions[at] === VERBATIM && bytes >= this.#storedBytes(slot)) return;
    const baseAt = this.#request.members.has(base) ? this.#indexOf(base) : -1;
    const baseSlot = baseAt < 0 ? -1 : slots[baseAt] as number;
    made.set(slot, { base, baseSlot, size: delta.length, stream });
    actions[at] = MADE;
    this.#held += stream.length;
  }

  /** Bytes of the entry at `slot`; Infinity where it is loose. */
  #storedBytes(slot: number): number {
    const { catalog } = this.#sources;
    const pack = catalog.packOf(slot);
    if (pack === undefined) return Infinity;
    const rank = slot - catalog.startOf(slot);
    return pack.end(rank) - pack.offset(rank);
  }
}
