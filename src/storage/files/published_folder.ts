/**
 * A folder that a plain web server hands out to git's clients.
 *
 * The invariant: whoever reads it at any moment, and whenever its writer is
 * killed, finds `HEAD`, `info/refs`, the list of packs and the pages as they
 * were before, or all as they are now, and every pack that is listed is there.
 * Packs and bundles come first, under names that nothing leads to yet, and are
 * never changed; then all that leads to them changes in one step
 * ({@linkcode changeTogether}); what nobody needs any more goes last, after a
 * time in which clients end what they have begun.
 *
 * A new folder has no `info/refs` until all else is there, and is no repository
 * before.
 *
 * @module
 */

import { fromBinary, toBinary, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Owners } from "../../core/owner.ts";
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
import {
  changeTogether,
  ensureFolder,
  MAX_FILE_BYTES,
  settleChange,
  UNFINISHED,
} from "./change_together.ts";
import { tryLock } from "./lock_file.ts";
import { LockJournal } from "./lock_journal.ts";
import { turn } from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { createTemporary } from "./temporary.ts";

const PIECE_BYTES = 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
/** The list of bundles, where there is one. */
export const BUNDLE_LIST = "bundle-list";
/** All that ever changes in one step. */
const NAMES = [
  "HEAD",
  "info/refs",
  "objects/info/packs",
  BUNDLE_LIST,
  "index.html",
] as const;
/** What has its hash in its name, by the folder that holds it. */
const HASHED: Readonly<Record<string, RegExp>> = {
  "objects/pack": /^pack-[0-9a-f]+\.(?:pack|idx)$/,
  "bundles": /^[0-9a-f]+\.bundle$/,
};

/** What a folder holds, as far as it is whole. */
export interface PublishedState {
  /** The content of `info/refs`, a binary string. */
  readonly listing: string;
  /** The content of `HEAD`, likewise. */
  readonly head: string;
  /** The packs that are listed, all of which are there. */
  readonly packs: readonly string[];
}

/** What a folder is to hold. */
export interface NewState extends PublishedState {
  /** The page for people. */
  readonly page: Uint8Array;
  /** Bundles, where they are wanted. */
  readonly bundles?: PublishedBundles | undefined;
}

/** Bundles that are there, and the list that names them. */
export interface PublishedBundles {
  /** The content of the list, a binary string. */
  readonly list: string;
  /** Their files. */
  readonly names: readonly string[];
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
  /**
   * Packs and bundles that nothing leads to any more stay for so long, for
   * clients that have begun to read; milliseconds.
   */
  readonly keepOldMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One repository's folder. Who writes it holds {@linkcode lockFolder}. */
export class PublishedFolder {
  readonly #init: PublishedFolderInit;

  /** Reads nothing yet. */
  constructor(init: PublishedFolderInit) {
    this.#init = init;
  }

  /** What is there; `undefined` where it is not whole. */
  read(): PublishedState | undefined {
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
      filesOf(pack).every((name) => this.#has(`objects/pack/${name}`))
    );
    return isWhole ? { listing, head, packs } : undefined;
  }

