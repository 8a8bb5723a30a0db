/**
 * Which objects there are, under which numbers, and where their copies lie.
 *
 * Every entry of every pack has a *slot*, and slots of one pack ascend with
 * the entries' offsets. An object's number is the slot of its first copy;
 * further copies are chained behind it. Loose objects and ids that are only
 * named get the numbers after the packs', and packs that a re-scan finds the
 * ones after those.
 *
 * @module
 */

import { type ObjectFormat, type Oid, oidToRaw } from "../../core/oid.ts";
import { arrangePacks, IdTable } from "./id_table.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { HeldLoose } from "../ports.ts";
import type { PackPool, PoolScan } from "./pack_pool.ts";

/** Flag of a number: at least one copy is here. */
export const HERE = 1;
/** Flag of a number: a loose copy is here. */
export const LOOSE = 2;
/** Flag of a slot: its copy was found unreadable. */
export const BAD = 4;
/** Flag of a slot: another slot has the object's number. */
export const COPY = 8;
/** Flag of a number: some delta is based on it. */
export const BASE = 16;

/** Ids that are given for one beginning. */
const MAX_STARTING = 500;

/** The slots of one pack. */
export interface Segment {
  /** The first. */
  readonly start: number;
  /** The one after the last. */
  readonly end: number;
  /** The pack. */
  readonly pack: OpenedPack;
}

/** The objects of a store. */
export class Catalog {
  /** The ids; an object's number is its place there. */
  readonly ids: IdTable;
  /** The flags above, by slot. */
  flags: Uint8Array<ArrayBuffer>;
  /** An entry's type as its header tells, by slot; 0 is "not read yet". */
  types: Uint8Array<ArrayBuffer>;
  /** The slot of a delta's base, by slot; valid where the type is read. */
  bases: Int32Array<ArrayBuffer>;
  /** The kinds of objects that are known, by number; 0 is unknown. */
  kinds: Uint8Array<ArrayBuffer>;
  /** Ids that were added because something names them. */
  absent = 0;
  readonly #pool: PackPool;
  readonly #asksLoose: boolean;
  readonly #held: HeldLoose | undefined;
  readonly #packs = new Set<OpenedPack>();
  readonly #segments: Segment[] = [];
  #recent: Segment = NOWHERE;
  #nextCopy: Int32Array<ArrayBuffer> = NONE;
  #stamp: string;
  #isClosed = false;

