/**
 * Deltas as they are stored, for those who compare them with others and need
 * not make objects of them.
 *
 * @module
 */

import { OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { EntryHeader } from "../../pack/entry_header.ts";
import type { StoredDelta } from "../types.ts";
import type { Catalog } from "./catalog.ts";
import type { OpenedPack } from "./opened_pack.ts";
import type { ObjectReader } from "./reader.ts";

/** Larger ones are not worth their memory. */
const MOST_BYTES = 1024 * 1024;

/**
 * The delta that the copy of an object is which would be read; `undefined`
 * where it is none, or is not readable.
 */
export function storedDelta(
  catalog: Catalog,
  reader: Pick<ObjectReader, "type">,
  rawLength: number,
  number: number,
): StoredDelta | undefined {
  const slot = catalog.copy(number);
  if (slot < 0) return undefined;
  const type = reader.type(slot);
  if (type !== OFS_DELTA && type !== REF_DELTA) return undefined;
  const pack = catalog.packOf(slot) as OpenedPack;
  const rank = slot - catalog.startOf(slot);
  const length = pack.end(rank) - pack.offset(rank);
  if (length > MOST_BYTES) return undefined;
  const { bytes, at, end } = pack.entry(rank);
  if (at + length > end) return undefined;
  const header = new EntryHeader();
  let from = header.read(bytes, at, end);
  if (from >= 0 && type === OFS_DELTA) {
    from = header.readDistance(bytes, from, end);
  } else if (from >= 0) {
    from += rawLength;
  }
  if (from < 0 || from > at + length) return undefined;
  const base = catalog.numberOf(catalog.bases[slot] as number);
  return { base, data: bytes.subarray(from, at + length) };
}
