/**
 * Which paths are there, known by listing their directories once: to ask for
 * thousands of files that are not there takes one call each, and an error.
 *
 * What it says is what was so at some moment after it was made. Who holds the
 * locks of the refs in question knows that it still is.
 *
 * @module
 */

import type { WritableFiles } from "../../core/write_files.ts";
import type { PackedRefs } from "./packed_refs.ts";
import type { PackedView } from "./packed_view.ts";
import { baseName, parentPath } from "./paths.ts";

/** Names in directories, and packed refs, at one moment. */
export class ListedNames {
  readonly #files: WritableFiles;
  readonly #view: PackedView;
  readonly #directories = new Map<string, ReadonlySet<string>>();
  #packed: PackedRefs | undefined;

  /** Lists nothing yet. */
  constructor(files: WritableFiles, view: PackedView) {
    this.#files = files;
    this.#view = view;
  }

  /** Whether something is at `path`. */
  has(path: string): boolean {
    const directory = parentPath(path);
    let names = this.#directories.get(directory);
    if (names === undefined) {
      names = new Set(this.#files.list(directory)?.names ?? []);
      this.#directories.set(directory, names);
    }
    return names.has(baseName(path));
  }

  /** The packed refs, read after the loose ones that were asked for before. */
  get packed(): PackedRefs {
    return this.#packed ??= this.#view.now().refs;
  }
}
