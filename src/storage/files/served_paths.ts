/**
 * By which paths a repository on disk may be meant: rules about who may hold
 * for all of them, so that no link leads around one.
 *
 * @module
 */

import { binaryToUtf8 } from "../../core/bytes.ts";
import type { FileSystem } from "../../core/host.ts";
import type { Repository } from "../types.ts";
import type { ExposureRules } from "./exposure.ts";
import { absolutePath, isInside, joinPath, parentPath } from "./paths.ts";

/** What makes two git directories one repository, where links share it. */
const SHARED_PARTS: readonly string[] = ["refs", "objects", "packed-refs"];

/**
 * The paths of a repository from the directory that is served, with a leading
 * slash; from the root of the file system where it lies elsewhere. They are
 * where its directories really are: its own, that of the repository whose work
 * tree it is, those that its refs and objects are linked from, and its work
 * tree where its configuration names one.
 */
export function servedPaths(
  fileSystem: FileSystem,
  { address, config }: Repository,
  exposure: ExposureRules,
): readonly string[] {
  if (address === undefined) return [];
  const { path, gitDir, commonDir } = address;
  const worktree = config.get("core.worktree");
  const parts = SHARED_PARTS
    .map((part) => fileSystem.realPath(joinPath(commonDir, part)))
    .filter((part) => part !== undefined)
    .map(parentPath);
  const found = [
    ...[path, gitDir, commonDir, ...parts],
    ...(worktree === undefined
      ? []
      : [absolutePath(binaryToUtf8(worktree), gitDir)]),
  ].map((place) => fileSystem.realPath(place))
    .filter((place) => place !== undefined);
  const named = exposure.rules === "friendly"
    ? exposure.root
    : exposure.basePath;
  const root = named === undefined ? undefined : fileSystem.realPath(named);
  const inRoot = (place: string) =>
    root !== undefined && isInside(place, root)
      ? `/${place.slice(root === "/" ? 1 : root.length + 1)}`
      : place;
  return [...new Set(found)].map(inRoot);
}
