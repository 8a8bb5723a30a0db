/**
 * Where a repository's hooks are: `hooks` of its common directory, or
 * `core.hooksPath` (path.c: adjust_git_path, interpolate_path).
 *
 * @module
 */

import { binaryToUtf8 } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ConfigView, RepositoryAddress } from "../../storage/types.ts";

/**
 * The home directory of a user, of our own for ""; `undefined` where it is not
 * known.
 */
export type HomeOf = (user: string) => Promise<string | undefined>;

/** Where hooks are. */
export interface HookDirectory {
  /** A hook's path as git says it, from the git directory on. */
  nameOf(hook: string): string;
  /** The same, absolute. */
  fileOf(hook: string): string;
}

/**
 * The directory of a repository's hooks. Throws a StorageError "bad-config"
 * for a home that is not known: hooks must not be left out silently.
 */
export async function hookDirectory(
  address: RepositoryAddress,
  config: Pick<ConfigView, "get">,
  homeOf: HomeOf,
): Promise<HookDirectory> {
  const { gitDir, commonDir } = address;
  const configured = config.get("core.hookspath");
  const directory = configured === undefined
    ? (commonDir === gitDir ? "hooks" : `${commonDir}/hooks`)
    : await expandPath(binaryToUtf8(configured), homeOf);
  const nameOf = (hook: string) => `${directory}/${hook}`;
  return {
    nameOf,
    fileOf(hook) {
      const name = nameOf(hook);
      return name.startsWith("/") ? name : `${gitDir}/${name}`;
    },
  };
}

async function expandPath(path: string, homeOf: HomeOf): Promise<string> {
  if (!/^(~|%\(prefix\)\/)/.test(path)) return path;
  const [, user = "", rest = ""] = /^~([^/]*)(.*)$/s.exec(path) ?? [];
  const home = path.startsWith("~") ? await homeOf(user) : undefined;
  if (home === undefined) {
    throw new StorageError(
      "bad-config",
      `failed to expand user dir in: '${path}'`,
    );
  }
  return home + rest;
}
