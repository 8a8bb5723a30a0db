/**
 * What the refs of the repositories name whose objects a repository borrows.
 * Clients need not send what those reach.
 *
 * object-file.c: for_each_alternate_ref. `core.alternateRefsCommand` is not
 * run.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-corealternateRefsPrefixes
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { ConfigView, RefSnapshot } from "../types.ts";
import { ObjectDirectories } from "./alternates.ts";
import { readPlainConfig } from "./config.ts";
import { readRepositoryFormat } from "./format.ts";
import { joinPath } from "./paths.ts";
import { FileRefStore, type FileRefStoreInit } from "./refs.ts";
import {
  ReftableRefStore,
  type ReftableRefStoreInit,
} from "./reftable/refs.ts";

/** What a {@linkcode BorrowedTips} is made from; `layout` is the borrower's. */
export type BorrowedTipsInit = FileRefStoreInit & ReftableRefStoreInit & {
  /** The borrower's configuration. */
  readonly config: ConfigView;
};

interface Store {
  readNow(): RefSnapshot;
}

/** Looks at the lenders anew whenever it is asked. */
export class BorrowedTips {
  readonly #init: BorrowedTipsInit;
  readonly #directories: ObjectDirectories;
  readonly #stores = new Map<string, Store>();

  /** Reads nothing yet. */
  constructor(init: BorrowedTipsInit) {
    this.#init = init;
    this.#directories = new ObjectDirectories({
      ...init,
      objectsDir: init.layout.objectsDir,
    });
  }

  /** The ids, in git's order; those that several refs name come again. */
  read(): readonly Oid[] {
    const found: Oid[] = [];
    const [, ...borrowed] = this.#directories.read();
    for (const directory of borrowed) {
      if (!directory.endsWith("/objects")) continue;
      const gitDir = directory.slice(0, -"/objects".length);
      try {
        this.#addTips(gitDir, found);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#init.complaints.warn(messageOf(error));
      }
    }
    return found;
  }

  #addTips(gitDir: string, found: Oid[]): void {
    const { fileSystem, config } = this.#init;
    const refs = joinPath(gitDir, "refs");
    if (fileSystem.stat(refs)?.kind !== "directory") return;
    let store = this.#stores.get(gitDir);
    if (store === undefined) {
      store = this.#open(gitDir);
      this.#stores.set(gitDir, store);
    }
    const prefixes = (config.get("core.alternaterefsprefixes") ?? "")
      .split(" ").filter((prefix) => prefix !== "");
    for (const { name, oid } of store.readNow().list("refs/")) {
      const isShown = prefixes.length === 0 ||
        prefixes.some((prefix) => isBelow(name, prefix));
      if (isShown) found.push(oid);
    }
  }

  #open(gitDir: string): Store {
    const { fileSystem, layout } = this.#init;
    const { refStorage } = readRepositoryFormat(
      readPlainConfig(joinPath(gitDir, "config"), fileSystem),
    );
    const objectsDir = joinPath(gitDir, "objects");
    const place = { ...layout, path: gitDir, gitDir, commonDir: gitDir };
    const init = { ...this.#init, layout: { ...place, objectsDir } };
    return refStorage === "reftable"
      ? new ReftableRefStore(init)
      : new FileRefStore(init);
  }
}

/** ref-filter.c: match_name_as_path, without patterns. */
function isBelow(name: string, prefix: string): boolean {
  return name.startsWith(prefix) &&
    (name.length === prefix.length || prefix.endsWith("/") ||
      name[prefix.length] === "/");
}
