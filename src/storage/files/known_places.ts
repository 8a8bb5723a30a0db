/**
 * Where repositories were found, and whether that still holds: three stats
 * and two real paths in place of the thirty looks of a whole search.
 *
 * It knows plain repositories alone: bare ones, found under the very path that
 * was asked for, none of whose parts is a symbolic link. Nothing in such a
 * directory can come, go or become a link without the directory's own times
 * telling; what lies above it is told by its real path.
 *
 * @module
 */

import type { FileStat, FileSystem } from "../../core/host.ts";
import { COMMON_PARTS, type ExposureRules, findExposed } from "./exposure.ts";
import type { Layout } from "./layout.ts";
import { joinPath, trimSlashes } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

const PARTS: readonly string[] = [...COMMON_PARTS, "HEAD", "commondir"];

interface Place {
  readonly layout: Layout;
  /** The git directory. */
  readonly top: Stamp;
  /** Its `objects`, two of whose parts are looked at as well. */
  readonly objects: Stamp;
  /** Its HEAD, whose content makes it a repository. */
  readonly head: Stamp;
  /** Real paths: the git directory's, and those of the roots. */
  readonly real: readonly (string | undefined)[];
}

/** What {@linkcode KnownPlaces} is made from. */
export interface KnownPlacesInit {
  /** Which repositories may be seen. */
  readonly exposure: ExposureRules;
  /** The time. */
  readonly now: Now;
  /** So many places are remembered. */
  readonly maxPlaces: number;
}

/** Finds repositories by the paths that clients name. */
export class KnownPlaces {
  readonly #init: KnownPlacesInit;
  /** By the path that was asked for, the least recently used in front. */
  readonly #places = new Map<string, Place>();

  /** Knows nothing yet. */
  constructor(init: KnownPlacesInit) {
    this.#init = init;
  }

  /** As {@linkcode findExposed}, which it calls where it is not sure. */
  find(fileSystem: FileSystem, path: string): Layout {
    const known = this.#places.get(path);
    this.#places.delete(path);
    if (known !== undefined && this.#holds(fileSystem, known)) {
      this.#places.set(path, known);
      return known.layout;
    }
    const { exposure, maxPlaces, now } = this.#init;
    const taken = now();
    const layout = findExposed(fileSystem, path, exposure);
    const place = this.#look(fileSystem, path, layout, taken);
    if (place !== undefined) {
      this.#places.set(path, place);
      const [oldest] = this.#places.keys();
      if (this.#places.size > maxPlaces && oldest !== undefined) {
        this.#places.delete(oldest);
      }
    }
    return layout;
  }

  #holds(fileSystem: FileSystem, place: Place): boolean {
    const { layout, top, objects, head, real } = place;
    return quietly(() => {
      const topNow = fileSystem.stat(layout.gitDir);
      const objectsNow = fileSystem.stat(layout.objectsDir);
      const headNow = fileSystem.lstat(joinPath(layout.gitDir, "HEAD"));
      return topNow !== undefined && isFresh(top, topNow) &&
        objectsNow !== undefined && isFresh(objects, objectsNow) &&
        headNow !== undefined && isFresh(head, headNow) &&
        this.#realPaths(fileSystem, layout).every((path, i) =>
          path === real[i]
        );
    }) === true;
  }

  /**
   * What there is to know of a layout that was found after `taken`;
   * `undefined` where it is not plain, or too young to be sure of.
   */
  #look(
    fileSystem: FileSystem,
    path: string,
    layout: Layout,
    taken: number,
  ): Place | undefined {
    const { gitDir, objectsDir } = layout;
    if (!this.#isPlain(path, layout)) return undefined;
    return quietly(() => {
      const top = rested(fileSystem.stat(gitDir), taken);
      const objects = rested(fileSystem.stat(objectsDir), taken);
      const head = rested(fileSystem.lstat(joinPath(gitDir, "HEAD")), taken);
      const real = this.#realPaths(fileSystem, layout);
      const hasLinks = PARTS.some((part) =>
        fileSystem.lstat(part === "" ? gitDir : joinPath(gitDir, part))
          ?.kind === "symlink"
      );
      return top === undefined || objects === undefined ||
          head === undefined || real[0] === undefined || hasLinks
        ? undefined
        : { layout, top, objects, head, real };
    });
  }

  /** Whether a layout is the directory that `path` spells. */
  #isPlain(path: string, { path: found, gitDir, commonDir }: Layout): boolean {
    const { exposure } = this.#init;
    // With these there is another place, to be looked at first.
    if (exposure.rules === "git" && exposure.basePathRelaxed === true) {
      return false;
    }
    const base = exposure.rules === "friendly"
      ? trimSlashes(exposure.root).replace(/^\/$/, "")
      : exposure.basePath ?? "";
    return found === trimSlashes(base + path) && gitDir === found &&
      commonDir === found;
  }

  #realPaths(
    fileSystem: FileSystem,
    { gitDir }: Layout,
  ): (string | undefined)[] {
    const { exposure } = this.#init;
    const roots = exposure.rules === "friendly"
      ? [exposure.root]
      : [exposure.basePath ?? "/", ...exposure.directories ?? []];
    return [gitDir, ...roots].map((path) => fileSystem.realPath(path));
  }
}

/** A stamp, where nothing has changed for a while before `taken`. */
function rested(stat: FileStat | undefined, taken: number): Stamp | undefined {
  const stamp = stat && { stat, taken };
  return stamp !== undefined && isFresh(stamp, stamp.stat) ? stamp : undefined;
}

/** What cannot be looked at is not known: the search says why. */
