/**
 * Completes thin packs: bases that only the repository has are stored behind
 * the pack's own entries, and its header and trailer told anew.
 *
 * @module
 */

import { equalBytes, toHex, writeUint32 } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import { objectId } from "../../object/raw.ts";
import { ENTRY_HEADER_MAX, writeEntryHeader } from "../entry_header.ts";
import type { EntryColumns, ScannedEntry } from "./columns.ts";
import type { BaseObject, ExistingObjects, PackSink } from "./ports.ts";

const READ_BYTES = 256 * 1024;

/** What a pack is completed with. */
export interface CompletionInit {
  /** The pack's entries; bases are added. */
  readonly columns: EntryColumns;
  /** The pack, without its trailer. */
  readonly sink: PackSink;
  /** Where bases are. */
  readonly existing: ExistingObjects;
  /** The format of the ids. */
  readonly format: ObjectFormat;
  /** Compresses and hashes. */
  readonly kernels: Pick<Kernels, "deflate" | "crc32" | "objectHash" | "hash">;
}

/** Adds bases to one pack. */
export class Completion {
  readonly #init: CompletionInit;
  readonly #sentBytes: number;
  readonly #stored = new Set<string>();
  // Columns that grow would be others than those that are being filled.
  readonly #bases: (ScannedEntry & { readonly id: Uint8Array })[] = [];

  /** Of a pack whose entries are all in the sink. */
  constructor(init: CompletionInit) {
    this.#init = init;
    this.#sentBytes = init.sink.size;
  }

  /** How many were added. */
  get added(): number {
    return this.#bases.length;
  }

  /**
   * The object that a delta names as its base, stored behind the pack now;
   * `undefined` where the repository has none. Throws StorageError
   * "corrupt-object" where it is not what its id says.
   */
  find(id: Uint8Array): BaseObject | undefined {
    const { existing, format, kernels } = this.#init;
    if (!id.some((byte) => byte !== 0)) return undefined;
    const base = existing.read(id);
    if (base === undefined) return undefined;
    const name = toHex(id);
    if (this.#stored.has(name)) return base;
    if (objectId(base.kind, base.data, format, kernels) !== name) {
      throw new StorageError(
        "corrupt-object",
        `local object ${name} is corrupt`,
      );
    }
    this.#append(base, id);
    this.#stored.add(name);
    return base;
  }

  /**
   * Adds the entries of what was stored to the columns, which nobody else
   * fills any more, and tells their number in the header; returns the checksum of
   * the pack as it is stored. Throws StorageError "corrupt-pack" where what
   * was stored, trailer `sent`, does not come back.
   */
  conclude(sent: Uint8Array): Uint8Array<ArrayBuffer> {
    const { sink, columns, format, kernels } = this.#init;
    for (const base of this.#bases) {
      columns.name(columns.push(base), base.id, 0, base.type);
    }
    const count = new Uint8Array(4);
    writeUint32(count, 0, columns.count);
    const asSent = kernels.hash(format);
    const asStored = kernels.hash(format);
    const buffer = new Uint8Array(READ_BYTES);
    for (let at = 0; at < sink.size;) {
      // What was sent and what was added do not share a piece.
      const end = at < this.#sentBytes ? this.#sentBytes : sink.size;
      const room = buffer.subarray(0, Math.min(READ_BYTES, end - at));
      const got = sink.readAt(room, at);
      if (got === 0) throw lost();
      const bytes = room.subarray(0, got);
      if (at < this.#sentBytes) asSent.update(bytes);
      if (at === 0) {
        bytes.set(count, 8);
      }
      asStored.update(bytes);
      at += got;
    }
    if (!equalBytes(asSent.digest(), sent)) throw lost();
    sink.overwrite(count, 8);
    return asStored.digest();
  }

  #append({ kind, data }: BaseObject, id: Uint8Array): void {
    const { sink, kernels } = this.#init;
    const header = new Uint8Array(ENTRY_HEADER_MAX);
    const head = writeEntryHeader(header, 0, kind, data.length);
    const top = header.subarray(0, head);
    const body = kernels.deflate(data);
    this.#bases.push({
      offset: sink.size,
      head,
      type: kind,
      size: data.length,
      crc: kernels.crc32(body, kernels.crc32(top)),
      base: 0,
      id: id.slice(),
    });
    sink.append(top);
    sink.append(body);
  }
}

function lost(): StorageError {
  return new StorageError(
    "corrupt-pack",
    "Unexpected tail checksum of the received pack (disk corruption?)",
  );
}
