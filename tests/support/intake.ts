/**
 * Taking packs in, for tests: bytes in pieces, and what became of them; and
 * packs made of entries that need not be sound.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { concatBytes, toHex, writeUint32 } from "../../src/core/bytes.ts";
import { type ObjectFormat, SHA1 } from "../../src/core/oid.ts";
import { selectKernels } from "../../src/kernels/select.ts";
import type { Kernels } from "../../src/kernels/types.ts";
import type { Kind } from "../../src/object/kind.ts";
import { objectId } from "../../src/object/raw.ts";
import {
  writeDistance,
  writeEntryHeader,
} from "../../src/pack/entry_header.ts";
import { orderIds } from "../../src/pack/index_order.ts";
import { packIndexPieces } from "../../src/pack/index_writer.ts";
import type {
  ExistingObjects,
  IntakeLimits,
  PackInput,
} from "../../src/pack/intake/ports.ts";
import { resolvePlainly } from "../../src/pack/intake/resolver.ts";
import {
  type TakenPack,
  takePack,
  type TakePackInit,
} from "../../src/pack/intake/take_pack.ts";
import { reverseIndexPieces } from "../../src/pack/reverse_index_writer.ts";
import { MemorySink } from "../../src/storage/memory/memory_sink.ts";

/** No bounds. */
export const UNLIMITED: IntakeLimits = {
  maxInputBytes: 0,
  maxInflatedBytes: 0,
  maxObjectBytes: 0,
  maxObjects: 0,
  maxDeltaDepth: 0,
};

/** What was taken in, and the files that git would have written. */
export interface Intake {
  /** What `takePack` told. */
  readonly taken: TakenPack;
  /** The pack as it is stored. */
  readonly pack: Uint8Array;
  /** Its index. */
  readonly index: Uint8Array;
  /** Its reverse index. */
  readonly reverse: Uint8Array;
}

/** What differs from an ordinary pack for an empty repository of SHA-1. */
export interface IntakeOptions extends Partial<TakePackInit> {
  /** How many bytes each read gives; all unless told. */
  readonly pieces?: () => number;
  /** Fails a read behind the bytes, where a peer would stay silent. */
  readonly end?: "closed" | "silent";
}

const KERNELS = selectKernels();

/** Bytes as they arrive. */
export function inputOf(
  bytes: Uint8Array,
  pieces: () => number = () => bytes.length,
  end: "closed" | "silent" = "closed",
): PackInput {
  let at = 0;
  return {
    read(into): Promise<number> {
      if (at === bytes.length && end === "silent") {
        return Promise.reject(new Error("waited for more than the pack"));
      }
      const some = Math.max(1, Math.min(pieces(), into.length));
      const part = bytes.subarray(at, at + some);
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
}

/** Takes a pack in. */
export async function takeIn(
  bytes: Uint8Array,
  { pieces, end, ...options }: IntakeOptions = {},
): Promise<Intake> {
  const sink = new MemorySink();
  const init = {
    format: SHA1,
    kernels: KERNELS,
    limits: UNLIMITED,
    resolve: resolvePlainly,
    ...options,
  };
  const taken = await takePack(inputOf(bytes, pieces, end), sink, init);
  const { entries, checksum } = taken;
  const { format, kernels } = init;
  const order = orderIds(entries.ids, entries.count, format.rawLength);
  const index = { order, checksum, kernels };
  return {
    taken,
    pack: sink.bytes,
    index: joined(packIndexPieces(entries, index)),
    reverse: joined(reverseIndexPieces(format, index)),
  };
}

/** All of a file. */
export function joined(pieces: Iterable<Uint8Array>): Uint8Array {
  return concatBytes(Array.from(pieces, (piece) => piece.slice()));
}

/** The objects of a repository that has these. */
export function existingOf(
  objects: readonly { readonly kind: Kind; readonly data: Uint8Array }[],
  format: ObjectFormat = SHA1,
): ExistingObjects {
  const byId = new Map(
    objects.map((object) => [
      objectId(object.kind, object.data, format, KERNELS) as string,
      object,
    ]),
  );
  return {
    has: (id) => byId.has(toHex(id)),
    read: (id) => byId.get(toHex(id)),
  };
}

/** How a made pack is told. */
export interface PackShape {
  /** Its format. */
  readonly format?: ObjectFormat;
  /** The version in its header. */
  readonly version?: number;
  /** The count in its header. */
  readonly count?: number;
}

/** A pack of entries as they are, with a header and a trailer. */
export function packOf(
  entries: readonly Uint8Array[],
  { format = SHA1, version = 2, count = entries.length }: PackShape = {},
): Uint8Array {
  const head = new Uint8Array(12);
  head.set([0x50, 0x41, 0x43, 0x4b]);
  writeUint32(head, 4, version);
  writeUint32(head, 8, count);
  return sealed(concatBytes([head, ...entries]), format);
}

/** Bytes with the trailer that they ought to have. */
export function sealed(
  bytes: Uint8Array,
  format: ObjectFormat = SHA1,
): Uint8Array {
  const hash = createHash(format.name).update(bytes);
  return concatBytes([bytes, new Uint8Array(hash.digest())]);
}

/** What may be wrong with an entry. */
export interface EntryShape {
  /** The size in its header; that of its data unless told. */
  readonly size?: number;
  /** How far its base is, where it is a delta by offset. */
  readonly distance?: number;
  /** The raw id of its base, where it is a delta by name. */
  readonly baseId?: Uint8Array;
  /** Its stream; zlib's unless told. */
  readonly stream?: Uint8Array;
}

/** One entry. */
export function entryOf(
  type: number,
  data: Uint8Array,
  { size = data.length, distance, baseId, stream }: EntryShape = {},
): Uint8Array {
  const head = new Uint8Array(64);
  let length = writeEntryHeader(head, 0, type, size);
  if (distance !== undefined) length = writeDistance(head, length, distance);
  if (baseId !== undefined) {
    head.set(baseId, length);
    length += baseId.length;
  }
  return concatBytes([
    head.subarray(0, length),
    stream ?? new Uint8Array(deflateSync(data)),
  ]);
}

/** Kernels without the scanner: every entry is taken one by one. */
export function withoutScanner(kernels: Kernels): Kernels {
  const { packScanner: _, ...rest } = kernels;
  return rest;
}
