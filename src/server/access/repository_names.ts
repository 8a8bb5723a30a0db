/**
 * The names of repositories as rules know them: one spelling for each.
 *
 * @module
 */

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
 */
export function namesAround(path: string): readonly string[] | undefined {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return undefined;
  const names = new Set([bare(parts).join("/")]);
  parts.forEach((part, i) => {
    if (part.endsWith(".git")) names.add(bare(parts.slice(0, i + 1)).join("/"));
  });
  return [...names];
}

/** Parts without what git adds to find a repository: ".git/.git" at most. */
function bare(parts: readonly string[]): readonly string[] {
  const own = parts.at(-1) === ".git" ? parts.slice(0, -1) : parts;
  const last = own.at(-1) ?? "";
  return last.endsWith(".git") ? [...own.slice(0, -1), last.slice(0, -4)] : own;
}
