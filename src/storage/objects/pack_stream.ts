/**
 * The bytes of a planned pack, made as they are asked for: runs of stored
 * entries are read straight into the caller's buffer.
 *
 * An entry's checksum is compared before its first byte is given out, except
 * in entries above 1 MiB, where it is compared before the last. Where an index
 * has no checksums (version 1), and of what is written anew, the id is. A pack
 * that is the same as a stored one gets the stored one's trailer and is not
 * hashed.
 *
 * @module
 */

import type { Hash } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import {
  ENTRY_HEADER_MAX,
  EntryHeader,
  writeDistance,
  writeEntryHeader,
} from "../../pack/entry_header.ts";
import { encodePackHeader } from "../../pack/pack_header.ts";
import type { ObjectData, PackBytes } from "../types.ts";
import type { Catalog } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";
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
import {
  ANEW_MAX,
  ANEW_PACKED_MAX,
  HELD_MAX,
  IntactObjects,
} from "./intact_objects.ts";
import { RunTable } from "./run_table.ts";
import type { WholePack } from "./whole_pack.ts";

/** The rest of a large entry, on its way. */
interface Transfer {
  readonly slot: number;
  readonly pack: OpenedPack;
  readonly end: number;
  position: number;
  crc: number;
}

/** Before an entry's bytes: room for a header that is longer than its own. */
const HEADER_ROOM = 2 * ENTRY_HEADER_MAX;

/** Makes one pack. */
export class PackStream implements PackBytes {
  readonly #sources: PackSources;
  readonly #catalog: Catalog;
  readonly #recipe: PackRecipe;
  readonly #hash: Hash;
  readonly #intact: IntactObjects;
  readonly #header = new EntryHeader();
  readonly #runs = new RunTable();
  /** Where loose objects went. */
  readonly #looseAt = new Map<number, number>();
  readonly #scratch = new Uint8Array(HEADER_ROOM);
  #room = new Uint8Array(0);
  /** What is given out next. */
  #pending: Uint8Array;
  #pendingAt = 0;
  #transfer: Transfer | undefined;
  #next = 0;
  /** Bytes of the pack before the next entry. */
  #position: number;
  #isEnded = false;
  /** Bytes of the header that was written last. */
  #headerLength = 0;
  /** The stored pack whose bytes are given out; nothing is hashed meanwhile. */
  #whole: WholePack | undefined;
  /** Bytes that former calls gave out. */
  #given = 0;

  /** Nothing is read yet. */
  constructor(sources: PackSources, recipe: PackRecipe, hash: Hash) {
    this.#sources = sources;
    this.#catalog = sources.catalog;
    this.#recipe = recipe;
    this.#hash = hash;
    this.#intact = new IntactObjects(sources);
    this.#pending = encodePackHeader(recipe.slots.length);
    this.#position = this.#pending.length;
    this.#whole = recipe.whole;
    this.#whole?.restart();
  }

  read(into: Uint8Array): number {
    let filled = 0;
    while (filled < into.length) {
      if (this.#pendingAt < this.#pending.length) {
        filled += this.#givePending(into, filled);
      } else if (this.#transfer !== undefined) {
        filled += this.#continue(this.#transfer, into, filled);
      } else if (this.#next < this.#recipe.slots.length) {
        filled += this.#giveEntries(into, filled);
      } else if (!this.#isEnded) {
        this.#hold(this.#trailer(into.subarray(0, filled)));
        this.#isEnded = true;
      } else {
        return filled;
      }
    }
    if (!this.#isEnded && this.#whole === undefined) this.#hash.update(into);
    this.#given += filled;
    return filled;
  }

  entries(): { readonly ids: Uint8Array; readonly offsets: Float64Array } {
    const { slots } = this.#recipe;
    const { ids: table } = this.#catalog;
    const rawLength = table.width * 4;
    const ids = new Uint8Array(slots.length * rawLength);
    const offsets = new Float64Array(slots.length);
    for (const [i, slot] of slots.entries()) {
      table.writeRaw(this.#catalog.numberOf(slot), ids, i * rawLength);
      offsets[i] = this.#offsetOf(slot);
    }
    return { ids, offsets };
  }

  /** Where the entry of `slot` was written. */
  #offsetOf(slot: number): number {
    const pack = this.#catalog.packOf(slot);
    if (pack === undefined) return this.#looseAt.get(slot) as number;
    const rank = slot - this.#catalog.startOf(slot);
    return pack.offset(rank) + this.#runs.shiftOf(slot);
  }

  [Symbol.dispose](): void {
    this.#next = this.#recipe.slots.length;
    this.#pendingAt = this.#pending.length;
    this.#transfer = undefined;
    this.#isEnded = true;
  }

  /** The trailer, after the last bytes before it. */
  #trailer(last: Uint8Array): Uint8Array {
    const stored = this.#whole?.trailer();
    if (stored !== undefined) return stored;
    this.#leaveWhole();
    this.#hash.update(last);
    return this.#hash.digest();
  }

