/**
 * A folder that a plain web server hands out to git's clients. Whoever reads
 * it at any moment, and whenever its writer is killed, finds the refs of
 * before or those of now, with all of their objects: packs come first and are
 * never changed, then the list that names old and new ones, then the refs, and
 * what nobody needs any more goes last.
 *
 * @module
 */

import { equalBytes, fromBinary, toBinary, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import {
  type WritableFile,
  type WritableFiles,
  writeAll,
} from "../../core/write_files.ts";
import type { Kernels } from "../../kernels/types.ts";
import { plainPacksText } from "../../object/plain_lines.ts";
import { orderIds } from "../../pack/index_order.ts";
import { packIndexPieces } from "../../pack/index_writer.ts";
import type { PackBytes } from "../types.ts";
import { turn } from "./object_writing.ts";
import { joinPath, parentPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { hasCode } from "./system_words.ts";
import { createTemporary } from "./temporary.ts";

const MAX_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
/** Begins the names of files that are not finished. */
const UNFINISHED = ".new-";
/** Is there while packs are listed that are to go. */
const LEAVING = `${UNFINISHED}leaving`;

/** What a folder holds, as far as it is whole. */
export interface PublishedState {
  /** The content of `info/refs`, a binary string. */
  readonly listing: string;
  /** The content of `HEAD`, likewise. */
  readonly head: string;
  /** The packs that are listed, all of which are there. */
  readonly packs: readonly string[];
}

/** What a folder was found with. */
export interface FoundState extends PublishedState {
  /**
   * Whether its last writer was killed while packs were listed of which some
   * were to go: they may hold what nobody is to have any more.
   */
  readonly isTorn: boolean;
}

/** What a folder is to hold. */
export interface NewState extends PublishedState {
  /** Further files by their names: pages. They are written last. */
  readonly pages: ReadonlyMap<string, Uint8Array>;
}

/** What a {@linkcode PublishedFolder} is made from. */
export interface PublishedFolderInit {
  /** What changes files. */
  readonly files: WritableFiles;
  /** The folder, absolute. */
  readonly path: string;
  /** The format of object names. */
  readonly format: ObjectFormat;
  /** The kernels in use. */
  readonly kernels: Kernels;
}

/** One repository's folder. It is written by one process at a time. */
export class PublishedFolder {
  readonly #init: PublishedFolderInit;

  /** Reads nothing yet. */
  constructor(init: PublishedFolderInit) {
    this.#init = init;
  }

  /** What is there; `undefined` where it is not whole. */
  read(): FoundState | undefined {
    const listing = this.#text("info/refs");
    const head = this.#text("HEAD");
    const list = this.#text("objects/info/packs");
    if (listing === undefined || head === undefined || list === undefined) {
      return undefined;
    }
    const packs = list.split("\n").filter((line) => line !== "")
      .map((line) => line.slice(2));
    const isWhole = packs.every((pack) =>
      /^pack-[0-9a-f]{40,64}\.pack$/.test(pack) &&
      [pack, pack.replace(/pack$/, "idx")].every((name) =>
        this.#init.files.stat(this.#at(`objects/pack/${name}`)) !== undefined
      )
    );
    const isTorn = this.#init.files.stat(this.#at(LEAVING)) !== undefined;
    return isWhole ? { listing, head, packs, isTorn } : undefined;
  }

  /** Adds a pack, which nothing names yet; resolves to its name. */
  async addPack(bytes: PackBytes): Promise<string> {
    const { files, format, kernels } = this.#init;
    const directory = this.#at("objects/pack");
    ensure(files, directory);
    const temporary = () =>
      createTemporary(files, joinPath(directory, UNFINISHED), 0o444);
    const pack = temporary();
    let base: string;
    try {
      const size = await writeAllOf(bytes, pack);
      const checksum = new Uint8Array(format.rawLength);
      pack.readAt(checksum, size - checksum.length);
      base = joinPath(directory, `pack-${toHex(checksum)}`);
      const located = bytes.entries?.();
      if (located === undefined) {
        throw new StorageError("no-entries", "a pack's entries are not known");
      }
      const { ids, offsets } = located;
      const count = offsets.length;
      const end = size - checksum.length;
      const crcs = await sumsOf(pack, offsets, end, kernels);
      const index = temporary();
      try {
        let at = 0;
        const pieces = packIndexPieces(
          { format, count, ids, offsets, crcs },
          { order: orderIds(ids, count, format.rawLength), checksum, kernels },
        );
        for (const piece of pieces) {
          writeAll(index, piece, at);
          at += piece.length;
        }
        await Promise.all([pack.sync(), index.sync()]);
      } finally {
        index.close();
      }
      files.rename(pack.path, `${base}.pack`);
      files.rename(index.path, `${base}.idx`);
    } finally {
      pack.close();
    }
    await files.syncDirectory(directory);
    return `${base.slice(directory.length + 1)}.pack`;
  }

  /**
   * Lets the folder hold `state`, whose packs are there; resolves to the names
   * of the files that changed. What would not change keeps its times.
   */
  async publish(
    state: NewState,
    before: PublishedState | undefined,
  ): Promise<readonly string[]> {
    const written: string[] = [];
    const put = async (name: string, bytes: Uint8Array) => {
      if (await this.#put(name, bytes)) written.push(name);
    };
    const list = (packs: Iterable<string>) => fromBinary(plainPacksText(packs));
    const both = new Set([...state.packs, ...before?.packs ?? []]);
    if (both.size > state.packs.length) {
      await this.#put(LEAVING, new Uint8Array(0));
    }
    await put("objects/info/packs", list(both));
    const refs = () => put("info/refs", fromBinary(state.listing));
    const head = () => put("HEAD", fromBinary(state.head));
    // HEAD never names a branch that is not listed, if that can be.
    const isEarly = before === undefined || names(before.listing, state.head);
    await (isEarly ? head() : refs());
    await (isEarly ? refs() : head());
    await put("objects/info/packs", list(state.packs));
    for (const [name, bytes] of state.pages) await put(name, bytes);
    this.#tidy(new Set(state.packs));
    return [...new Set(written)];
  }

  /** Removes packs that are not named, and what killed writers have left. */
  #tidy(packs: ReadonlySet<string>): void {
    const { files } = this.#init;
    for (const folder of ["", "info", "objects/info", "objects/pack"]) {
      const directory = this.#at(folder);
      for (const name of files.list(directory)?.names ?? []) {
        const isOld = folder === "objects/pack" &&
          /^pack-[0-9a-f]+\.(pack|idx)$/.test(name) &&
          !packs.has(name.replace(/idx$/, "pack"));
        if (isOld || name.startsWith(UNFINISHED)) {
          quietly(() => files.unlink(joinPath(directory, name)));
        }
      }
    }
  }

  #put(name: string, bytes: Uint8Array): Promise<boolean> {
    return replaceIn(this.#init.files, this.#init.path, name, bytes);
  }

  #text(name: string): string | undefined {
    const bytes = this.#init.files.read(this.#at(name), MAX_BYTES);
    return bytes && toBinary(bytes);
  }

  #at(name: string): string {
    return name === "" ? this.#init.path : joinPath(this.#init.path, name);
  }
}

