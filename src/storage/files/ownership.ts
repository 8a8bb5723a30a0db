/**
 * git's distrust of repositories that belong to other users (setup.c:
 * ensure_valid_ownership), and the exceptions of `safe.directory`.
 *
 * git-daemon 2.39 checks twice: the path that was asked for, and then, in
 * upload-pack, ".", which a configured path can never equal, so that there
 * only "*" and "." help. That was mended in later versions, which are followed
 * here: an entry names the path or its real path, or with "/*" what is below.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
 * @module
 */

import { binaryToUtf8 } from "../../core/bytes.ts";
import { RefusedError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { type ConfigPair, expandHome } from "./config.ts";
import type { Layout } from "./layout.ts";
import { isInside, trimSlashes } from "./paths.ts";

/** Whose repositories are trusted. */
export interface TrustedOwners {
  /** The user this process runs as; -1 trusts everyone. */
  readonly uid: number;
  /** For root: the user who called sudo, trusted too. */
  readonly sudoUid?: number;
}

/** What decides about foreign repositories. */
export interface OwnershipRules {
  /** Whose repositories need no exception. */
  readonly owners: TrustedOwners;
  /** Pairs of the protected configuration, in order; for foreign owners. */
  readonly protectedConfig: () => readonly ConfigPair[];
  /** What "~/" means there. */
  readonly home?: string;
}

/**
 * Throws RefusedError "access-denied", in git's words, where a repository is
 * another user's and no `safe.directory` names it.
 */
export function checkOwnership(
  fileSystem: FileSystem,
  layout: Layout,
  rules: OwnershipRules,
): void {
  if (rules.owners.uid < 0) return;
  // A symbolic link counts with its own owner, and what it leads to as well.
  const uids = [
    fileSystem.lstat(layout.path)?.uid,
    fileSystem.stat(layout.gitDir)?.uid,
  ];
  const isOwned = uids.every((uid) =>
    uid !== undefined && isTrusted(uid, rules.owners)
  );
  if (isOwned || isSafe(fileSystem, layout.path, rules)) return;
  const path = layout.gitfile ? layout.gitDir : layout.path;
  throw new RefusedError(
    "access-denied",
    `detected dubious ownership in repository at '${path}'\n` +
      "To add an exception for this directory, call:\n\n" +
      `\tgit config --global --add safe.directory ${quote(path)}`,
  );
}

/** git-compat-util.h: is_path_owned_by_current_uid. */
function isTrusted(uid: number, owners: TrustedOwners): boolean {
  if (uid === owners.uid) return true;
  return owners.uid === 0 && uid === owners.sudoUid;
}

/** setup.c: safe_directory_cb, later entries deciding. */
function isSafe(
  fileSystem: FileSystem,
  path: string,
  rules: OwnershipRules,
): boolean {
  const paths = [path, fileSystem.realPath(path) ?? path];
  let safe = false;
  for (const [key, value] of rules.protectedConfig()) {
    if (key !== "safe.directory") continue;
    if (value === undefined || value === "") {
      safe = false;
    } else if (value === "*") {
      safe = true;
    } else {
      const text = binaryToUtf8(value);
      const entry = expandHome(text, rules.home) ?? text;
      if (paths.some((each) => isNamedBy(each, entry))) safe = true;
    }
  }
  return safe;
}

function isNamedBy(path: string, entry: string): boolean {
  if (entry.endsWith("/*")) {
    const root = entry.slice(0, -1);
    return root.startsWith("/") && path.length > root.length &&
      isInside(path, trimSlashes(root));
  }
  return path === entry;
}

/** quote.c: sq_quote_buf_pretty. */
function quote(path: string): string {
  return /^[A-Za-z0-9+,\-./:=@_^]+$/.test(path)
    ? path
    : `'${path.replace(/['!]/g, (special) => `'\\${special}'`)}'`;
}
