/**
 * Paths that name something else than they seem to. Pure.
 *
 * @module
 */

/**
 * Whether a path is not absolute, or has `//`, `/./` or `/../` in it, or `/.`
 * or `/..` at its end; one slash at the end is no alias (path.c:
 * daemon_avoid_alias). `~user` in front is none, either.
 */
export function isAliased(path: string): boolean {
  if (!path.startsWith("/") && !path.startsWith("~")) return true;
  const parts = path.slice(1).split("/");
  return parts.some((part, i) =>
    part === "" ? i < parts.length - 1 : part === "." || part === ".."
  );
}
