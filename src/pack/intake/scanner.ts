/**
 * Scans the entries of a pack as they arrive: headers, CRCs, the ids of whole
 * objects. Many small entries at a time where the kernels can, else one by one
 * and in pieces, so that the largest object takes no more memory than a small.
 *
 * @module
 */

import type {
  InflateStream,
  Kernels,
  PackScanner,
  ScannedEntries,
} from "../../kernels/types.ts";
import { KernelError } from "../../kernels/types.ts";
import {
  BLOB,
  type Kind,
  OFS_DELTA,
  REF_DELTA,
  TAG,
} from "../../object/kind.ts";
import { encodeObjectHeader } from "../../object/raw.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { ENTRY_HEADER_MAX, EntryHeader } from "../entry_header.ts";
import type { EntryColumns } from "./columns.ts";
import { badObject, badPack, beyondLimit, objectTooLarge } from "./faults.ts";
import { HELD_BYTES, type ObjectTerms, takeObject } from "./known_objects.ts";
import type { PackReader } from "./pack_reader.ts";
import type { IntakeLimits, IntakeProgress } from "./ports.ts";

/** What entries are scanned with. */
export interface ScanInit {
  /** The pack, behind its header. */
  readonly reader: PackReader;
  /** Gets the entries. */
  readonly columns: EntryColumns;
  /** The format of the ids. */
  readonly format: ObjectFormat;
  /** Inflates, hashes, sums up. */
  readonly kernels: Kernels;
  /** Bounds. */
  readonly limits: IntakeLimits;
  /** How many entries there are to be. */
  readonly total: number;
  /** What is asked of whole objects. */
  readonly terms: ObjectTerms;
  /** Hears how far it has come; is waited for. */
  readonly onProgress?: (progress: IntakeProgress) => void | Promise<void>;
}

/** What a scan came to, beside the entries. */
export interface Scanned {
  /** Bytes that the whole objects come to. */
  readonly objectBytes: number;
  /** How many entries are deltas. */
  readonly deltas: number;
  /** Ranks of whole objects that were too large to be held, and are here. */
  readonly late: readonly number[];
}

/** Scans `total` entries. */
export async function scanEntries(init: ScanInit): Promise<Scanned> {
  const scan = new EntryScan(init);
  await scan.run();
  return scan;
}

class EntryScan implements Scanned {
  objectBytes = 0;
  deltas = 0;
  readonly late: number[] = [];
  /** What all entries inflate to. */
  #inflated = 0;
  readonly #init: ScanInit;
  readonly #header = new EntryHeader();
  readonly #zeroId: Uint8Array;
  #scanner: PackScanner | undefined;
  #stream: InflateStream | undefined;

  constructor(init: ScanInit) {
    this.#init = init;
    this.#scanner = init.kernels.packScanner?.(init.format);
    this.#zeroId = new Uint8Array(init.format.rawLength);
  }

  async run(): Promise<void> {
    const { reader, columns, total, onProgress } = this.#init;
    while (columns.count < total) {
      const stop = this.#scanMany();
      if (stop === "other") await this.#scanOne();
      else if (stop === "input" && columns.count < total) await reader.more();
      await onProgress?.({
        phase: "receiving",
        done: columns.count,
        total,
        bytes: reader.position,
      });
    }
  }

