/**
 * Directories whose names have changed, to be synced once each before any of
 * the changes is told.
 *
 * @module
 */

import type { WritableFiles } from "../../core/write_files.ts";
import { settleAll } from "./settle_all.ts";
import { isInside, parentPath } from "./paths.ts";
import { hasCode, systemWords } from "./system_words.ts";

const SIDE_BY_SIDE = 16;

/** Directories to be synced. */
export class TouchedDirectories {
  readonly #files: WritableFiles;
  readonly #roots: readonly string[];
  readonly #isWanted: boolean;
  readonly #paths = new Set<string>();

  /** With `isWanted` false nothing is ever synced. */
  constructor(
    files: WritableFiles,
    roots: readonly string[],
    isWanted: boolean,
  ) {
    this.#files = files;
    this.#roots = roots;
    this.#isWanted = isWanted;
  }

  /**
   * Adds a directory. With the name of the ref that lies in it, those above it
   * up to `refs/` too: they may be new.
   */
  add(path: string, ref = ""): void {
    if (!this.#isWanted || this.#paths.has(path)) return;
    this.#paths.add(path);
    const depth = ref.split("/").length - 2;
    let above = path;
    for (let i = 0; i < depth; i++) {
      above = parentPath(above);
      this.#paths.add(above);
    }
  }

  /** Syncs them all; gives what failed. They are forgotten in any case. */
  async sync(): Promise<string | undefined> {
    const paths = [...this.#paths];
    this.#paths.clear();
    const results = await settleAll(
      paths.map((path) => () => this.#sync(path)),
      SIDE_BY_SIDE,
    );
    const failed = results.findIndex(({ status }) => status === "rejected");
    if (failed < 0) return undefined;
    const { reason } = results[failed] as PromiseRejectedResult;
    return `cannot sync '${paths[failed]}': ${systemWords(reason)}`;
  }

  /** One that is gone was removed by a change of the directory above it. */
  async #sync(path: string): Promise<void> {
    let at = path;
    for (;;) {
      try {
        await this.#files.syncDirectory(at);
        return;
      } catch (error) {
        const parent = parentPath(at);
        const isBelow = this.#roots.some((root) => isInside(parent, root));
        if (!hasCode(error, "ENOENT") || !isBelow) throw error;
        at = parent;
      }
    }
  }
}
