/**
 * A repository's objects on disk: its packs, its loose objects and the files
 * that help with them, in its object directory and in its alternates.
 *
 * @module
 */

import type { FileSystem } from "../../core/host.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { ObjectStoreOptions, PackTableCache } from "../objects/options.ts";
import { type ObjectSnapshot, ObjectSource } from "../objects/source.ts";
import type { HeldLoose, LooseStore } from "../ports.ts";
import type { ConfigView } from "../types.ts";
import { ObjectDirectories } from "./alternates.ts";
import { AskedLooseStore } from "./asked_loose.ts";
import { FileBitmapStore } from "./bitmaps.ts";
import { FileCommitGraphStore } from "./commit_graphs.ts";
import type { Complaints } from "./complaints.ts";
import { FileLooseStore } from "./loose.ts";
import { FilePackStore } from "./packs.ts";
import { joinPath } from "./paths.ts";
import type { Now } from "./stamp.ts";

/** Loose objects whose sizes are looked up, at most. */
const WEIGHED_LOOSE = 512;
/** Helper files that are looked at, at most. */
const WEIGHED_FILES = 256;

/** What {@linkcode FileObjects} are made from. */
export interface FileObjectsInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The repository's own object directory. */
  readonly objectsDir: string;
  /** An object directory that is looked into before the repository's own. */
  readonly quarantine?: string;
  /** The directory that all its worktrees share. */
  readonly commonDir: string;
  /** The repository's configuration. */
  readonly config: ConfigView;
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** Where strange files are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
  /** How much memory the objects may take. */
  readonly options: ObjectStoreOptions;
  /** Whether loose objects are listed, or asked for one by one. */
  readonly loose?: "listed" | "asked";
  /** Of the same repository: what it knows of packs is taken over. */
  readonly beside?: FileObjects;
}

/** The objects of one repository, over time. */
export class FileObjects {
  readonly #source: ObjectSource;
  readonly #packs: FilePackStore;
  /** Where loose objects are asked for: as they were at the last snapshot. */
  #directories: readonly string[] | undefined;
  readonly #bytes: () => number;

  /** Reads nothing yet. */
  constructor(init: FileObjectsInit) {
    const { fileSystem, format, kernels, complaints } = init;
    const alternates = new ObjectDirectories(init);
    const { quarantine } = init;
    const find = quarantine === undefined
      ? () => alternates.read()
      : () => [quarantine, ...alternates.read()];
    const directories = init.loose === "asked"
      ? () => this.#directories ??= find()
      : find;
    const common = { ...init, directories };
    const { beside } = init;
    const packs = new FilePackStore(common, beside && beside.#packs);
    this.#packs = packs;
    const loose: LooseStore = init.loose === "asked"
      ? new AskedLooseStore(common)
      : new FileLooseStore(common);
    this.#bytes = () =>
      packs.bytes() + (loose.bytes?.(WEIGHED_LOOSE) ?? Infinity) +
      helperBytes(fileSystem, directories());
    this.#source = new ObjectSource(
      {
        packs,
        loose,
        commitGraphs: new FileCommitGraphStore(common),
        bitmaps: new FileBitmapStore(common),
      },
      format,
      kernels,
      { warn: (message) => complaints.warn(message), ...init.options },
    );
  }

  /** The objects now: as {@linkcode ObjectSource.snapshot}. */
  snapshot(held?: HeldLoose): ObjectSnapshot {
    this.#directories = undefined;
    return this.#source.snapshot(held);
  }

  /** As {@linkcode ObjectSource.tables}. */
  get tables(): PackTableCache {
    return this.#source.tables;
  }

  /** Bytes of what they are stored in. Infinity where that is not weighed. */
  bytes(): number {
    return this.#bytes();
  }

  /** Lets go of what is kept between snapshots. Idempotent. */
  close(): void {
    this.#source.close();
  }
}

/** Bytes of all files beside packs and of commit-graphs, packs as well. */
function helperBytes(
  fileSystem: FileSystem,
  directories: readonly string[],
): number {
  let bytes = 0;
  for (const directory of directories) {
    for (const name of ["pack", "info", "info/commit-graphs"]) {
      const path = joinPath(directory, name);
      const names = fileSystem.list(path)?.names ?? [];
      if (names.length > WEIGHED_FILES) return Infinity;
      for (const each of names) {
        if (each.endsWith(".pack")) continue;
        bytes += fileSystem.stat(joinPath(path, each))?.size ?? 0;
      }
    }
  }
  return bytes;
}