  /** Adds a pack, which nothing names yet; resolves to its name. */
  async addPack(bytes: PackBytes): Promise<string> {
    const { files, format, kernels } = this.#init;
    const directory = this.#at("objects/pack");
    ensureFolder(files, directory);
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
   * Adds a bundle, which nothing names yet: a header and a pack, either the
   * only one that is here or one that is made for it. One that is there under
   * that name stays.
   */
  async addBundle(
    name: string,
    header: Uint8Array,
    pack: string | PackBytes,
  ): Promise<void> {
    const { files } = this.#init;
    const directory = this.#at("bundles");
    const path = joinPath(directory, name);
    ensureFolder(files, directory);
    const bundle = createTemporary(
      files,
      joinPath(directory, UNFINISHED),
      0o444,
    );
    try {
      writeAll(bundle, header, 0);
      if (typeof pack === "string") {
        await copyInto(
          files,
          this.#at(`objects/pack/${pack}`),
          bundle,
          header.length,
        );
      } else await writeAllOf(pack, bundle, header.length);
      await bundle.sync();
      files.rename(bundle.path, path);
    } finally {
      bundle.close();
    }
    await files.syncDirectory(directory);
  }

  /** Whether a bundle of that name is there. */
  hasBundle(name: string): boolean {
    return this.#has(`bundles/${name}`);
  }

  /** Puts right what a killed writer has left, before anything else. */
  async settle(): Promise<void> {
    const { files, path } = this.#init;
    await settleChange(files, path, NAMES);
  }

  /**
   * Lets the folder hold `state`, whose packs and bundles are there; resolves
   * to the names of the files that changed. What would not change keeps its
   * times.
   */
  async publish(state: NewState): Promise<readonly string[]> {
    const { files, path } = this.#init;
    const { bundles } = state;
    const kept = new Set([
      ...state.packs.flatMap(filesOf),
      ...bundles?.names ?? [],
    ]);
    const old = this.#unneeded(kept);
    const packs = fromBinary(plainPacksText(state.packs));
    const others = [
      ["objects/info/packs", packs],
      ["HEAD", fromBinary(state.head)],
      [BUNDLE_LIST, bundles && fromBinary(bundles.list)],
      ["index.html", state.page],
    ] as const;
    const refs = ["info/refs", fromBinary(state.listing)] as const;
    const written: string[] = [];
    const steps = this.#has("info/refs")
      ? [[...others, refs]]
      : [...others.map((one) => [one]), [refs]];
    for (const step of steps) {
      written.push(...await changeTogether(files, path, new Map(step)));
    }
    this.#tidy(old);
    return written;
  }

  /**
   * Packs and bundles that are not among `kept`. Those that something leads to
   * until now get the time at which it no longer will.
   */
  #unneeded(kept: ReadonlySet<string>): readonly string[] {
    const { files } = this.#init;
    const led = new Set(this.read()?.packs.flatMap(filesOf));
    const list = this.#text(BUNDLE_LIST) ?? "";
    for (const [, name = ""] of list.matchAll(/([0-9a-f]+\.bundle)$/gm)) {
      led.add(name);
    }
    const old: string[] = [];
    for (const [folder, pattern] of Object.entries(HASHED)) {
      for (const name of files.list(this.#at(folder))?.names ?? []) {
        if (!pattern.test(name) || kept.has(name)) continue;
        const path = joinPath(this.#at(folder), name);
        if (led.has(name)) quietly(() => files.touch(path));
        old.push(path);
      }
    }
    return old;
  }

  /** Removes what is old enough, and what killed writers have left. */
  #tidy(unneeded: readonly string[]): void {
    const { files, keepOldMs, now } = this.#init;
    const until = now() - keepOldMs;
    for (const path of unneeded) {
      const time = quietly(() => files.lstat(path))?.mtimeMs ?? until;
      if (keepOldMs === 0 || time < until) quietly(() => files.unlink(path));
    }
    const folders = ["", "info", "objects/info", ...Object.keys(HASHED)];
    for (const folder of folders) {
      const directory = this.#at(folder);
      for (const name of files.list(directory)?.names ?? []) {
        if (!name.startsWith(UNFINISHED)) continue;
        quietly(() => files.unlink(joinPath(directory, name)));
      }
    }
    quietly(() => files.removeDirectory(this.#at("bundles")));
  }

  #text(name: string): string | undefined {
    const bytes = this.#init.files.read(this.#at(name), MAX_FILE_BYTES);
    return bytes && toBinary(bytes);
  }

  #has(name: string): boolean {
    return this.#init.files.stat(this.#at(name)) !== undefined;
  }

  #at(name: string): string {
    return name === "" ? this.#init.path : joinPath(this.#init.path, name);
  }
}

/**
 * Lets no other process write a folder, which is made where it is not there.
 * The lock of one that is dead is removed. Throws a StorageError "busy" where
 * another writes it now.
 */
export function lockFolder(
  files: WritableFiles,
  folder: string,
  owners: Owners,
): Disposable {
  const isNew = files.stat(folder) === undefined;
  ensureFolder(files, folder);
  const journal = new LockJournal({
    files,
    root: folder,
    owners,
    shared: { bits: 0, isExact: false },
  });
  const lock = tryLock(joinPath(folder, "export"), journal);
  if (lock === undefined) {
    throw new StorageError(
      "busy",
      `another export writes to '${folder}' now: if none does, remove ` +
        `'${folder}/export.lock'`,
    );
  }
  return {
    [Symbol.dispose]() {
      lock.release();
      journal.sweep();
      // Nothing came of it.
      if (isNew) quietly(() => files.removeDirectory(folder));
    },
  };
}

/** A pack and its index. */
function filesOf(pack: string): readonly [string, string] {
  return [pack, pack.replace(/pack$/, "idx")];
}

/** Copies a whole file into another one, from `at`. */
async function copyInto(
  files: WritableFiles,
  path: string,
  into: WritableFile,
  at: number,
): Promise<void> {
  const from = files.open(path);
  if (from === undefined) throw new StorageError("ENOENT", `No file ${path}`);
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (let done = 0;;) {
      const count = from.readAt(piece, done);
      if (count === 0) return;
      writeAll(into, piece.subarray(0, count), at + done);
      done += count;
      await turn();
    }
  } finally {
    from.close();
  }
}

/** Writes all of a pack from `at`; resolves to where it ends. */
async function writeAllOf(
  bytes: PackBytes,
  file: WritableFile,
  at = 0,
): Promise<number> {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let size = at;;) {
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
