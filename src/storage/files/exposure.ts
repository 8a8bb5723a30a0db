/**
 * Which repositories may be seen: the friendly rules, under which everything
 * below one directory is exported and nothing outside it is, and those of
 * git-daemon.
 *
 * @see https://git-scm.com/docs/git-daemon
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { RefusedError, StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import type { Detour } from "./detour.ts";
import {
  findLayout,
  type Layout,
  MAX_PATH_BYTES,
  type SearchMode,
} from "./layout.ts";
import { isInside, joinPath, trimSlashes } from "./paths.ts";

/** Everything below one directory. */
export interface FriendlyRules {
  /** Which rules these are. */
  readonly rules: "friendly";
  /** The directory; absolute. */
  readonly root: string;
  /** Whether suffixes are tried; they are unless told. */
  readonly mode?: SearchMode;
}

/** git-daemon's options by their names there; paths are absolute. */
export interface GitRules {
  /** Which rules these are. */
  readonly rules: "git";
  /** `--base-path`: put before every path that is asked for. */
  readonly basePath?: string;
  /** `--base-path-relaxed`: try without it as well. */
  readonly basePathRelaxed?: boolean;
  /** `--strict-paths`: no suffixes, and only listed directories. */
  readonly strictPaths?: boolean;
  /** `--interpolated-path`: a template for clients that name a host. */
  readonly interpolatedPath?: string;
  /** `--user-path`: where in a home `~user` leads; "" is the home itself. */
  readonly userPath?: string;
  /** `--export-all`: `git-daemon-export-ok` need not be there. */
  readonly exportAll?: boolean;
  /** The directories that may be served; none is all, but when strict. */
  readonly directories?: readonly string[];
}

/** Which repositories may be seen. */
export type ExposureRules = FriendlyRules | GitRules;

/**
 * The repository that a client means by `path`, which has passed the guard;
 * by git's rules there may be a detour to it. Throws RefusedError
 * "no-such-repository" or "not-exported".
 */
export function findExposed(
  fileSystem: FileSystem,
  path: string,
  rules: ExposureRules,
  detour?: Detour,
): Layout {
  return rules.rules === "friendly"
    ? findFriendly(fileSystem, path, rules)
    : findAsGit(fileSystem, path, rules, detour);
}

/**
 * What clients are told of repositories that are not there, or not theirs.
 * `reason`, for the log alone, is its cause: a line in git-daemon's words.
 */
export function noSuchRepository(path: string, reason?: string): RefusedError {
  const code = "no-such-repository";
  return new RefusedError(
    code,
    `'${path}' does not appear to be a git repository`,
    reason === undefined ? {} : { cause: new RefusedError(code, reason) },
  );
}

/** The refusal of what lies elsewhere than it seems. */
function outside(path: string): RefusedError {
  return noSuchRepository(path, `'${path}': leads out of what is served`);
}

/**
 * The parts whose links must not lead out of the root. Single refs and packs
 * are watched where they are read.
 */
export const COMMON_PARTS: readonly string[] = [
  "",
  "config",
  "info",
  "objects",
  "objects/info",
  "objects/pack",
  "packed-refs",
  "refs",
  "shallow",
];

function findFriendly(
  fileSystem: FileSystem,
  path: string,
  rules: FriendlyRules,
): Layout {
  const root = fileSystem.realPath(rules.root);
  const layout = root === undefined ? undefined : search(
    fileSystem,
    below(rules.root, path),
    rules.mode ?? "suffixes",
    path,
  );
  if (root === undefined || layout === undefined) throw noSuchRepository(path);
  if (leadsOut(fileSystem, layout, [root])) throw outside(path);
  return layout;
}

/** Whether any part of a repository really lies outside all of `roots`. */
function leadsOut(
  fileSystem: FileSystem,
  layout: Layout,
  roots: readonly string[],
): boolean {
  const parts = COMMON_PARTS.map((part) =>
    part === "" ? layout.commonDir : joinPath(layout.commonDir, part)
  );
  parts.push(layout.gitDir, joinPath(layout.gitDir, "HEAD"));
  return parts.some((part) => {
    const real = fileSystem.realPath(part);
    return real !== undefined && !roots.some((root) => isInside(real, root));
  });
}

/** The absolute `path` of a client below `root`. */
function below(root: string, path: string): string {
  const trimmed = trimSlashes(root);
  return trimmed === "/" ? path : trimmed + path;
}

/**
 * daemon.c: path_ok and run_service. Stricter in one thing: what is found
 * below the base path must really lie there, or in a listed directory.
 */
function findAsGit(
  fileSystem: FileSystem,
  path: string,
  rules: GitRules,
  detour: Detour | undefined,
): Layout {
  const mode = rules.strictPaths === true ? "strict" : "suffixes";
  const base = rules.basePath;
  const within = detour?.roots ?? (base === undefined ? [] : [base]);
  let last = detour?.path ?? (base === undefined ? path : base + path);
  if (utf8ToBinary(last).length >= MAX_PATH_BYTES) {
    throw noSuchRepository(path, `base-path too large: ${last}`);
  }
  let layout = detour?.home === undefined
    ? search(fileSystem, last, mode, path)
    : search(
      fileSystem,
      detour.home + last.slice(userOf(last).length),
      mode,
      path,
    );
  if (layout !== undefined) {
    const roots = [...within, ...(rules.directories ?? [])]
      .map((root) => fileSystem.realPath(root))
      .filter((root) => root !== undefined);
    if (within.length > 0 && leadsOut(fileSystem, layout, roots)) {
      throw outside(path);
    }
  } else if (
    base !== undefined && rules.basePathRelaxed === true &&
    // git tries the home of `~user` here, without --user-path. We do not.
    detour?.home === undefined
  ) {
    last = path;
    layout = search(fileSystem, path, mode, path);
  }
  if (layout === undefined) {
    const reason = `'${last}' does not appear to be a git repository`;
    throw noSuchRepository(path, reason);
  }
  const name = nameOf(layout, mode, detour);
  if (!isListed(name, mode, rules)) {
    throw noSuchRepository(path, `'${name}': not in directory list`);
  }
  if (
    rules.exportAll !== true &&
    fileSystem.stat(joinPath(layout.gitDir, "git-daemon-export-ok")) ===
      undefined
  ) {
    throw new RefusedError("not-exported", "repository not exported");
  }
  return layout;
}

/** The part of "~alice/a.git" that a home stands for. */
function userOf(path: string): string {
  const slash = path.indexOf("/");
  return slash < 0 ? path : path.slice(0, slash);
}

/** path.c: enter_repo. What it returns is what the list must name. */
function nameOf(
  layout: Layout,
  mode: SearchMode,
  detour: Detour | undefined,
): string {
  if (mode === "strict" && layout.gitfile) return layout.gitDir;
  return detour?.home === undefined
    ? layout.path
    : userOf(detour.path) + layout.path.slice(detour.home.length);
}

function isListed(path: string, mode: SearchMode, rules: GitRules): boolean {
  const directories = rules.directories ?? [];
  if (directories.length === 0) return mode !== "strict";
  return directories.some((directory) =>
    path === directory ||
    (mode !== "strict" && path.startsWith(directory) &&
      path[directory.length] === "/")
  );
}

/** A gitfile that leads nowhere is no repository to clients. */
function search(
  fileSystem: FileSystem,
  path: string,
  mode: SearchMode,
  asked: string,
): Layout | undefined {
  try {
    return findLayout(fileSystem, path, mode);
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause;
    throw new RefusedError(
      "no-such-repository",
      noSuchRepository(asked).message,
      { cause },
    );
  }
}
