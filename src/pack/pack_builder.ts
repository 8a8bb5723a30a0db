/**
 * Builds a small pack in memory, every object whole: how repositories in
 * memory keep what was added to them. Not the way packs are made for peers.
 *
 * @module
 */

import { concatBytes } from "../core/bytes.ts";
import type { ObjectFormat } from "../core/oid.ts";
import type { Kernels } from "../kernels/types.ts";
import type { Kind } from "../object/kind.ts";
import { ENTRY_HEADER_MAX, writeEntryHeader } from "./entry_header.ts";
import { encodePackIndex, type IndexEntry } from "./index_writer.ts";
import { encodePackHeader } from "./pack_header.ts";

/** One object to put into a pack. */
export interface PackObject {
  /** The raw id. */
  readonly raw: Uint8Array;
  /** Its kind. */
  readonly kind: Kind;
  /** Its content. */
  readonly data: Uint8Array;
}

/** A pack and its index. */
export interface BuiltPack {
  /** The pack file's bytes. */
  readonly pack: Uint8Array<ArrayBuffer>;
  /** The index file's bytes. */
  readonly index: Uint8Array<ArrayBuffer>;
}

/** A pack of these objects, each once, in this order. */
export function buildPack(
  objects: readonly PackObject[],
  format: ObjectFormat,
  kernels: Pick<Kernels, "deflate" | "crc32" | "hash">,
): BuiltPack {
  const parts: Uint8Array[] = [encodePackHeader(objects.length)];
  const entries: IndexEntry[] = [];
  let offset = (parts[0] as Uint8Array).length;
  for (const { raw, kind, data } of objects) {
    const header = new Uint8Array(ENTRY_HEADER_MAX);
    const length = writeEntryHeader(header, 0, kind, data.length);
    const entry = concatBytes([
      header.subarray(0, length),
      kernels.deflate(data),
    ]);
    entries.push({ raw, offset, crc: kernels.crc32(entry) });
    parts.push(entry);
    offset += entry.length;
  }
  const hash = kernels.hash(format);
  for (const part of parts) hash.update(part);
  const checksum = hash.digest();
  parts.push(checksum);
  return {
    pack: concatBytes(parts),
    index: encodePackIndex(entries, checksum, format, kernels),
  };
}