  /**
   * Hashes after all what former calls gave out, and has what follows planned:
   * the one call that may take longer than its share.
   */
  #leaveWhole(): void {
    const whole = this.#whole;
    this.#whole = undefined;
    whole?.leave(this.#hash, this.#given);
  }

  #givePending(into: Uint8Array, at: number): number {
    const count = Math.min(
      into.length - at,
      this.#pending.length - this.#pendingAt,
    );
    into.set(
      this.#pending.subarray(this.#pendingAt, this.#pendingAt + count),
      at,
    );
    this.#pendingAt += count;
    return count;
  }

  #hold(bytes: Uint8Array): void {
    this.#pending = bytes;
    this.#pendingAt = 0;
  }

  /** Starts with the next entry; returns how many bytes went into `into`. */
  #giveEntries(into: Uint8Array, at: number): number {
    const index = this.#next;
    const slot = this.#recipe.slots[index] as number;
    const action = this.#recipe.actions[index];
    if (action === ANEW) {
      this.#giveAnew(slot);
      return 0;
    }
    if (action === MADE) {
      this.#giveMade(slot, this.#recipe.made.get(slot) as MadeDelta);
      return 0;
    }
    const count = this.#giveRun(into, at);
    if (count >= 0) return count;
    const pack = this.#catalog.packOf(slot) as OpenedPack;
    const rank = slot - this.#catalog.startOf(slot);
    if (pack.end(rank) - pack.offset(rank) > HELD_MAX) {
      this.#startTransfer(slot, pack, rank);
    } else {
      this.#giveOne(slot, pack, rank);
    }
    return 0;
  }

  /**
   * Copies as many whole entries as have room and stand side by side in their
   * pack with their distances unchanged. None is copied before its checksum
   * was compared. Returns the bytes that were given, 0 where the first had to
   * be replaced, or -1 where it does not fit or its header changes.
   */
  #giveRun(into: Uint8Array, at: number): number {
    const { slots } = this.#recipe;
    const first = slots[this.#next] as number;
    const catalog = this.#catalog;
    const pack = catalog.packOf(first) as OpenedPack;
    const start = catalog.startOf(first);
    const room = into.length - at;
    const offset = pack.offset(first - start);
    const shift = this.#position - offset;
    const most = Math.min(
      slots.length - this.#next,
      start + pack.count - first,
    );
    let count = 0;
    while (
      count < most && slots[this.#next + count] === first + count &&
      pack.end(first + count - start) - offset <= room &&
      this.#isUnchanged(this.#next + count, first, shift)
    ) count++;
    if (count === 0) return -1;
    const length = pack.end(first + count - 1 - start) - offset;
    if (!pack.copy(into, at, offset, length)) {
      // A short file: its entries are found unreadable one by one.
      into.fill(0, at, at + length);
    }
    const intact = this.#countGood(pack, first - start, count, into, at);
    const good = this.#whole === undefined
      ? intact
      : this.#whole.countStaying(first, intact, into, at);
    const given = good === 0 ? 0 : pack.end(first + good - 1 - start) - offset;
    this.#runs.add(first, first + good, shift);
    this.#next += good;
    this.#position += given;
    if (good < intact) this.#leaveWhole();
    else if (good < count) this.#replace(first + good);
    return given;
  }

  /** Whether an entry's bytes stay as they are at this shift. */
  #isUnchanged(index: number, runStart: number, shift: number): boolean {
    const action = this.#recipe.actions[index] as number;
    if (action === VERBATIM || this.#whole !== undefined) return true;
    if (action !== BY_OFFSET) return false;
    const slot = this.#recipe.slots[index] as number;
    if (this.#catalog.types[slot] === REF_DELTA) return false;
    const base = this.#catalog.bases[slot] as number;
    return base >= runStart || this.#runs.shiftOf(base) === shift;
  }

  /** How many of the entries that were read have the checksums they should. */
  #countGood(
    pack: OpenedPack,
    rank: number,
    count: number,
    bytes: Uint8Array,
    at: number,
  ): number {
    if (!pack.hasCrcs) {
      const first = this.#recipe.slots[this.#next] as number;
      return this.#intact.count(pack, first, rank, count);
    }
    const lengths = new Uint32Array(count);
    const crcs = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      lengths[i] = pack.end(rank + i) - pack.offset(rank + i);
      crcs[i] = pack.crc(rank + i);
    }
    return this.#sources.kernels.countGoodCrcs(bytes, at, lengths, crcs);
  }

  /** Gives up the stored bytes of an entry whose checksum is wrong. */
  #replace(slot: number): void {
    this.#leaveWhole();
    this.#writeAnew(slot, this.#intact.read(slot, ANEW_PACKED_MAX));
  }

  #giveAnew(slot: number): void {
    const limit = this.#catalog.packOf(slot) === undefined
      ? ANEW_MAX
      : ANEW_PACKED_MAX;
    this.#writeAnew(slot, this.#intact.read(slot, limit));
  }

  #giveMade(slot: number, { base, baseSlot, size, stream }: MadeDelta): void {
    const { ids } = this.#catalog;
    const scratch = this.#scratch;
    const distance = this.#distanceTo(slot, baseSlot);
    let length: number;
    if (distance > 0) {
      length = writeEntryHeader(scratch, 0, OFS_DELTA, size);
      length = writeDistance(scratch, length, distance);
    } else {
      length = writeEntryHeader(scratch, 0, REF_DELTA, size);
      ids.writeRaw(base, scratch, length);
      length += ids.width * 4;
    }
    this.#writeEntry(slot, length, stream);
  }

  /** How far before the next entry that of `base` is; 0 where it is not. */
  #distanceTo(slot: number, base: number): number {
    if (!this.#recipe.ofsDelta || base < 0 || base >= slot) return 0;
    const pack = this.#catalog.packOf(base);
    if (pack === undefined) {
      return this.#position - (this.#looseAt.get(base) as number);
    }
    const offset = pack.offset(base - this.#catalog.startOf(base));
    return this.#position - offset - this.#runs.shiftOf(base);
  }

  #writeAnew(slot: number, { kind, data }: ObjectData): void {
    const stream = this.#sources.kernels.deflate(data);
    const length = writeEntryHeader(this.#scratch, 0, kind, data.length);
    this.#writeEntry(slot, length, stream);
  }

  /** An entry of the header in `#scratch` and a stream. */
  #writeEntry(slot: number, length: number, stream: Uint8Array): void {
    const entry = new Uint8Array(length + stream.length);
    entry.set(this.#scratch.subarray(0, length));
    entry.set(stream, length);
    this.#hold(entry);
    this.#finish(slot, entry.length);
  }

  /** One entry that does not fit, or whose header changes. */
  #giveOne(slot: number, pack: OpenedPack, rank: number): void {
    const offset = pack.offset(rank);
    const length = pack.end(rank) - offset;
    const at = HEADER_ROOM;
    const end = at + length;
    const room = this.#roomFor(end);
    if (
      !pack.copy(room, at, offset, length) ||
      this.#countGood(pack, rank, 1, room.subarray(at, end), 0) === 0
    ) {
      this.#replace(slot);
      return;
    }
    if (this.#whole?.mayStay(slot, room[at] as number) === false) {
      this.#leaveWhole();
      return;
    }
    const dataAt = this.#writeHeader(slot, pack, rank, room, at, end);
    const start = dataAt - this.#headerLength;
    room.set(this.#scratch.subarray(0, this.#headerLength), start);
    this.#hold(room.subarray(start, end));
    this.#finish(slot, end - start);
  }

  /** Room for one entry, used again when that was given out. */
  #roomFor(bytes: number): Uint8Array {
    if (this.#room.length < bytes) {
      this.#room = new Uint8Array(Math.max(bytes, 2 * this.#room.length));
    }
    return this.#room;
  }

  /** A large entry: its header now, the rest in pieces. */
  #startTransfer(slot: number, pack: OpenedPack, rank: number): void {
    const { bytes, at, end } = pack.head(rank);
    if (this.#whole?.mayStay(slot, bytes[at] as number) === false) {
      this.#leaveWhole();
      return;
    }
    const dataAt = this.#writeHeader(slot, pack, rank, bytes, at, end);
    const header = this.#headerLength;
    const position = pack.offset(rank) + dataAt - at;
    this.#hold(this.#scratch.slice(0, header));
    this.#transfer = {
      slot,
      pack,
      position,
      end: pack.end(rank),
      crc: this.#sources.kernels.crc32(bytes.subarray(at, dataAt)),
    };
    this.#finish(slot, header + pack.end(rank) - position);
  }

  #continue(transfer: Transfer, into: Uint8Array, at: number): number {
    const { pack, slot } = transfer;
    const target = into.subarray(
      at,
      at + Math.min(into.length - at, transfer.end - transfer.position),
    );
    const count = pack.readAt(target, transfer.position);
    transfer.position += count;
    if (pack.hasCrcs) {
      transfer.crc = this.#sources.kernels.crc32(target, transfer.crc);
    }
    const isDone = transfer.position === transfer.end;
    const rank = slot - this.#catalog.startOf(slot);
    if (
      count < target.length ||
      (isDone && pack.hasCrcs && transfer.crc !== pack.crc(rank))
    ) {
      this.#sources.reader.spoil(slot, undefined);
      throw this.#intact.badCopy(slot);
    }
    if (isDone) this.#transfer = undefined;
    return count;
  }

  /**
   * Writes the header that the entry gets into `#scratch`; returns where its
   * data starts in `bytes`.
   */
  #writeHeader(
    slot: number,
    pack: OpenedPack,
    rank: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    const catalog = this.#catalog;
    const header = this.#header;
    const action = this.#recipe.actions[this.#next] as number;
    let dataAt = header.read(bytes, at, end);
    const { type, size } = header;
    if (type === OFS_DELTA) dataAt = header.readDistance(bytes, dataAt, end);
    if (type === REF_DELTA) dataAt += catalog.ids.width * 4;
    if (action === BY_OFFSET) {
      const base = catalog.bases[slot] as number;
      const baseAt = pack.offset(base - (slot - rank)) +
        this.#runs.shiftOf(base);
      const written = writeEntryHeader(this.#scratch, 0, OFS_DELTA, size);
      this.#headerLength = writeDistance(
        this.#scratch,
        written,
        this.#position - baseAt,
      );
    } else if (action === BY_NAME) {
      const base = catalog.numberOf(catalog.bases[slot] as number);
      const written = writeEntryHeader(this.#scratch, 0, REF_DELTA, size);
      catalog.ids.writeRaw(base, this.#scratch, written);
      this.#headerLength = written + catalog.ids.width * 4;
    } else {
      this.#scratch.set(bytes.subarray(at, dataAt));
      this.#headerLength = dataAt - at;
    }
    return dataAt;
  }

  /** Notes where the entry of `slot` went. */
  #finish(slot: number, length: number): void {
    const pack = this.#catalog.packOf(slot);
    if (pack === undefined) {
      this.#looseAt.set(slot, this.#position);
    } else {
      const rank = slot - this.#catalog.startOf(slot);
      this.#runs.add(slot, slot + 1, this.#position - pack.offset(rank));
    }
    this.#next++;
    this.#position += length;
  }
}
