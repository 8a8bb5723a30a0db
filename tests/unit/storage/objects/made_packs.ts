/**
 * Packs made by hand, right and wrong, for tests of reading them.
 *
 * @module
 */

import { concatBytes } from "../../../../src/core/bytes.ts";
import { type Oid, oidToRaw, SHA1 } from "../../../../src/core/oid.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import type { Kind } from "../../../../src/object/kind.ts";
import { objectId } from "../../../../src/object/raw.ts";
import {
  writeDistance,
  writeEntryHeader,
} from "../../../../src/pack/entry_header.ts";
import { encodePackIndex } from "../../../../src/pack/index_writer.ts";
import { encodePackHeader } from "../../../../src/pack/pack_header.ts";
import { MemoryAccess } from "../../../../src/storage/memory/memory_packs.ts";
import type { ObjectPorts, StoredPack } from "../../../../src/storage/ports.ts";

/** Kernels for all of it. */
export const kernels = selectKernels();

/** One entry of a pack to make. */
export interface MadeEntry {
  /** The id that the index has. */
  readonly oid: Oid;
  /** The type in its header. */
  readonly type: number;
  /** What is deflated. */
  readonly data: Uint8Array;
  /** For a delta by name: its base. */
  readonly base?: Oid;
  /** For a delta by offset: the entry, counted from 0, it is based on. */
  readonly baseIndex?: number;
  /** For a delta by offset: a distance to write instead. */
  readonly distance?: number;
  /** The size to write instead of the data's. */
  readonly size?: number;
}

/** A pack, and where its entries start. */
export interface MadePack {
  /** The pack's bytes. */
  readonly pack: Uint8Array;
  /** Its index. */
  readonly index: Uint8Array;
  /** The entries' offsets. */
  readonly offsets: readonly number[];
}

/** Makes a pack and an index for it, whose checksums `crcOf` may change. */
export function makePack(
  entries: readonly MadeEntry[],
  crcOf: (crc: number) => number = (crc) => crc,
): MadePack {
  const parts: Uint8Array[] = [encodePackHeader(entries.length)];
  const offsets: number[] = [];
  let offset = 12;
  const rows = entries.map((entry) => {
    const head = new Uint8Array(64);
    let at = writeEntryHeader(
      head,
      0,
      entry.type,
      entry.size ?? entry.data.length,
    );
    if (entry.base !== undefined) {
      head.set(oidToRaw(entry.base), at);
      at += SHA1.rawLength;
    } else if (entry.baseIndex !== undefined || entry.distance !== undefined) {
      const base = offsets[entry.baseIndex ?? 0] ?? 0;
      at = writeDistance(head, at, entry.distance ?? offset - base);
    }
    const bytes = concatBytes([
      head.subarray(0, at),
      kernels.deflate(entry.data),
    ]);
    parts.push(bytes);
    offsets.push(offset);
    const row = {
      raw: oidToRaw(entry.oid),
      offset,
      crc: crcOf(kernels.crc32(bytes)),
    };
    offset += bytes.length;
    return row;
  });
  const hash = kernels.hash(SHA1);
  for (const part of parts) hash.update(part);
  const checksum = hash.digest();
  return {
    pack: concatBytes([...parts, checksum]),
    index: encodePackIndex(rows, checksum, SHA1, kernels),
    offsets,
  };
}

/** Ports over packs in arrays; the list may change between scans. */
export function arrayPorts(packs: readonly MadePack[]): ObjectPorts {
  return {
    packs: {
      scan: () => ({
        stamp: String(packs.length),
        packs: packs.map((made, index): StoredPack => ({
          name: `made-${index}`,
          index: () => made.index,
          open: () => new MemoryAccess(made.pack),
        })),
      }),
    },
  };
}

/** The id of content. */
export function idOf(kind: Kind, data: Uint8Array): Oid {
  return objectId(kind, data, SHA1, kernels);
}

/** A delta that copies all of a base (below 64 KiB) and appends a byte. */
export function appendingDelta(baseLength: number, byte: number): Uint8Array {
  const varint = (value: number): number[] => {
    const bytes: number[] = [];
    for (; value >= 128; value >>>= 7) bytes.push((value & 127) | 128);
    return [...bytes, value];
  };
  return Uint8Array.from([
    ...varint(baseLength),
    ...varint(baseLength + 1),
    0xb0,
    baseLength & 255,
    baseLength >>> 8,
    1,
    byte,
  ]);
}
