/**
 * Objects read from their copies: headers, deltas resolved with a stack of
 * our own, and the next copy where one is unreadable.
 *
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import {
  KernelError,
  type Kernels,
  type PackWalker,
} from "../../kernels/types.ts";
import { type Kind, OFS_DELTA, REF_DELTA, TAG } from "../../object/kind.ts";
import {
  OBJECT_HEADER_MAX,
  type ObjectHeader,
  parseObjectHeader,
} from "../../object/raw.ts";
import { EntryHeader } from "../../pack/entry_header.ts";
import type { ObjectData } from "../types.ts";
import { BaseCache } from "./base_cache.ts";
import { BAD, BASE, type Catalog, LOOSE } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { ObjectStoreSettings } from "./options.ts";

/** Reads the objects of a catalog. */
export class ObjectReader {
  /** Bases of deltas. */
  readonly cache: BaseCache;
  readonly #catalog: Catalog;
  readonly #kernels: Kernels;
  readonly #settings: ObjectStoreSettings;
  readonly #rawLength: number;
  readonly #header = new EntryHeader();
  readonly #path: number[] = [];
  #cause: unknown;

  /** A reader with an empty cache. */
  constructor(
    catalog: Catalog,
    format: ObjectFormat,
    kernels: Kernels,
    settings: ObjectStoreSettings,
  ) {
    this.#catalog = catalog;
    this.#kernels = kernels;
    this.#settings = settings;
    this.#rawLength = format.rawLength;
    this.cache = new BaseCache(settings.baseCacheBytes);
  }

  /**
   * Reads an object of at most `limit` bytes. Throws StorageError
   * "missing-object", "corrupt-object" or "object-too-large".
   */
  read(number: number, limit = this.#settings.maxObjectBytes): ObjectData {
    const catalog = this.#catalog;
    this.#cause = undefined;
    for (;;) {
      const slot = catalog.copy(number);
      if (slot >= 0) {
        const data = this.#resolve(slot, limit);
        if (data !== undefined) {
          return { kind: catalog.kinds[number] as Kind, data };
        }
      } else {
        const loose = this.#readLoose(number, limit);
        if (loose !== undefined) return loose;
        this.rescanFor(number);
      }
    }
  }

  /** The kind of an object; throws as {@linkcode ObjectReader.read}. */
  kind(number: number): Kind {
    const known = this.#catalog.kinds[number] as number;
    if (known !== 0) return known as Kind;
    this.#cause = undefined;
    for (;;) {
      const slot = this.#catalog.copy(number);
      if (slot >= 0) {
        const kind = this.#kindOf(slot);
        if (kind !== undefined) return kind;
      } else {
        const header = this.looseHeader(number);
        if (header !== undefined) {
          this.#catalog.kinds[number] = header.kind;
          return header.kind;
        }
        this.rescanFor(number);
      }
    }
  }

  /**
   * The type in the header of the entry at `slot`, and with it, in
   * `catalog.bases`, a delta's base; 0 where it is unreadable, and then the
   * slot is marked. The slot's pack is open.
   */
  type(slot: number): number {
    const catalog = this.#catalog;
    const known = catalog.types[slot] as number;
    if (known !== 0) return known;
    const pack = catalog.packOf(slot) as OpenedPack;
    const start = catalog.startOf(slot);
    const rank = slot - start;
    const { bytes, at, end } = pack.head(rank);
    const header = this.#header;
    const next = header.read(bytes, at, end);
    const { type } = header;
    if (next < 0 || type === 0 || type === 5) {
      return this.#spoil(slot, "bad object header");
    }
    if (type === OFS_DELTA) {
      const offset = pack.offset(rank);
      const isRead = header.readDistance(bytes, next, end) >= 0;
      const base = isRead && header.distance > 0
        ? pack.rankAt(offset - header.distance)
        : -1;
      if (base < 0) return this.#spoil(slot, "delta base offset out of bound");
      this.#setBase(slot, start + base);
    } else if (type === REF_DELTA) {
      if (next + this.#rawLength > end) {
        return this.#spoil(slot, "truncated base name");
      }
      const base = catalog.intern(bytes, next);
      const beside = catalog.copyBeside(base, slot);
      this.#setBase(slot, beside >= 0 ? beside : base);
    } else {
      catalog.kinds[catalog.numberOf(slot)] = type;
    }
    catalog.types[slot] = type;
    return type;
  }

  /**
   * Reads the headers of all entries from `start` to before `end`, slots of
   * one pack, many at a time; those that are odd stay unread.
   */
  readTypes(walker: PackWalker, start: number, end: number): void {
    for (let slot = start; slot < end;) {
      const count = walker.headersFrom(slot, end - slot, (types, bases) => {
        for (let i = 0; i < types.length; i++) {
          this.#enterType(slot + i, types[i] as number, bases[i] as number);
        }
      });
      if (count === 0) return;
      slot += count;
    }
  }

