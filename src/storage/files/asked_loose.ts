/**
 * Loose objects that are asked for one by one, as git does: for those who look
 * at few of them in a repository that changes all the time, where listing 256
 * directories over and over would cost more than all else.
 *
 * @module
 */

import type { FileSystem } from "../../core/host.ts";
import { StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { LooseStore } from "../ports.ts";
import { FileLooseStore, type FileLooseStoreInit } from "./loose.ts";
import { joinPath } from "./paths.ts";

/** The loose objects of one repository, none of which is listed. */
export class AskedLooseStore implements LooseStore {
  readonly #fileSystem: FileSystem;
  readonly #directories: () => readonly string[];
  readonly #files: FileLooseStore;

  /** Reads nothing yet. */
  constructor(init: FileLooseStoreInit) {
    this.#fileSystem = init.fileSystem;
    this.#directories = init.directories;
    this.#files = new FileLooseStore(init);
  }

  scan(): { readonly stamp: string; readonly oids: readonly Oid[] } {
    return NOTHING_LISTED;
  }

  has(oid: Oid): boolean {
    const name = `${oid.slice(0, 2)}/${oid.slice(2)}`;
    return this.#directories().some((directory) => {
      try {
        const stat = this.#fileSystem.stat(joinPath(directory, name));
        return stat?.kind === "file";
      } catch (error) {
        if (error instanceof StorageError) return false;
        throw error;
      }
    });
  }

  read(oid: Oid): Uint8Array | undefined {
    return this.#files.read(oid);
  }
}

const NOTHING_LISTED = { stamp: "", oids: [] };
