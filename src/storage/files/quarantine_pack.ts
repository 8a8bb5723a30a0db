/**
 * A pack on its way into a quarantine: its bytes as they arrive, in memory as
 * long as it is small and is to become loose objects, else in a file; and the
 * files that git knows a pack by.
 *
 * @module
 */

import { readUint32, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { type WritableFile, writeAll } from "../../core/write_files.ts";
import type { PackSink } from "../../pack/intake/ports.ts";
import { PACK_HEADER_BYTES } from "../../pack/pack_header.ts";
import { allSettled, closeAll, type ObjectWriting } from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import { createTemporary } from "./temporary.ts";

/** So much of a pack of few objects is held in memory. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
const FIRST_HELD_BYTES = 16 * 1024;
const COPIED_BYTES = 256 * 1024;

// environment.c: odb_mkstemp, odb_pack_keep.
const PACK_MODE = 0o444;
const KEEP_MODE = 0o600;

/** What goes beside a pack when it is stored. */
export interface PackParts {
  /** The pack's own hash: its trailer, and its name. */
  readonly checksum: Uint8Array;
  /** The index, in pieces. */
  readonly index: Iterable<Uint8Array>;
  /** The reverse index, in pieces; absent where there is to be none. */
  readonly reverse?: Iterable<Uint8Array>;
  /** The text of its `.keep`. */
  readonly keep: Uint8Array;
}

/** The bytes of one pack. */
export class QuarantinePack implements PackSink {
  /** Where it is, once it is in a file. */
  path?: string;
  readonly #writing: ObjectWriting;
  readonly #quarantine: () => string;
  readonly #unpackLimit: number;
  #held: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(FIRST_HELD_BYTES);
  #file: WritableFile | undefined;
  #size = 0;

  /**
   * An empty one, whose files are to be in the directory that `quarantine`
   * gives or makes. Packs that say that they have fewer than `unpackLimit`
   * objects are held.
   */
  constructor(
    writing: ObjectWriting,
    quarantine: () => string,
    unpackLimit: number,
  ) {
    this.#writing = writing;
    this.#quarantine = quarantine;
    this.#unpackLimit = unpackLimit;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): void {
    this.#write(bytes, this.#size);
    this.#size += bytes.length;
    if (this.#held !== undefined && this.#isForFile()) this.#spill();
  }

  overwrite(bytes: Uint8Array, position: number): void {
    if (position + bytes.length > this.#size) {
      throw new TypeError("Cannot overwrite pack: beyond its end");
    }
    this.#write(bytes, position);
  }

  readAt(into: Uint8Array, position: number): number {
    if (this.#held === undefined) return this.#opened().readAt(into, position);
    const end = Math.min(this.#size, position + into.length);
    if (end <= position) return 0;
    into.set(this.#held.subarray(position, end));
    return end - position;
  }

  /**
   * Stores the pack with its parts, as far to the disk as is asked; returns
   * their names, relative to the quarantine.
   */
  async store(parts: PackParts): Promise<readonly string[]> {
    const { files, fsync } = this.#writing;
    if (this.#held !== undefined) this.#spill();
    const base = `pack-${toHex(parts.checksum)}`;
    const made: MadeFile[] = [{
      file: this.#opened(),
      end: ".pack",
      isSynced: fsync.pack,
    }];
    try {
      for (const [end, prefix, pieces] of this.#helpers(parts)) {
        const file = createTemporary(
          files,
          joinPath(this.#directory, prefix),
          PACK_MODE,
        );
        made.push({ file, end, isSynced: fsync.packMetadata });
        writePieces(file, pieces);
      }
      const keep = files.create(
        joinPath(this.#directory, `${base}.keep`),
        KEEP_MODE,
      );
      made.push({ file: keep, end: ".keep", isSynced: fsync.rest });
      writeAll(keep, parts.keep, 0);
      const synced = made.filter((each) => each.isSynced);
      await allSettled(synced.map((each) => each.file.sync()));
    } finally {
      closeAll(made.map(({ file }) => file));
      this.#file = undefined;
    }
    return made.map(({ file, end }) => {
      const name = `${base}${end}`;
      const path = joinPath(this.#directory, name);
      if (path !== file.path) files.rename(file.path, path);
      return `pack/${name}`;
    });
  }

  /** The same bytes in another quarantine, in a file. Close it. */
  copy(directory: string): QuarantinePack {
    const copy = new QuarantinePack(this.#writing, () => directory, 0);
    try {
      const piece = new Uint8Array(Math.min(this.#size, COPIED_BYTES));
      for (let at = 0; at < this.#size;) {
        const count = this.readAt(piece, at);
        if (count === 0) {
          throw new StorageError("EIO", "Cannot copy pack: it is cut short");
        }
        copy.append(piece.subarray(0, count));
        at += count;
      }
      return copy;
    } catch (error) {
      copy.close();
      throw error;
    }
  }

  /** Lets go of its file. Idempotent. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#held = new Uint8Array(0);
  }

  get #directory(): string {
    return joinPath(this.#quarantine(), "pack");
  }

  *#helpers(
    parts: PackParts,
  ): Generator<readonly [string, string, Iterable<Uint8Array>]> {
    yield [".idx", "tmp_idx_", parts.index];
    if (parts.reverse !== undefined) yield [".rev", "tmp_rev_", parts.reverse];
  }

  /** Whether what is held should be in a file, as far as can be told. */
  #isForFile(): boolean {
    const held = this.#held as Uint8Array;
    return this.#size > MAX_HELD_BYTES ||
      (this.#size >= PACK_HEADER_BYTES &&
        readUint32(held, 8) >= this.#unpackLimit);
  }

  #spill(): void {
    const held = this.#held as Uint8Array;
    const file = createTemporary(
      this.#writing.files,
      joinPath(this.#directory, "tmp_pack_"),
      PACK_MODE,
    );
    this.#file = file;
    this.path = file.path;
    this.#held = undefined;
    writeAll(file, held.subarray(0, this.#size), 0);
  }

  #write(bytes: Uint8Array, position: number): void {
    if (this.#held === undefined) {
      return writeAll(this.#opened(), bytes, position);
    }
    const needed = position + bytes.length;
    if (needed > this.#held.length) {
      const wider = new Uint8Array(Math.max(needed, 2 * this.#held.length));
      wider.set(this.#held.subarray(0, this.#size));
      this.#held = wider;
    }
    this.#held.set(bytes, position);
  }

  #opened(): WritableFile {
    if (this.#file !== undefined) return this.#file;
    throw new StorageError("EBADF", "Cannot use pack: it was closed");
  }
}

interface MadeFile {
  readonly file: WritableFile;
  readonly end: string;
  readonly isSynced: boolean;
}

function writePieces(file: WritableFile, pieces: Iterable<Uint8Array>): void {
  let at = 0;
  for (const piece of pieces) {
    writeAll(file, piece, at);
    at += piece.length;
  }
}
