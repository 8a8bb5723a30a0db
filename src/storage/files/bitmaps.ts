/**
 * Where bitmap files lie beside the packs of a repository and of those it
 * borrows from, and when git would not use them.
 *
 * pack-bitmap.c: open_bitmap; builtin/pack-objects.c: cmd_pack_objects (not in
 * a shallow repository, not with `pack.useBitmaps` off). Chains of
 * multi-pack-indexes have no single file and are passed over.
 *
 * @see https://git-scm.com/docs/bitmap-format
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileStat, FileSystem } from "../../core/host.ts";
import type {
  BitmapScan,
  BitmapStore,
  StoredFile,
  StoredMultiPackBitmap,
} from "../ports.ts";
import type { ConfigView } from "../types.ts";
import type { Complaints } from "./complaints.ts";
import { joinPath } from "./paths.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

const PACK_BITMAP = /^(?!tmp_)([A-Za-z0-9][A-Za-z0-9._-]*)\.bitmap$/;
const MULTI = "multi-pack-index";
const MULTI_BITMAP = /^multi-pack-index-[0-9a-f]+\.(bitmap|rev)$/;

/** What a {@linkcode FileBitmapStore} is made from. */
export interface FileBitmapStoreInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The object directories now, the own one first. */
  readonly directories: () => readonly string[];
  /** Where `shallow` is. */
  readonly commonDir: string;
  /** For `pack.useBitmaps` and `core.multiPackIndex`. */
  readonly config: ConfigView;
  /** Where strange files are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
}

interface Listing {
  readonly stamp: Stamp;
  /** The names that matter. */
  readonly names: readonly string[];
}

/** The bitmap files of one repository. */
export class FileBitmapStore implements BitmapStore {
  readonly #init: FileBitmapStoreInit;
  #listings = new Map<string, Listing>();

  /** Reads nothing yet. */
  constructor(init: FileBitmapStoreInit) {
    this.#init = init;
  }

  /** Throws StorageError "bad-config" where a setting is no boolean. */
  scan(): BitmapScan {
    const { config } = this.#init;
    if (!this.#isUsable()) return NONE;
    const useMulti = config.boolean("core.multipackindex") ?? true;
    const listings = new Map<string, Listing>();
    const multiPacks: StoredMultiPackBitmap[] = [];
    const packs = new Map<string, StoredFile>();
    let stamp = "";
    for (const objects of this.#init.directories()) {
      const directory = joinPath(objects, "pack");
      const listing = this.#listingOf(directory);
      if (listing === undefined) continue;
      listings.set(directory, listing);
      for (const name of listing.names) {
        stamp += this.#stampOf(joinPath(directory, name));
        const base = PACK_BITMAP.exec(name)?.[1];
        if (base === undefined || MULTI_BITMAP.test(name)) continue;
        const file = this.#stored(joinPath(directory, name));
        packs.set(joinPath(directory, base), file);
      }
      if (useMulti && hasMultiBitmap(listing.names)) {
        multiPacks.push(this.#multiPack(directory));
      }
    }
    this.#listings = listings;
    // Without a bitmap, what else is there says nothing.
    return multiPacks.length + packs.size === 0
      ? NONE
      : { stamp: `${useMulti}\n${stamp}`, multiPacks, packs };
  }

  #isUsable(): boolean {
    const { commonDir, config } = this.#init;
    return (config.boolean("pack.usebitmaps") ?? true) &&
      // An empty `shallow` makes a repository shallow too.
      this.#stat(joinPath(commonDir, "shallow")) === undefined;
  }

  #listingOf(directory: string): Listing | undefined {
    const { fileSystem, complaints, now } = this.#init;
    const taken = now();
    const stat = this.#stat(directory);
    if (stat === undefined) return undefined;
    const known = this.#listings.get(directory);
    if (known !== undefined && isFresh(known.stamp, stat)) return known;
    try {
      const names = (fileSystem.list(directory)?.names ?? [])
        .filter((name) => name === MULTI || isBitmapFile(name))
        .sort();
      return { stamp: { stat, taken }, names };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return undefined;
    }
  }

  #multiPack(directory: string): StoredMultiPackBitmap {
    const path = joinPath(directory, MULTI);
    return {
      prefix: joinPath(directory, ""),
      index: this.#stored(path),
      bitmap: (checksum) => this.#stored(`${path}-${checksum}.bitmap`),
      reverse: (checksum) => this.#stored(`${path}-${checksum}.rev`),
    };
  }

  #stored(path: string): StoredFile {
    const read = (limit: number) => this.#init.fileSystem.read(path, limit);
    return { name: path, read };
  }

  #stampOf(path: string): string {
    const stat = this.#stat(path);
    return stat === undefined
      ? ""
      : `${path}:${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}\n`;
  }

  #stat(path: string): FileStat | undefined {
    const { fileSystem, complaints } = this.#init;
    try {
      return fileSystem.stat(path);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return undefined;
    }
  }
}

const NONE: BitmapScan = { stamp: "", multiPacks: [], packs: new Map() };

function isBitmapFile(name: string): boolean {
  return MULTI_BITMAP.test(name) || PACK_BITMAP.test(name);
}

function hasMultiBitmap(names: readonly string[]): boolean {
  return names.includes(MULTI) &&
    names.some((name) => MULTI_BITMAP.exec(name)?.[1] === "bitmap");
}