  /** Takes in everything that `scan` tells of; `held` are found when asked. */
  constructor(
    pool: PackPool,
    scan: PoolScan,
    format: ObjectFormat,
    held?: HeldLoose,
  ) {
    this.#pool = pool;
    this.#held = held;
    this.#asksLoose = pool.asksLoose;
    this.#stamp = scan.stamp;
    const packs = scan.packs();
    let total = scan.loose.length;
    for (const pack of packs) total += pack.count;
    this.ids = new IdTable(format, scan.loose.length);
    const capacity = total + 64;
    this.flags = new Uint8Array(capacity);
    this.types = new Uint8Array(capacity);
    this.bases = new Int32Array(capacity);
    this.kinds = new Uint8Array(capacity);
    const { merged, searched } = arrangePacks(packs);
    for (const pack of merged) this.#addSegment(pack);
    this.ids.addMerged(merged.map((pack) => pack.views), this.#chain);
    for (const pack of searched) this.#addPack(pack);
    this.#addLoose(scan.loose);
  }

  /** One more than the highest number. */
  get count(): number {
    return this.ids.count;
  }

  /** The number for an id, which is added if it is new. */
  intern(bytes: Uint8Array, at: number): number {
    const known = this.ids.find(bytes, at);
    if (known >= 0) return known;
    const number = this.ids.add(bytes, at);
    this.#fit(this.ids.count);
    if (!this.#asksLoose || !this.#askFor(number)) this.absent++;
    return number;
  }

  /** The number for an id, or -1. */
  find(oid: Oid): number {
    return this.findRaw(oidToRaw(oid), 0);
  }

  /** The number for the id at `at`, or -1. */
  findRaw(bytes: Uint8Array, at: number): number {
    const known = this.ids.find(bytes, at);
    if (!this.#asksLoose) return known;
    if (known < 0) return this.intern(bytes, at);
    if (((this.flags[known] as number) & HERE) === 0) this.#askFor(known);
    return known;
  }

  /** Ids of what is here that begin so, {@linkcode MAX_STARTING} at most. */
  startingWith(digits: string): Oid[] {
    const rawLength = this.ids.width * 4;
    const first = new Uint8Array(rawLength);
    const whole = digits.length >> 1;
    for (let i = 0; i < whole; i++) {
      first[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    }
    const id = new Uint8Array(rawLength);
    const found = new Set<Oid>();
    for (let number = 0; number < this.count; number++) {
      if (((this.flags[number] as number) & HERE) === 0) continue;
      this.ids.writeRaw(number, id, 0);
      let same = 0;
      while (same < whole && id[same] === first[same]) same++;
      if (same < whole) continue;
      const oid = this.ids.oid(number);
      if (oid.startsWith(digits)) found.add(oid);
      if (found.size === MAX_STARTING) break;
    }
    return [...found];
  }

  /** The packs, in the order of their slots. */
  packs(): readonly Segment[] {
    return this.#segments;
  }

  /** The number of the object whose copy `slot` is. */
  numberOf(slot: number): number {
    return ((this.flags[slot] as number) & COPY) === 0
      ? slot
      : this.ids.numberOf(slot);
  }

  /** The pack that `slot` is in, or `undefined`. */
  packOf(slot: number): OpenedPack | undefined {
    return this.#segmentOf(slot)?.pack;
  }

  /** The slot of the first entry of the pack that `slot` is in, or -1. */
  startOf(slot: number): number {
    return this.#segmentOf(slot)?.start ?? -1;
  }

  /** The slot after the last entry of the pack that `slot` is in, or -1. */
  endOf(slot: number): number {
    return this.#segmentOf(slot)?.end ?? -1;
  }

  /**
   * The slot of the first copy of `number` in a pack that can be opened and
   * where it was not found unreadable, or -1.
   */
  copy(number: number): number {
    for (let slot = number;;) {
      if (((this.flags[slot] as number) & BAD) === 0) {
        const pack = this.packOf(slot);
        if (pack !== undefined && pack.open()) return slot;
      }
      slot = this.#nextCopy[slot] ?? 0;
      // Slot 0 is always a first copy.
      if (slot === 0) return -1;
    }
  }

  /** The copy of `number` in the pack that `slot` is in, or -1. */
  copyBeside(number: number, slot: number): number {
    const segment = this.#segmentOf(slot);
    if (segment === undefined) return -1;
    for (let copy = number;;) {
      if (copy >= segment.start && copy < segment.end) return copy;
      copy = this.#nextCopy[copy] ?? 0;
      if (copy === 0) return -1;
    }
  }

  /**
   * Looks for packs and loose objects that came since; true where any did.
   * Objects that are known stay under their numbers.
   */
  rescan(): boolean {
    const scan = this.#pool.scan();
    if (scan.stamp === this.#stamp) return false;
    this.#stamp = scan.stamp;
    let found = this.#addLoose(scan.loose);
    for (const pack of scan.packs()) {
      if (this.#packs.has(pack)) continue;
      this.#addPack(pack);
      found = true;
    }
    return found;
  }

  /** Lets go of the packs. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const pack of this.#packs) pack.release();
  }

  /** The stream of the loose object `number`, or `undefined`. */
  readLoose(number: number): Uint8Array | undefined {
    const oid = this.ids.oid(number);
    return this.#held?.get(oid) ?? this.#pool.readLoose(oid);
  }

  /** Looks for the loose object `number`, which no listing names. */
  #askFor(number: number): boolean {
    const oid = this.ids.oid(number);
    if (this.#held?.has(oid) !== true && !this.#pool.hasLoose(oid)) {
      return false;
    }
    this.flags[number] = (this.flags[number] as number) | LOOSE | HERE;
    return true;
  }

  #addPack(pack: OpenedPack): void {
    this.#addSegment(pack);
    this.ids.addSearched(pack.views, pack.tables.hasRepeats, this.#chain);
  }

  #addSegment(pack: OpenedPack): void {
    pack.retain();
    this.#packs.add(pack);
    const start = Math.max(this.ids.count, this.#segments.at(-1)?.end ?? 0);
    const end = start + pack.count;
    this.#segments.push({ start, end, pack });
    this.#fit(end);
    this.flags.fill(HERE, start, end);
  }

  #addLoose(oids: readonly Oid[]): boolean {
    let found = false;
    for (const oid of oids) {
      const raw = oidToRaw(oid);
      let number = this.ids.find(raw, 0);
      if (number < 0) {
        number = this.ids.add(raw, 0);
        this.#fit(this.ids.count);
      }
      const flags = this.flags[number] as number;
      if ((flags & LOOSE) !== 0) continue;
      this.flags[number] = flags | LOOSE | HERE;
      found = true;
    }
    return found;
  }

  /** Notes that `slot` is a further copy of `number`. */
  readonly #chain = (number: number, slot: number): void => {
    this.flags[slot] = COPY;
    this.flags[number] = (this.flags[number] as number) | HERE;
    if (this.#nextCopy.length === 0) {
      this.#nextCopy = new Int32Array(this.flags.length);
    }
    // Behind the first, not at the end: an index may repeat an id as often as
    // it has entries.
    this.#nextCopy[slot] = this.#nextCopy[number] as number;
    this.#nextCopy[number] = slot;
  };

  #segmentOf(slot: number): Segment | undefined {
    const recent = this.#recent;
    if (slot >= recent.start && slot < recent.end) return recent;
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).end <= slot) low = middle + 1;
      else high = middle;
    }
    const segment = this.#segments[low];
    if (segment === undefined || slot < segment.start) return undefined;
    this.#recent = segment;
    return segment;
  }

  /** Makes every column as long as there are numbers. */
  #fit(count: number): void {
    if (count <= this.flags.length) return;
    const capacity = Math.max(count, this.flags.length * 2);
    this.flags = widen(this.flags, new Uint8Array(capacity));
    this.types = widen(this.types, new Uint8Array(capacity));
    this.kinds = widen(this.kinds, new Uint8Array(capacity));
    this.bases = widen(this.bases, new Int32Array(capacity));
    if (this.#nextCopy.length === 0) return;
    this.#nextCopy = widen(this.#nextCopy, new Int32Array(capacity));
  }
}

const NONE: Int32Array<ArrayBuffer> = new Int32Array(0);
const NOWHERE = { start: 0, end: 0 } as Segment;

function widen<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
