/**
 * Requests that are exactly one stored pack: its bytes can go as they lie,
 * and not even the headers of its entries need to be read first.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { Hash } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { encodePackHeader } from "../../pack/pack_header.ts";
import type { PackRequest } from "../types.ts";
import { BAD, type Catalog, COPY, type Segment } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { PackSources } from "./pack_recipe.ts";
import type { ObjectReader } from "./reader.ts";

/** Larger packs are hashed as they go: giving up hashes all that was sent. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** Bytes that are hashed at a time. */
const PIECE_BYTES = 256 * 1024;

/** A stored pack that is sent as it lies, as long as that will do. */
export class WholePack {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #segment: Segment;
  readonly #giveUp: () => void;
  #deltas = 0;

  /** `giveUp` decides about every entry after all. */
  constructor(
    { catalog, reader }: PackSources,
    segment: Segment,
    giveUp: () => void,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#segment = segment;
    this.#giveUp = giveUp;
  }

  /** Deltas among the entries that were sent. */
  get deltas(): number {
    return this.#deltas;
  }

  /** Sends from the first entry on. */
  restart(): void {
    this.#deltas = 0;
  }

  /**
   * How many of a run of entries that was read to `at` may be sent as they
   * lie; they are counted.
   */
  countStaying(
    first: number,
    count: number,
    bytes: Uint8Array,
    at: number,
  ): number {
    const { pack, start } = this.#segment;
    const origin = pack.offset(first - start) - at;
    for (let slot = first; slot < first + count; slot++) {
      const entryAt = pack.offset(slot - start) - origin;
      if (!this.mayStay(slot, bytes[entryAt] as number)) return slot - first;
    }
    return count;
  }

  /**
   * Counts an entry by its first byte; false where it is a delta whose base is
   * not before it, and may go round in a circle.
   */
  mayStay(slot: number, head: number): boolean {
    const type = head >>> 4 & 7;
    if (type === REF_DELTA) {
      // The type is known by now: this reads the name of the base.
      if (this.#reader.type(slot) !== REF_DELTA) return false;
      const base = this.#catalog.bases[slot] as number;
      if (base < this.#segment.start || base >= slot) return false;
    }
    if (type >= OFS_DELTA) this.#deltas++;
    return true;
  }

  /** The pack's trailer; `undefined` if it can no longer be read. */
  trailer(): Uint8Array | undefined {
    const { pack } = this.#segment;
    const trailer = new Uint8Array(this.#catalog.ids.width * 4);
    const end = pack.end(pack.count - 1);
    return pack.readAt(trailer, end) === trailer.length ? trailer : undefined;
  }

  /** Gives up after `given` bytes, which are hashed. */
  leave(hash: Hash, given: number): void {
    this.#giveUp();
    const piece = new Uint8Array(PIECE_BYTES);
    for (let at = 0; at < given;) {
      const want = piece.subarray(0, Math.min(PIECE_BYTES, given - at));
      if (this.#segment.pack.readAt(want, at) < want.length) {
        throw new StorageError(
          "corrupt-pack",
          "Cannot copy pack: it became shorter meanwhile",
        );
      }
      hash.update(want);
      at += want.length;
    }
  }
}

/** The pack that a request is, if it is one from the first object to the last. */
export function segmentOf(
  catalog: Catalog,
  { objects, members, ofsDelta }: PackRequest,
): Segment | undefined {
  if (!ofsDelta) return undefined;
  const count = objects.length;
  const segment = catalog.packs().find(({ start, end }) =>
    end - start === count && members.has(start) && members.has(end - 1)
  );
  if (segment === undefined || members.size !== count) return undefined;
  const { start, end, pack } = segment;
  const { flags } = catalog;
  for (let slot = start; slot < end; slot++) {
    if (((flags[slot] as number) & (BAD | COPY)) !== 0) return undefined;
  }
  const words = members.words();
  for (let number = start; number < end;) {
    const isWord = number % 32 === 0 && number + 32 <= end;
    if (isWord ? words[number >>> 5] !== ALL : !members.has(number)) {
      return undefined;
    }
    number += isWord ? 32 : 1;
  }
  return pack.open() && isPlain(pack) ? segment : undefined;
}

/** A word of a set that has all 32 numbers. */
const ALL = 0xffffffff;

/**
 * Whether a pack starts as the one that we would make, and checksums tell that
 * its entries are those that its trailer is of: an object may come out right
 * though a bit has flipped.
 */
function isPlain(pack: OpenedPack): boolean {
  if (!pack.hasCrcs || pack.end(pack.count - 1) > MAX_BYTES) return false;
  const header = encodePackHeader(pack.count);
  const stored = new Uint8Array(header.length);
  return pack.count > 0 && pack.offset(0) === header.length &&
    pack.readAt(stored, 0) === header.length && equalBytes(stored, header);
}
