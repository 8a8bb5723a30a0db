/**
 * Names that no tree of an archive may have: whoever unpacks it would write
 * outside the directory, or into a repository.
 *
 * @module
 */

import { MODE_SYMLINK, MODE_TYPE } from "../object/tree.ts";

/**
 * Whether a tree's entry may be called so: read-cache.c, verify_path, with
 * `core.protectNTFS`, as git has it everywhere.
 */
export function isSafeName(name: string, mode: number): boolean {
  const isLink = (mode & MODE_TYPE) === MODE_SYMLINK;
  return name.split("/").every((part) =>
    part !== "" && part !== "." && part !== ".." &&
    part.split("\\").every((piece) =>
      !isDotGit(piece) && !(isLink && isDotGitModules(piece))
    )
  );
}

/** path.c: is_ntfs_dotgit. Blanks and dots at its end, and streams, count. */
function isDotGit(part: string): boolean {
  return /^(?:\.git|git~1)[ .]*(?::.*)?$/is.test(part);
}

/** path.c: is_ntfs_dotgitmodules, its short names included. */
function isDotGitModules(part: string): boolean {
  return /^(?:\.gitmodules|gitmod~[1-4]|gi7eba~\d)[ .]*(?::.*)?$/is.test(part);
}