  /** Scans what lies here and is ordinary; what is to be done about the next. */
  #scanMany(): ScannedEntries["stop"] {
    const { reader, columns, total } = this.#init;
    if (this.#scanner === undefined) return "other";
    if (reader.at === reader.end) return "input";
    const scanned = this.#scanner.scan(
      reader.buffer,
      reader.at,
      reader.end,
      total - columns.count,
    );
    const { count, stop } = scanned;
    let start = 0;
    for (let row = 0; row < count; row++) {
      const end = scanned.ends[row] as number;
      this.#takeRow(scanned, row, end - start);
      start = end;
    }
    // More input has helped before: an entry that still does not end is taken
    // in pieces, rather than begun again with every piece that arrives.
    return stop === "input" && count === 0 ? "other" : stop;
  }

  #takeRow(scanned: ScannedEntries, row: number, length: number): void {
    const { reader, columns, format, kernels, terms } = this.#init;
    const { rawLength } = format;
    const offset = reader.position;
    const type = scanned.types[row] as number;
    const size = scanned.sizes[row] as number;
    this.#checkSize(type, size);
    this.#count(type, size);
    const base = type === OFS_DELTA
      ? this.#baseAt(offset, scanned.distances[row] as number)
      : type === REF_DELTA
      ? columns.addBaseId(scanned.names, row * rawLength)
      : 0;
    const { at } = reader;
    const crc = kernels.crc32(reader.buffer.subarray(at, at + length));
    reader.consume(length);
    const head = scanned.heads[row] as number;
    const rank = columns.push({ offset, head, type, size, crc, base });
    if (type > TAG) return;
    const idAt = row * rawLength;
    columns.name(rank, scanned.names, idAt, type);
    if (terms.existing === undefined && terms.check === undefined) return;
    const from = scanned.contentsAt[row] as number;
    takeObject(
      terms,
      type as Kind,
      scanned.contents.subarray(from, from + size),
      scanned.names.subarray(idAt, idAt + rawLength),
    );
  }

  /** Scans one entry of any kind and size, as it comes. */
  async #scanOne(): Promise<void> {
    const { reader, columns, kernels, format } = this.#init;
    const header = this.#header;
    const offset = reader.position;
    await this.#decode(
      () => header.read(reader.buffer, reader.at, reader.end) - reader.at,
      () => badObject(offset, "object size too large"),
    );
    const { type, size } = header;
    if (type === 0 || type === 5) {
      throw badObject(offset, `unknown object type ${type}`);
    }
    this.#checkSize(type, size);
    let head = header.read(reader.buffer, reader.at, reader.end) - reader.at;
    let base = 0;
    if (type === OFS_DELTA) {
      const from = head;
      head = await this.#decode(
        () =>
          header.readDistance(reader.buffer, reader.at + from, reader.end) -
          reader.at,
        () => badObject(offset, "offset value overflow for delta base object"),
      );
      base = this.#baseAt(offset, header.distance);
    } else if (type === REF_DELTA) {
      await reader.need(head + format.rawLength);
      base = columns.addBaseId(reader.buffer, reader.at + head);
      head += format.rawLength;
    }
    const crc = kernels.crc32(
      reader.buffer.subarray(reader.at, reader.at + head),
    );
    reader.consume(head);
    const body = await this.#inflate(offset, type, size, crc);
    this.#count(type, size);
    const rank = columns.push({
      offset,
      head,
      type,
      size,
      crc: body.crc,
      base,
    });
    if (body.id === undefined) return;
    columns.name(rank, body.id, 0, type);
    this.#takeOne(rank, type as Kind, body.held, body.id);
  }

  #takeOne(
    rank: number,
    kind: Kind,
    held: Uint8Array | undefined,
    id: Uint8Array,
  ): void {
    const { terms } = this.#init;
    if (held !== undefined) takeObject(terms, kind, held, id);
    else if (terms.existing?.has(id) === true) this.late.push(rank);
  }

  /** Runs `read`, which gives a position, with ever more input. */
  async #decode(read: () => number, fault: () => Error): Promise<number> {
    const { reader } = this.#init;
    for (;;) {
      const length = read();
      if (length >= 0) return length;
      if (reader.end - reader.at >= ENTRY_HEADER_MAX) throw fault();
      await reader.more();
    }
  }

  async #inflate(
    offset: number,
    type: number,
    size: number,
    headCrc: number,
  ): Promise<InflatedEntry> {
    const { reader, kernels, format, terms } = this.#init;
    const stream = this.#stream ??= kernels.inflateStream();
    stream.restart();
    const isWhole = type <= TAG;
    const hash = isWhole ? kernels.objectHash(format) : undefined;
    hash?.update(encodeObjectHeader(type as Kind, size));
    // Of blobs few are of interest to a check, and those it can ask for.
    const isHeld = isWhole &&
      (size <= HELD_BYTES
        ? terms.existing !== undefined || terms.check !== undefined
        : terms.check !== undefined && type !== BLOB);
    const held = isHeld ? new HeldBytes(size) : undefined;
    let crc = headCrc;
    let got = 0;
    for (;;) {
      const { at } = reader;
      const { consumed, output, state } = broken(
        offset,
        () => stream.step(reader.buffer, at, reader.end, size - got + 1),
      );
      got += output.length;
      if (got > size) throw badObject(offset, "inflate returned -5");
      this.#checkTotal(this.#inflated + got);
      hash?.update(output);
      held?.add(output);
      crc = kernels.crc32(reader.buffer.subarray(at, at + consumed), crc);
      reader.consume(consumed);
      if (state === "end") break;
      if (state === "input") await reader.more();
    }
    if (got < size) throw badObject(offset, "inflate returned 1");
    return { crc, id: collided(() => hash?.digest()), held: held?.bytes() };
  }

  /** Refuses an entry that is larger than one may be. */
  #checkSize(type: number, size: number): void {
    const { maxObjectBytes, maxHeldBytes = 0 } = this.#init.limits;
    if (maxObjectBytes > 0 && size > maxObjectBytes) {
      throw objectTooLarge(size, maxObjectBytes);
    }
    if (maxHeldBytes > 0 && size > maxHeldBytes && type !== BLOB) {
      throw objectTooLarge(size, maxHeldBytes);
    }
  }

  /**
   * Refuses a pack whose entries come to so many bytes. The bound may grow with
   * what has arrived: what an entry only declares says nothing yet.
   */
  #checkTotal(bytes: number): void {
    const { maxInflatedBytes } = this.#init.limits;
    if (maxInflatedBytes > 0 && bytes > maxInflatedBytes) {
      throw beyondLimit(`pack expands to more than ${maxInflatedBytes} bytes`);
    }
  }

  /** Counts an entry in. */
  #count(type: number, size: number): void {
    this.#inflated += size;
    this.#checkTotal(this.#inflated);
    if (type > TAG) this.deltas++;
    else this.objectBytes += size;
  }

  /** The base of a delta by offset, for the column of bases. */
  #baseAt(offset: number, distance: number): number {
    if (distance <= 0 || distance >= offset) {
      throw badObject(offset, "delta base offset is out of bound");
    }
    const { columns } = this.#init;
    const rank = columns.rankAt(offset - distance);
    // No entry starts there: it is as one whose base has a name that no object
    // has, which is found out when all others are resolved.
    return rank >= 0 ? rank : columns.addBaseId(this.#zeroId, 0);
  }
}

/** What the data of one entry came to. */
interface InflatedEntry {
  readonly crc: number;
  /** Its id, if it is a whole object. */
  readonly id: Uint8Array | undefined;
  /** Its content, where it is wanted and small enough. */
  readonly held: Uint8Array | undefined;
}

/** Bytes that are kept; grows with them, up to what was said. */
class HeldBytes {
  readonly #size: number;
  #bytes: Uint8Array;
  #count = 0;

  constructor(size: number) {
    this.#size = size;
    this.#bytes = new Uint8Array(Math.min(size, 64 * 1024));
  }

  add(bytes: Uint8Array): void {
    const end = this.#count + bytes.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(
        Math.min(this.#size, Math.max(end, this.#bytes.length * 2)),
      );
      grown.set(this.#bytes.subarray(0, this.#count));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#count);
    this.#count = end;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count);
  }
}

/** Lets a kernel's verdict on a stream be git's. */
function broken<T>(offset: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw badObject(offset, "inflate returned -3");
  }
}

/** Lets a collision be the peer's fault. */
function collided<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw badPack(error.message);
  }
}
