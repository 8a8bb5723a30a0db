/**
 * Which paths a client may name at all, before any file is looked at. Pure.
 *
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { MAX_PATH_BYTES } from "./layout.ts";

/** Why a path is refused, in the words of git-daemon's log where it has any. */
export type PathFault =
  | "aliased"
  | "user-path not allowed"
  | "non-absolute path denied"
  | "control character in path"
  | "path too long";

/**
 * What is wrong with a path that a client sent, or `undefined`. Besides what
 * git-daemon refuses (path.c: daemon_avoid_alias; daemon.c: path_ok), NUL and
 * newline are, which no repository's path has.
 */
export function pathFault(path: string): PathFault | undefined {
  if (path.startsWith("~")) return "user-path not allowed";
  if (!path.startsWith("/")) return "non-absolute path denied";
  if (path.includes("\0") || path.includes("\n")) {
    return "control character in path";
  }
  if (path.length >= MAX_PATH_BYTES) return "path too long";
  if (utf8ToBinary(path).length >= MAX_PATH_BYTES) return "path too long";
  return isAliased(path) ? "aliased" : undefined;
}

/**
 * Whether a path has `//`, `/./` or `/../` in it, or `/.` or `/..` at its
 * end; one slash at the end is no alias.
 */
function isAliased(path: string): boolean {
  const parts = path.split("/");
  return parts.some((part, i) => {
    if (i === 0) return false;
    if (part === "") return i < parts.length - 1;
    return part === "." || part === "..";
  });
}
