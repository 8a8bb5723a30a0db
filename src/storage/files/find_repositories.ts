/**
 * A bounded look around for the repositories below a directory, level by
 * level. It decides nothing about who may have them.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { findLayout, isGitDirectory } from "./layout.ts";
import { isInside, joinPath } from "./paths.ts";

/** How far a look goes. */
export interface LookBounds {
  /** Levels below the directory. */
  readonly depth: number;
  /** Files and directories that are looked at. */
  readonly entries: number;
}

/** A repository that was found. */
export interface FoundRepository {
  /** Its path below the directory, without a slash in front; "" is that. */
  readonly path: string;
  /** Whether a link or a gitfile led to it. */
  readonly isLinked: boolean;
}

/**
 * The repositories at and below `root`, each level in the order of names. What
 * is hidden is passed over, what is in a repository is not looked for, and
 * links are followed to a repository that is itself below `root`, no further.
 * Yields `undefined` after every other entry, and returns "more" where a bound
 * was met.
 */
export function* repositoriesBelow(
  fileSystem: FileSystem,
  root: string,
  bounds: LookBounds,
): Generator<FoundRepository | undefined, "all" | "more", void> {
  const realRoot = quietly(() => fileSystem.realPath(root));
  if (realRoot === undefined) return "all";
  let left = bounds.entries;
  let level = [""];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > bounds.depth) return "more";
    const next: string[] = [];
    for (const path of level) {
      if (left-- <= 0) return "more";
      const directory = path === "" ? realRoot : joinPath(realRoot, path);
      const entry = entryAt(fileSystem, directory, realRoot);
      if (entry.kind === "repository" || entry.kind === "linked") {
        yield { path, isLinked: entry.kind === "linked" };
        continue;
      }
      yield undefined;
      const shown = entry.names.filter((name) => !name.startsWith(".")).sort();
      // One more than can be looked at: then the bound is met.
      for (const name of shown.slice(0, Math.max(0, left - next.length + 1))) {
        next.push(path === "" ? name : `${path}/${name}`);
      }
    }
    level = next;
  }
  return "all";
}

interface Entry {
  readonly kind: "repository" | "linked" | "other";
  /** What is in it, where that is to be looked at. */
  readonly names: readonly string[];
}

const OTHER: Entry = { kind: "other", names: [] };

function entryAt(fileSystem: FileSystem, path: string, root: string): Entry {
  const kind = quietly(() => fileSystem.lstat(path))?.kind;
  if (kind === "directory") return directoryAt(fileSystem, path);
  if (kind !== "symlink") return OTHER;
  const target = quietly(() => fileSystem.realPath(path));
  return target !== undefined && isInside(target, root) &&
      directoryAt(fileSystem, target).kind !== "other"
    ? { kind: "linked", names: [] }
    : OTHER;
}

/**
 * As layout.ts finds repositories, without the suffixes that name another
 * directory. Names come first: to ask for what is not there takes long.
 */
function directoryAt(fileSystem: FileSystem, path: string): Entry {
  const names = quietly(() => fileSystem.list(path))?.names ?? [];
  if (names.includes(".git")) {
    const inner = joinPath(path, ".git");
    const kind = quietly(() => fileSystem.stat(inner))?.kind;
    if (kind === "directory" && isGitDirectory(fileSystem, inner)) {
      return { kind: "repository", names };
    }
    if (kind === "file") {
      const layout = quietly(() => findLayout(fileSystem, path, "suffixes"));
      return { kind: layout === undefined ? "other" : "linked", names };
    }
  }
  return names.includes("HEAD") && isGitDirectory(fileSystem, path)
    ? { kind: "repository", names }
    : { kind: "other", names };
}

/** What cannot be read is passed over. */
function quietly<T>(look: () => T | undefined): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
