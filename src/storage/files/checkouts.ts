/**
 * Which branches the work trees of a repository have checked out, or will come
 * back to when a rebase or a bisection is over.
 *
 * worktree.c: get_worktrees, find_shared_symref.
 *
 * @see https://git-scm.com/docs/git-worktree
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import type { RefName } from "../../core/ref_name.ts";
import { joinPath } from "./paths.ts";

/** Longer files are none of git's. */
const MAX_FILE_BYTES = 64 * 1024;

/** Where checkouts are looked for. */
export interface CheckoutsInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** What all work trees share. */
  readonly commonDir: string;
  /** Whether the main work tree is none: `core.bare`, unless it is false. */
  readonly isBare: boolean;
  /** The ref that HEAD of a git directory names in the end. */
  headTarget(gitDir: string): RefName | undefined;
}

/** The branches, each once. */
export function checkedOutBranches(init: CheckoutsInit): readonly RefName[] {
  const { fileSystem, commonDir, isBare } = init;
  const found = new Set<RefName>();
  if (!isBare) addBranches(init, commonDir, found);
  const worktrees = joinPath(commonDir, "worktrees");
  for (const id of fileSystem.list(worktrees)?.names ?? []) {
    const gitDir = joinPath(worktrees, id);
    // That it names a place is enough, as with git: not which, or whether.
    const place = readBytes(fileSystem, joinPath(gitDir, "gitdir"));
    if (place !== undefined && place.length > 0) {
      addBranches(init, gitDir, found);
    }
  }
  return [...found];
}

function addBranches(
  { fileSystem, headTarget }: CheckoutsInit,
  gitDir: string,
  found: Set<RefName>,
): void {
  const target = headTarget(gitDir);
  if (target !== undefined) return void found.add(target);
  const rebased = rebasedBranch(fileSystem, gitDir);
  if (rebased !== undefined) found.add(rebased);
  // worktree.c: is_worktree_being_bisected.
  const bisected = readText(fileSystem, joinPath(gitDir, "BISECT_START"));
  if (bisected !== undefined) {
    const name = bisected.replace(/^refs\/heads\//, "");
    found.add(`refs/heads/${name}` as RefName);
  }
}

/** wt-status.c: wt_status_check_rebase. */
function rebasedBranch(
  fileSystem: FileSystem,
  gitDir: string,
): RefName | undefined {
  const applies = joinPath(gitDir, "rebase-apply");
  const hasApply = fileSystem.stat(applies) !== undefined;
  if (hasApply && fileSystem.stat(joinPath(applies, "applying"))) {
    return undefined;
  }
  const directory = hasApply ? applies : joinPath(gitDir, "rebase-merge");
  const name = readText(fileSystem, joinPath(directory, "head-name"));
  return name?.startsWith("refs/heads/") === true ? name as RefName : undefined;
}

function readText(fileSystem: FileSystem, path: string): string | undefined {
  const bytes = readBytes(fileSystem, path);
  return bytes && toBinary(bytes).trimEnd();
}

function readBytes(
  fileSystem: FileSystem,
  path: string,
): Uint8Array | undefined {
  try {
    return fileSystem.read(path, MAX_FILE_BYTES);
  } catch (error) {
    // What cannot be read is no work tree of ours.
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
