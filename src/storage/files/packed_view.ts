/**
 * `packed-refs` as it is now, for who changes refs: looked at again at each
 * question, and held open, so that no other file can have its inode.
 *
 * @module
 */

import type { FileStat, OpenFile } from "../../core/host.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { Kernels } from "../../kernels/types.ts";
import {
  NO_PACKED_REFS,
  type PackedRefs,
  parsePackedRefs,
} from "./packed_refs.ts";
import { MAX_PACKED_REFS_BYTES } from "./refs.ts";
import { isSameStat } from "./stamp.ts";

const MAX_ATTEMPTS = 5;

/** What a {@linkcode PackedView} is made from. */
export interface PackedViewInit {
  /** Where it is read. */
  readonly files: WritableFiles;
  /** Its path. */
  readonly path: string;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** To index it. */
  readonly kernels: Pick<Kernels, "refLines">;
}

/** One state of the file. */
export interface PackedFile {
  /** Its bytes; none where there is no such file. */
  readonly bytes: Uint8Array;
  /** The refs in it. */
  readonly refs: PackedRefs;
}

const NO_FILE: PackedFile = { bytes: new Uint8Array(0), refs: NO_PACKED_REFS };

/** The file while refs are changed. */
export class PackedView {
  readonly #init: PackedViewInit;
  #stat: FileStat | undefined;
  #open: OpenFile | undefined;
  #file: PackedFile = NO_FILE;

  /** Reads nothing yet. */
  constructor(init: PackedViewInit) {
    this.#init = init;
  }

  /** What it is called, a symlink or not. */
  get name(): string {
    return this.#init.path;
  }

  /** Its path, where the last symlink leads. */
  get path(): string {
    const { files, path } = this.#init;
    return files.lstat(path)?.kind === "symlink"
      ? files.realPath(path) ?? path
      : path;
  }

  /** The file now. Throws StorageError, "bad-packed-refs" with git's words. */
  now(): PackedFile {
    const { files, path } = this.#init;
    for (let attempt = 1;; attempt++) {
      const stat = files.stat(path);
      if (stat === undefined) {
        this.forget();
        return this.#file;
      }
      if (this.#stat !== undefined && isSameStat(stat, this.#stat)) {
        return this.#file;
      }
      this.forget();
      const open = files.open(path);
      if (open === undefined) {
        if (attempt < MAX_ATTEMPTS) continue;
        return this.#file;
      }
      const after = files.stat(path);
      if (after === undefined || !isSameStat(stat, after)) {
        open.close();
        if (attempt < MAX_ATTEMPTS) continue;
        throw new StorageError("EIO", `Cannot read ${path}: it keeps changing`);
      }
      this.#open = open;
      this.#file = this.#parse(open);
      this.#stat = after;
      return this.#file;
    }
  }

  /** Reads it anew when it is next asked for. */
  forget(): void {
    this.#open?.close();
    this.#open = undefined;
    this.#stat = undefined;
    this.#file = NO_FILE;
  }

  #parse(open: OpenFile): PackedFile {
    const { path, format, kernels } = this.#init;
    if (open.size > MAX_PACKED_REFS_BYTES) {
      throw new StorageError(
        "file-too-large",
        `Cannot read ${path}: ${open.size} bytes exceed ${MAX_PACKED_REFS_BYTES}`,
      );
    }
    const bytes = new Uint8Array(open.size);
    const count = open.readAt(bytes, 0);
    const read = bytes.subarray(0, count);
    return { bytes: read, refs: parsePackedRefs(read, path, format, kernels) };
  }
}
