/**
 * Which paths a client may name at all, before any file is looked at. Pure.
 *
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { isAliased } from "../../core/path_alias.ts";
import { MAX_PATH_BYTES } from "./layout.ts";

/**
 * What is wrong with a path that a client sent, as a line for the log, in
 * git-daemon's words where it has any, or `undefined`. Besides what
 * git-daemon refuses (path.c: daemon_avoid_alias; daemon.c: path_ok), NUL and
 * newline are, which no repository's path has. `users` says whether `~user`
 * may stand in front.
 */
export function pathFault(
  path: string,
  users: "no-users" | "users" = "no-users",
): string | undefined {
  if (isAliased(path)) return `'${path}': aliased`;
  if (path.startsWith("~") && users === "no-users") {
    return `'${path}': User-path not allowed`;
  }
  if (path.includes("\0") || path.includes("\n")) {
    return `'${path}' does not appear to be a git repository`;
  }
  return isTooLong(path) ? `path too large: ${path}` : undefined;
}

/** Never encodes more than it must: a character is a byte at least. */
function isTooLong(path: string): boolean {
  return path.length >= MAX_PATH_BYTES ||
    utf8ToBinary(path).length >= MAX_PATH_BYTES;
}
