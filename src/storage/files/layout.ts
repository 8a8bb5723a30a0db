/**
 * Where a repository's parts are: the suffix search, gitfiles, common
 * directories and linked worktrees, as git's path.c and setup.c find them. It
 * decides nothing about who may read the repository.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { toUtf8, utf8ToBinary } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileStat, FileSystem } from "../../core/host.ts";
import { absolutePath, joinPath, parentPath, trimSlashes } from "./paths.ts";

/** The directories of one repository, all absolute. */
export interface Layout {
  /**
   * The path by which git checks and names the repository: what was asked for
   * with the suffix that matched, before a gitfile is followed.
   */
  readonly path: string;
  /** The git directory: HEAD, and the refs of a linked worktree. */
  readonly gitDir: string;
  /** Everything that worktrees share; the git directory of most. */
  readonly commonDir: string;
  /** Where the objects are. */
  readonly objectsDir: string;
  /** Whether a gitfile led to the git directory. */
  readonly gitfile: boolean;
}

/** How a path is searched: with git's suffixes, or as it stands. */
export type SearchMode = "suffixes" | "strict";

// path.c: enter_repo, in its order.
const SUFFIXES: readonly string[] = ["/.git", "", ".git/.git", ".git"];

/** PATH_MAX: longer paths are no repositories. */
export const MAX_PATH_BYTES = 4096;

// setup.c: read_gitfile_gently.
const MAX_GITFILE_BYTES = 1 << 20;
const GITFILE_PREFIX = "gitdir: ";

// path.c: validate_headref reads so much of HEAD.
const HEAD_PEEK_BYTES = 255;

/**
 * The repository at an absolute path, as git's `enter_repo` finds it, or
 * `undefined`. Throws StorageError "bad-gitfile" with git's words where a
 * gitfile leads nowhere.
 */
export function findLayout(
  fileSystem: FileSystem,
  path: string,
  mode: SearchMode,
): Layout | undefined {
  const base = mode === "strict" ? path : trimSlashes(path);
  if (utf8ToBinary(base).length >= MAX_PATH_BYTES) return undefined;
  for (const suffix of mode === "strict" ? [""] : SUFFIXES) {
    const candidate = base + suffix;
    const kind = kindOf(fileSystem, candidate);
    if (kind === "file") return followGitfile(fileSystem, candidate);
    if (kind === "directory" && isGitDirectory(fileSystem, candidate)) {
      return layoutOf(fileSystem, candidate, candidate, { gitfile: false });
    }
  }
  return undefined;
}

/** What is at `path`; nothing where that may not be known. */
function kindOf(
  fileSystem: FileSystem,
  path: string,
): FileStat["kind"] | undefined {
  try {
    return fileSystem.stat(path)?.kind;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

/** The layout behind a gitfile. Throws StorageError "bad-gitfile". */
export function followGitfile(fileSystem: FileSystem, path: string): Layout {
  const target = readGitfile(fileSystem, path);
  const gitDir = fileSystem.realPath(target) ?? target;
  return layoutOf(fileSystem, path, gitDir, { gitfile: true });
}

/** The layout of a git directory that was found to be one. */
export function layoutOf(
  fileSystem: FileSystem,
  path: string,
  gitDir: string,
  options: { readonly gitfile: boolean },
): Layout {
  const commonDir = readCommonDir(fileSystem, gitDir);
  return {
    path,
    gitDir,
    commonDir,
    objectsDir: joinPath(commonDir, "objects"),
    gitfile: options.gitfile,
  };
}

/** The directory that a gitfile names. Throws StorageError "bad-gitfile". */
function readGitfile(fileSystem: FileSystem, path: string): string {
  let bytes: Uint8Array | undefined;
  try {
    bytes = fileSystem.read(path, MAX_GITFILE_BYTES);
  } catch (cause) {
    const isLarge = cause instanceof StorageError &&
      cause.code === "file-too-large";
    throw badGitfile(
      isLarge
        ? `too large to be a .git file: '${path}'`
        : `error opening '${path}': ${messageOf(cause)}`,
    );
  }
  const text = toUtf8(bytes ?? new Uint8Array(0));
  if (!text.startsWith(GITFILE_PREFIX)) {
    throw badGitfile(`invalid gitfile format: ${path}`);
  }
  const target = text.slice(GITFILE_PREFIX.length).replace(/[\r\n]+$/, "");
  if (target === "") throw badGitfile(`no path in gitfile: ${path}`);
  const directory = absolutePath(target, parentPath(path));
  if (!isGitDirectory(fileSystem, directory)) {
    throw badGitfile(`not a git repository: ${target}`);
  }
  return directory;
}

function badGitfile(message: string): StorageError {
  return new StorageError("bad-gitfile", message);
}

/** setup.c: get_common_dir. Throws StorageError "bad-commondir". */
function readCommonDir(fileSystem: FileSystem, gitDir: string): string {
  const path = joinPath(gitDir, "commondir");
  if (fileSystem.lstat(path) === undefined) return gitDir;
  const bytes = fileSystem.read(path, MAX_GITFILE_BYTES);
  if (bytes === undefined || bytes.length === 0) {
    throw new StorageError("bad-commondir", `failed to read ${path}`);
  }
  const target = toUtf8(bytes).replace(/[\r\n]+$/, "");
  const directory = absolutePath(target, gitDir);
  return fileSystem.realPath(directory) ?? directory;
}

/**
 * Whether a directory looks like a git directory (setup.c: is_git_directory):
 * a HEAD that is well formed, `objects` and `refs`.
 */
export function isGitDirectory(
  fileSystem: FileSystem,
  directory: string,
): boolean {
  try {
    if (!hasValidHead(fileSystem, joinPath(directory, "HEAD"))) return false;
    const commonDir = readCommonDir(fileSystem, directory);
    return ["objects", "refs"].every((name) =>
      fileSystem.stat(joinPath(commonDir, name))?.kind === "directory"
    );
  } catch (error) {
    // Unreadable, or not a file: git's open or access fails alike.
    if (error instanceof StorageError) return false;
    throw error;
  }
}

/** path.c: validate_headref. */
function hasValidHead(fileSystem: FileSystem, path: string): boolean {
  if (fileSystem.lstat(path)?.kind === "symlink") {
    return fileSystem.readLink(path)?.startsWith("refs/") === true;
  }
  const head = peek(fileSystem, path, HEAD_PEEK_BYTES);
  // The object format is not known here; git tries the shorter one.
  return head !== undefined &&
    (/^ref:[ \t\r\n]*refs\//.test(head) || /^[0-9a-fA-F]{40}/.test(head));
}

function peek(
  fileSystem: FileSystem,
  path: string,
  length: number,
): string | undefined {
  const file = fileSystem.open(path);
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(length);
    return toUtf8(bytes.subarray(0, file.readAt(bytes, 0)));
  } finally {
    file.close();
  }
}

/** The ref that HEAD names directly, a binary string, for `onbranch:`. */
export function headTarget(
  fileSystem: FileSystem,
  layout: Layout,
): string | undefined {
  const path = joinPath(layout.gitDir, "HEAD");
  const link = fileSystem.readLink(path);
  if (link !== undefined) return utf8ToBinary(link);
  const text = peek(fileSystem, path, MAX_PATH_BYTES);
  const match = /^ref:[ \t\r\n]*([^]*?)[ \t\r\n]*$/.exec(text ?? "");
  return match?.[1] === undefined ? undefined : utf8ToBinary(match[1]);
}
