/**
 * The names of repositories as rules know them: one spelling for each.
 *
 * @module
 */

/** Longer paths name nothing on any file system: Linux's PATH_MAX. */
const MAX_PATH_LENGTH = 4096;
/** Deeper than that no repository lies in others. */
const MAX_AROUND = 16;

/**
 * The name of what is at `path`, without slashes around it and doubled ones,
 * `.`, and `.git` at the end: "/a//b.git/" and "a/b/.git" are "a/b". `undefined`
 * where it leads upwards, which no name does.
 */
export function repositoryName(path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return undefined;
  return bare(parts).join("/");
}

/**
 * That name, and those of repositories that it lies in: what is below their
 * git directory, as those of submodules and work trees are, is theirs.
 * `undefined` also where there would be too many of them, or too long ones.
 */
export function namesAround(path: string): readonly string[] | undefined {
  // Clients choose it, and each name is held against each rule.
  if (path.length > MAX_PATH_LENGTH) return undefined;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return undefined;
  const names = new Set([bare(parts).join("/")]);
  for (const [i, part] of parts.entries()) {
    if (!part.endsWith(".git")) continue;
    names.add(bare(parts.slice(0, i + 1)).join("/"));
    if (names.size > MAX_AROUND) return undefined;
  }
  return [...names];
}

/** Parts without what git adds to find a repository: ".git/.git" at most. */
function bare(parts: readonly string[]): readonly string[] {
  const own = parts.at(-1) === ".git" ? parts.slice(0, -1) : parts;
  const last = own.at(-1) ?? "";
  return last.endsWith(".git") ? [...own.slice(0, -1), last.slice(0, -4)] : own;
}
