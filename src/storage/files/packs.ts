/**
 * The packs in `objects/pack` of a repository and of its alternates.
 *
 * @module
 */

import { fromUtf8, toHex } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileStat, FileSystem, OpenFile } from "../../core/host.ts";
import { SHA1 } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { PackStore, StoredPack } from "../ports.ts";
import type { ConfigView } from "../types.ts";
import type { Complaints } from "./complaints.ts";
import { isInsideAny, joinPath } from "./paths.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

/** Largest pack index that is read: some fifty million objects. */
const MAX_INDEX_BYTES = 2 ** 31 - 1;

/**
 * A pack's index, without what git's tools write on the way: `tmp_idx_...`
 * and `.tmp-123-pack-....idx`.
 */
const INDEX_NAME = /^(?!tmp_)[A-Za-z0-9][A-Za-z0-9._-]*\.idx$/;

/** So long may a stamp be that is not hashed: a first hash takes 0.2 ms. */
const SHORT_STAMP = 1024;

/** What a {@linkcode FilePackStore} is made from. */
export interface FilePackStoreInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The object directories now, the own one first. */
  readonly directories: () => readonly string[];
  /** For `pack.readReverseIndex`; reverse indexes are read unless told. */
  readonly config?: ConfigView;
  /** For the stamp. */
  readonly kernels: Pick<Kernels, "hash">;
  /** Where strange files are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
}

interface Found {
  readonly pack: StoredPack;
  readonly mtimeMs: number;
  readonly bytes: number;
  readonly identity: string;
}

interface Listing {
  readonly stamp: Stamp | undefined;
  readonly packs: readonly Found[];
}

/** The packs of one repository. */
export class FilePackStore implements PackStore {
  readonly #init: FilePackStoreInit;
  #listings = new Map<string, Listing>();
  #last: {
    readonly listings: readonly Listing[];
    readonly result: ReturnType<PackStore["scan"]>;
  } | undefined;

  /** Reads nothing yet; begins with what `known` has seen last. */
  constructor(init: FilePackStoreInit, known?: FilePackStore) {
    this.#init = init;
    if (known !== undefined) this.#listings = known.#listings;
  }

  scan(): { readonly stamp: string; readonly packs: readonly StoredPack[] } {
    const directories = this.#init.directories();
    const listings = new Map<string, Listing>();
    for (const directory of directories) {
      const listing = this.#listingOf(directory, directories);
      if (listing !== undefined) listings.set(directory, listing);
    }
    this.#listings = listings;
    const list = [...listings.values()];
    const last = this.#last;
    if (
      last !== undefined && last.listings.length === list.length &&
      last.listings.every((each, i) => each === list[i])
    ) return last.result;
    const found = list.flatMap((each) => each.packs);
    const result = {
      stamp: this.#stampOf(found),
      packs: found.map((each) => each.pack),
    };
    this.#last = { listings: list, result };
    return result;
  }

  #stampOf(found: readonly Found[]): string {
    const text = found.map((each) => each.identity).join("\n");
    if (text.length <= SHORT_STAMP) return text;
    const hash = this.#init.kernels.hash(SHA1);
    hash.update(fromUtf8(text));
    return toHex(hash.digest());
  }

  bytes(): number {
    const listings = this.#last?.listings ?? [];
    return listings.flatMap(({ packs }) => packs)
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #listingOf(
    objectsDir: string,
    directories: readonly string[],
  ): Listing | undefined {
    const { fileSystem, complaints, now } = this.#init;
    const path = joinPath(objectsDir, "pack");
    const known = this.#listings.get(objectsDir);
    try {
      const taken = now();
      const stat = fileSystem.stat(path);
      if (stat === undefined) return undefined;
      if (known !== undefined && isFresh(known.stamp, stat)) return known;
      const names = fileSystem.list(path)?.names ?? [];
      const packs = this.#packsAmong(path, names, directories);
      return { stamp: { stat, taken }, packs };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return known;
    }
  }

  /** The packs among the names in a directory, the youngest first. */
  #packsAmong(
    directory: string,
    names: readonly string[],
    directories: readonly string[],
  ): Found[] {
    const present = new Set(names);
    const found: Found[] = [];
    for (const name of names) {
      if (!INDEX_NAME.test(name)) continue;
      const base = name.slice(0, -".idx".length);
      if (!present.has(`${base}.pack`)) continue;
      const pack = this.#packAt(joinPath(directory, base), directories);
      if (pack !== undefined) found.push(pack);
    }
    return found.sort((a, b) =>
      b.mtimeMs - a.mtimeMs || (a.identity < b.identity ? -1 : 1)
    );
  }

  #packAt(base: string, directories: readonly string[]): Found | undefined {
    const { fileSystem } = this.#init;
    const packPath = `${base}.pack`;
    const indexPath = `${base}.idx`;
    const stat = this.#regular(packPath, directories);
    if (stat === undefined) return undefined;
    if (this.#regular(indexPath, directories) === undefined) return undefined;
    // `git repack` may write another pack under the name of an old one.
    const identity = `${packPath}:${stat.ino}:${stat.size}`;
    const pack: StoredPack = {
      name: identity,
      index: () => fileSystem.read(indexPath, MAX_INDEX_BYTES),
      openIndex: () => boundedIndex(fileSystem, indexPath),
      open: () => fileSystem.open(packPath),
      reverse: () =>
        this.#init.config?.boolean("pack.readreverseindex") ?? true
          ? fileSystem.read(`${base}.rev`, MAX_INDEX_BYTES)
          : undefined,
      path: base,
    };
    return { pack, mtimeMs: stat.mtimeMs, bytes: stat.size, identity };
  }

  /** A file's stat; links are followed inside the object directories only. */
  #regular(
    path: string,
    directories: readonly string[],
  ): FileStat | undefined {
    const { fileSystem, complaints } = this.#init;
    let stat = fileSystem.lstat(path);
    if (stat?.kind === "symlink") {
      const real = fileSystem.realPath(path);
      if (real === undefined) return undefined;
      const roots = directories.flatMap((each) => [
        fileSystem.realPath(each) ?? each,
        fileSystem.realPath(joinPath(each, "pack")) ?? each,
      ]);
      if (!isInsideAny(real, roots)) {
        complaints.warn("ignoring pack behind a symbolic link", { path });
        return undefined;
      }
      stat = fileSystem.stat(real);
    }
    return stat?.kind === "file" ? stat : undefined;
  }
}

function boundedIndex(
  fileSystem: FileSystem,
  path: string,
): OpenFile | undefined {
  const file = fileSystem.open(path);
  if (file === undefined || file.size <= MAX_INDEX_BYTES) return file;
  file.close();
  throw new StorageError(
    "file-too-large",
    `Cannot read ${path}: larger than ${MAX_INDEX_BYTES} bytes`,
  );
}
