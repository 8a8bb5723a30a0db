/**
 * How large objects are, from headers alone: entry headers in packs, the first
 * bytes of deltas, headers of loose objects.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { KernelError, type Kernels } from "../../kernels/types.ts";
import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { EntryHeader } from "../../pack/entry_header.ts";
import type { Catalog } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { ObjectReader } from "./reader.ts";

/** A delta starts with two sizes of at most ten bytes each. */
const SIZES_MAX = 20;
/** More than deflate takes for so few bytes, its tables included. */
const INPUT_MAX = 1024;

/** Tells the sizes of a catalog's objects. */
export class ObjectSizes {
  readonly #catalog: Catalog;
  readonly #reader: ObjectReader;
  readonly #kernels: Kernels;
  readonly #rawLength: number;
  readonly #header = new EntryHeader();

  /** Remembers nothing. */
  constructor(
    catalog: Catalog,
    reader: ObjectReader,
    kernels: Kernels,
    format: ObjectFormat,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#kernels = kernels;
    this.#rawLength = format.rawLength;
  }

  /** As ObjectGraph.size says. */
  size(number: number): number {
    for (;;) {
      const slot = this.#catalog.copy(number);
      if (slot >= 0) {
        const size = this.#sizeAt(slot);
        if (size >= 0) return size;
        this.#reader.spoil(
          slot,
          new StorageError("corrupt-object", "bad object header"),
        );
      } else {
        const header = this.#reader.looseHeader(number);
        if (header !== undefined) return header.size;
        this.#reader.rescanFor(number);
      }
    }
  }

  /** What the entry at `slot` comes to, or -1 where that is unreadable. */
  #sizeAt(slot: number): number {
    const pack = this.#catalog.packOf(slot) as OpenedPack;
    const { bytes, at, end } = pack.head(slot - this.#catalog.startOf(slot));
    const header = this.#header;
    let next = header.read(bytes, at, end);
    if (next < 0) return -1;
    if (header.type === OFS_DELTA) next = header.readDistance(bytes, next, end);
    else if (header.type === REF_DELTA) next += this.#rawLength;
    else return header.type === 0 || header.type === 5 ? -1 : header.size;
    if (next < 0 || next >= end) return -1;
    try {
      return resultSize(this.#kernels.inflatePrefix(
        bytes.subarray(next, Math.min(end, next + INPUT_MAX)),
        0,
        Math.min(SIZES_MAX, header.size),
      ));
    } catch (error) {
      if (error instanceof KernelError) return -1;
      throw error;
    }
  }
}

/** The second of the two sizes in front of a delta, or -1. */
function resultSize(delta: Uint8Array): number {
  let at = 0;
  while ((delta[at++] ?? 0) >= 0x80);
  let size = 0;
  for (let unit = 1; at < delta.length; unit *= 128) {
    const byte = delta[at++] as number;
    size += (byte & 0x7f) * unit;
    if (byte < 0x80) return size <= Number.MAX_SAFE_INTEGER ? size : -1;
  }
  return -1;
}