/**
 * Lets a file of a folder have these bytes, in one step; resolves to whether
 * it had to be written.
 */
export async function replaceIn(
  files: WritableFiles,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const path = joinPath(folder, name);
  const old = files.read(path, MAX_BYTES);
  if (old !== undefined && equalBytes(old, bytes)) return false;
  const directory = parentPath(path);
  ensure(files, directory);
  const file = createTemporary(files, joinPath(directory, UNFINISHED), 0o644);
  try {
    try {
      writeAll(file, bytes, 0);
      await file.sync();
    } finally {
      file.close();
    }
    files.rename(file.path, path);
  } catch (error) {
    quietly(() => files.unlink(file.path));
    throw error;
  }
  await files.syncDirectory(directory);
  return true;
}

/** Makes a directory and those above it. */
function ensure(files: WritableFiles, directory: string): void {
  const missing: string[] = [];
  for (let path = directory; files.stat(path) === undefined;) {
    missing.push(path);
    path = parentPath(path);
  }
  for (const path of missing.reverse()) {
    try {
      files.makeDirectory(path, 0o755);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

/** Whether a listing has the branch that the content of a HEAD names. */
function names(listing: string, head: string): boolean {
  const branch = /^ref: (.*)\n$/.exec(head)?.[1];
  return branch === undefined || listing.includes(`\t${branch}\n`);
}

/** Writes all of a pack; resolves to its size. */
async function writeAllOf(
  bytes: PackBytes,
  file: WritableFile,
): Promise<number> {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let size = 0;;) {
    const count = bytes.read(piece);
    writeAll(file, piece.subarray(0, count), size);
    size += count;
    if (count < piece.length) return size;
    await turn();
  }
}

/** The CRC-32 of every entry; entries start at ascending offsets. */
async function sumsOf(
  file: WritableFile,
  offsets: Float64Array,
  end: number,
  kernels: Pick<Kernels, "crc32">,
): Promise<Uint32Array> {
  const crcs = new Uint32Array(offsets.length);
  const buffer = new Uint8Array(READ_BYTES);
  let entry = 0;
  let at = offsets[0] ?? end;
  while (at < end) {
    const count = file.readAt(buffer, at);
    if (count === 0) throw new StorageError("EIO", "a pack became shorter");
    const until = Math.min(at + count, end);
    const from = at;
    while (at < until) {
      const next = offsets[entry + 1] ?? end;
      const stop = Math.min(next, until);
      const part = buffer.subarray(at - from, stop - from);
      crcs[entry] = kernels.crc32(part, crcs[entry]);
      at = stop;
      if (stop === next) entry++;
    }
    await turn();
  }
  return crcs;
}
