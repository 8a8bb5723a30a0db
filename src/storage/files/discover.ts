/**
 * The repository that a program is run in, found as git's own commands find
 * theirs: what the environment names, else the directory it runs in and those
 * above it (setup.c: setup_git_directory_gently).
 *
 * @see https://git-scm.com/docs/git#_the_git_repository
 * @module
 */

import { RefusedError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import {
  followGitfile,
  isGitDirectory,
  type Layout,
  layoutOf,
} from "./layout.ts";
import { absolutePath, joinPath, parentPath } from "./paths.ts";

/** From where a repository is looked for. */
export interface DiscoverInit {
  /** The directory that the caller is in, absolute. */
  readonly cwd: string;
  /** A variable of the environment. */
  readonly env: (name: string) => string | undefined;
}

/** A repository that was found. */
export interface Discovered {
  /** Where its parts are. */
  readonly layout: Layout;
  /** What git calls its directory in messages: ".git", "" or a path. */
  readonly named: string;
  /** Whether the caller named it, and so answers for it. */
  readonly isNamed: boolean;
  /** Whether a bare one was found on the way up. */
  readonly isBare: boolean;
}

/**
 * Finds it. Throws a RefusedError "no-such-repository" in git's words, and
 * StorageError "bad-gitfile".
 */
export function discoverLayout(
  fileSystem: FileSystem,
  init: DiscoverInit,
): Discovered {
  const named = init.env("GIT_DIR");
  const found = named === undefined
    ? goUp(fileSystem, init)
    : explicit(fileSystem, init.cwd, named);
  return { ...found, layout: moved(found.layout, init) };
}

/** The parts that the environment puts elsewhere. */
function moved(layout: Layout, { cwd, env }: DiscoverInit): Layout {
  const common = env("GIT_COMMON_DIR");
  const objects = env("GIT_OBJECT_DIRECTORY");
  const commonDir = common === undefined
    ? layout.commonDir
    : absolutePath(common, cwd);
  const objectsDir = objects !== undefined
    ? absolutePath(objects, cwd)
    : common === undefined
    ? layout.objectsDir
    : joinPath(commonDir, "objects");
  return { ...layout, commonDir, objectsDir };
}

function explicit(
  fileSystem: FileSystem,
  cwd: string,
  named: string,
): Discovered {
  const path = absolutePath(named, cwd);
  if (fileSystem.stat(path)?.kind === "file") {
    const layout = followGitfile(fileSystem, path);
    return { layout, named: layout.gitDir, isNamed: true, isBare: false };
  }
  if (named === "" || !isGitDirectory(fileSystem, path)) {
    throw noRepository(`not a git repository: '${named}'`);
  }
  const layout = layoutOf(fileSystem, path, path, { gitfile: false });
  return { layout, named, isNamed: true, isBare: false };
}

function goUp(
  fileSystem: FileSystem,
  { cwd, env }: DiscoverInit,
): Discovered {
  const ceiling = ceilingOf(fileSystem, cwd, env("GIT_CEILING_DIRECTORIES"));
  const isBound = !/^(1|true|yes|on)$/i.test(
    env("GIT_DISCOVERY_ACROSS_FILESYSTEM") ?? "",
  );
  const device = fileSystem.stat(cwd)?.dev;
  for (let directory = cwd;;) {
    const found = lookAt(fileSystem, directory, directory === cwd);
    if (found !== undefined) return found;
    const parent = parentPath(directory);
    const isTop = directory === "/" || parent === ceiling;
    if (isTop) {
      throw noRepository(
        "not a git repository (or any of the parent directories): .git",
      );
    }
    if (isBound && fileSystem.stat(parent)?.dev !== device) {
      throw noRepository(
        `not a git repository (or any parent up to mount point ${parent})\n` +
          "Stopping at filesystem boundary " +
          "(GIT_DISCOVERY_ACROSS_FILESYSTEM not set).",
      );
    }
    directory = parent;
  }
}

/** What is at one directory of the way up. */
function lookAt(
  fileSystem: FileSystem,
  directory: string,
  isFirst: boolean,
): Discovered | undefined {
  const dotGit = joinPath(directory, ".git");
  const kind = fileSystem.stat(dotGit)?.kind;
  if (kind === "file") {
    const { gitDir } = followGitfile(fileSystem, dotGit);
    const layout = layoutOf(fileSystem, directory, gitDir, { gitfile: true });
    return { layout, named: gitDir, isNamed: false, isBare: false };
  }
  if (kind === "directory" && isGitDirectory(fileSystem, dotGit)) {
    const layout = layoutOf(fileSystem, directory, dotGit, { gitfile: false });
    return { layout, named: ".git", isNamed: false, isBare: false };
  }
  if (!isGitDirectory(fileSystem, directory)) return undefined;
  const layout = layoutOf(fileSystem, directory, directory, { gitfile: false });
  const named = isFirst ? "" : directory;
  return { layout, named, isNamed: false, isBare: true };
}

/**
 * The nearest directory above `cwd` that is not looked at, nor those above it
 * (path.c: longest_ancestor_length); behind an empty entry symlinks are not
 * resolved.
 */
function ceilingOf(
  fileSystem: FileSystem,
  cwd: string,
  list: string | undefined,
): string | undefined {
  let longest: string | undefined;
  let resolves = true;
  for (const entry of (list ?? "").split(":")) {
    if (entry === "") {
      resolves = false;
      continue;
    }
    if (!entry.startsWith("/")) continue;
    const real = resolves ? fileSystem.realPath(entry) ?? entry : entry;
    const path = real.replace(/\/+$/, "") || "/";
    const isAbove = cwd !== path &&
      cwd.startsWith(path === "/" ? "/" : `${path}/`);
    if (isAbove && path.length > (longest?.length ?? -1)) longest = path;
  }
  return longest;
}

function noRepository(message: string): RefusedError {
  return new RefusedError("no-such-repository", message);
}