  #enterType(slot: number, type: number, base: number): void {
    const catalog = this.#catalog;
    if (type === 0 || catalog.types[slot] !== 0) return;
    if (type <= TAG) {
      catalog.kinds[catalog.numberOf(slot)] = type;
    } else {
      const beside = type === REF_DELTA ? catalog.copyBeside(base, slot) : base;
      this.#setBase(slot, beside >= 0 ? beside : base);
    }
    catalog.types[slot] = type;
  }

  /** Marks the copy at `slot` as unreadable. */
  spoil(slot: number, reason: unknown): void {
    this.#catalog.flags[slot] = (this.#catalog.flags[slot] as number) | BAD;
    this.#cause = reason;
  }

  #spoil(slot: number, reason: string): 0 {
    this.spoil(slot, new StorageError("corrupt-object", reason));
    return 0;
  }

  #setBase(slot: number, base: number): void {
    const catalog = this.#catalog;
    catalog.bases[slot] = base;
    const number = catalog.numberOf(base);
    catalog.flags[number] = (catalog.flags[number] as number) | BASE;
  }

  /** Goes down a chain by headers alone; `undefined` if it broke. */
  #kindOf(slot: number): Kind | undefined {
    const catalog = this.#catalog;
    const first = catalog.numberOf(slot);
    const path: number[] = [];
    for (let at = slot;;) {
      const number = catalog.numberOf(at);
      const known = catalog.kinds[number] as number;
      if (known !== 0) {
        for (const each of path) catalog.kinds[each] = known;
        catalog.kinds[first] = known;
        return known as Kind;
      }
      const type = this.type(at);
      if (type === 0) return undefined;
      if (type <= TAG) continue;
      path.push(number);
      const next = this.#nextOnPath(at, path.length);
      if (next === -1) return undefined;
      if (next >= 0) {
        at = next;
        continue;
      }
      const header = this.looseHeader(catalog.numberOf(this.#baseOf(at)));
      if (header === undefined) {
        this.#spoil(at, "missing delta base");
        return undefined;
      }
      catalog.kinds[catalog.numberOf(this.#baseOf(at))] = header.kind;
      at = catalog.numberOf(this.#baseOf(at));
    }
  }

  #baseOf(slot: number): number {
    return this.#catalog.bases[slot] as number;
  }

  /**
   * The slot to go on with below the delta at `slot`; -1 where the chain is a
   * circle, which is marked; -2 where the base may be loose.
   */
  #nextOnPath(slot: number, depth: number): number {
    const catalog = this.#catalog;
    // Deltas by offset only go back: a chain longer than there are entries
    // has gone round through deltas by name.
    if (depth > catalog.count) {
      this.#spoil(slot, "delta chain is a circle");
      return -1;
    }
    const base = this.#baseOf(slot);
    if (((catalog.flags[base] as number) & BAD) === 0) {
      const pack = catalog.packOf(base);
      if (pack !== undefined && pack.open()) return base;
    }
    const number = catalog.numberOf(base);
    let copy = catalog.copy(number);
    if (
      copy < 0 && ((catalog.flags[number] as number) & LOOSE) === 0 &&
      catalog.rescan()
    ) {
      copy = catalog.copy(number);
    }
    return copy >= 0 ? copy : -2;
  }

  /** The content at `slot`; `undefined` if something on the way was marked. */
  #resolve(slot: number, limit: number): Uint8Array | undefined {
    const catalog = this.#catalog;
    const path = this.#path;
    path.length = 0;
    let data: Uint8Array | undefined;
    let at = slot;
    for (;;) {
      const number = catalog.numberOf(at);
      // Only bases are kept, so only they are looked for.
      if (((catalog.flags[number] as number) & BASE) !== 0) {
        data = this.cache.get(number);
        if (data !== undefined) break;
      }
      const type = this.type(at);
      if (type === 0) return undefined;
      if (type <= TAG) {
        // Another copy, which was damaged, may have said something else.
        catalog.kinds[number] = type;
        data = this.#inflate(at, limit);
        if (data === undefined) return undefined;
        this.#keep(number, data);
        break;
      }
      path.push(at);
      const next = this.#nextOnPath(at, path.length);
      if (next === -1) return undefined;
      if (next >= 0) {
        at = next;
        continue;
      }
      const base = catalog.numberOf(this.#baseOf(at));
      const loose = this.#readLoose(base, limit);
      if (loose === undefined) {
        this.#spoil(at, "missing delta base");
        return undefined;
      }
      data = loose.data;
      at = base;
      this.#keep(base, data);
      break;
    }
    const kind = catalog.kinds[catalog.numberOf(at)] as number;
    for (let i = path.length - 1; i >= 0; i--) {
      const delta = path[i] as number;
      const result = this.#apply(data, delta, limit);
      if (result === undefined) return undefined;
      data = result;
      const number = catalog.numberOf(delta);
      catalog.kinds[number] = kind;
      this.#keep(number, data);
    }
    return data;
  }

  #keep(number: number, data: Uint8Array): void {
    const flags = this.#catalog.flags[number] as number;
    if ((flags & BASE) !== 0) this.cache.set(number, data);
  }

  #apply(
    base: Uint8Array,
    slot: number,
    limit: number,
  ): Uint8Array | undefined {
    const delta = this.#inflate(slot, limit);
    if (delta === undefined) return undefined;
    try {
      return this.#kernels.applyDelta(base, delta, limit);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === "too-long") throw this.#tooLarge(slot);
      this.spoil(slot, error);
      return undefined;
    }
  }

  /** The data of the entry at `slot`, a delta's own data if it is one. */
  #inflate(slot: number, limit: number): Uint8Array | undefined {
    const catalog = this.#catalog;
    const pack = catalog.packOf(slot) as OpenedPack;
    const rank = slot - catalog.startOf(slot);
    const header = this.#header;
    let span = pack.head(rank);
    let dataAt = header.read(span.bytes, span.at, span.end);
    const { size } = header;
    if (dataAt >= 0 && header.type === OFS_DELTA) {
      dataAt = header.readDistance(span.bytes, dataAt, span.end);
    } else if (header.type === REF_DELTA) {
      dataAt += this.#rawLength;
    }
    if (dataAt < 0) {
      this.#spoil(slot, "bad object header");
      return undefined;
    }
    if (size > limit) throw this.#tooLarge(slot);
    if (pack.end(rank) - pack.offset(rank) > span.end - span.at) {
      const headLength = dataAt - span.at;
      // What lies beyond this can only be rubbish (zlib.h: compressBound).
      const most = headLength + size + Math.ceil(size / 1000) + 64;
      span = pack.entry(rank, most);
      dataAt = span.at + headLength;
    }
    try {
      const { data, consumed } = this.#kernels.inflate(
        span.bytes,
        dataAt,
        size,
      );
      const left = span.end - dataAt - consumed;
      // No checksum tells that what follows an entry is not part of it.
      if (left === 0 || (left > 0 && pack.hasCrcs)) return data;
      this.#spoil(slot, "entry does not end where the next one starts");
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.spoil(slot, error);
    }
    return undefined;
  }

  #readLoose(number: number, limit: number): ObjectData | undefined {
    const stream = this.#looseStream(number);
    if (stream === undefined) return undefined;
    try {
      const header = this.#parseLoose(stream);
      if (header.size > limit) throw this.#tooLarge(number);
      const { data, consumed } = this.#kernels.inflate(
        stream,
        0,
        header.length + header.size,
      );
      if (consumed < stream.length) {
        throw new KernelError("corrupt", "garbage at end of loose object");
      }
      this.#catalog.kinds[number] = header.kind;
      return { kind: header.kind, data: data.subarray(header.length) };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#spoilLoose(number, error);
      return undefined;
    }
  }

  /** The header of a loose object; `undefined` where no readable one is there. */
  looseHeader(number: number): ObjectHeader | undefined {
    const stream = this.#looseStream(number);
    if (stream === undefined) return undefined;
    try {
      return this.#parseLoose(stream);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#spoilLoose(number, error);
      return undefined;
    }
  }

  #looseStream(number: number): Uint8Array | undefined {
    if (((this.#catalog.flags[number] as number) & LOOSE) === 0) {
      return undefined;
    }
    const stream = this.#catalog.readLoose(number);
    if (stream === undefined) this.#spoilLoose(number, this.#cause);
    return stream;
  }

  #parseLoose(stream: Uint8Array): ObjectHeader {
    const header = parseObjectHeader(
      this.#kernels.inflatePrefix(stream, 0, OBJECT_HEADER_MAX),
    );
    if (header === undefined) {
      throw new KernelError("corrupt", "unable to parse loose object header");
    }
    return header;
  }

  #spoilLoose(number: number, cause: unknown): void {
    const { flags } = this.#catalog;
    flags[number] = (flags[number] as number) & ~LOOSE;
    this.#cause = cause;
  }

  /**
   * Re-scans for an object that cannot be read. Throws StorageError
   * "missing-object" or "corrupt-object" unless that brought anything new.
   */
  rescanFor(number: number): void {
    const catalog = this.#catalog;
    if (catalog.rescan()) return;
    const oid = catalog.ids.oid(number);
    const cause = this.#cause;
    const isBad = ((catalog.flags[number] as number) & BAD) !== 0;
    if (!isBad && cause === undefined) {
      throw new StorageError(
        "missing-object",
        `Cannot read object ${oid}: it is missing`,
      );
    }
    throw new StorageError(
      "corrupt-object",
      `Cannot read object ${oid}: ${
        cause === undefined ? "no copy is readable" : messageOf(cause)
      }`,
      { cause },
    );
  }

  #tooLarge(slot: number): StorageError {
    const oid = this.#catalog.ids.oid(this.#catalog.numberOf(slot));
    return new StorageError(
      "object-too-large",
      `Cannot read object ${oid}: it is too large`,
    );
  }
}
