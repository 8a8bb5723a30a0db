/**
 * A look around for some repository, for the words at the start.
 *
 * @module
 */

import { NODE_FILES } from "../runtime/files.ts";
import {
  type LookBounds,
  repositoriesBelow,
} from "../storage/files/find_repositories.ts";

const BOUNDS: LookBounds = { depth: 3, entries: 1000 };

/**
 * The path below `root` of some repository, for the words at the start;
 * `undefined` where a bounded look finds none.
 */
export function findRepository(root: string): string | undefined {
  for (const found of repositoriesBelow(NODE_FILES, root, BOUNDS)) {
    if (found !== undefined) return found.path;
  }
  return undefined;
}
