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
 * The path below `root` of some repository, for the words at the start: one
 * that suits, if there is such a one; `undefined` where a bounded look finds
 * none at all.
 */
export function findRepository(
  root: string,
  suits: (path: string) => boolean = () => true,
): string | undefined {
  let other: string | undefined;
  for (const found of repositoriesBelow(NODE_FILES, root, BOUNDS)) {
    if (found === undefined) continue;
    if (suits(found.path)) return found.path;
    other ??= found.path;
  }
  return other;
}
