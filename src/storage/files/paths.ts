/**
 * Paths as text: joining, parents, containment, git's normalisation. Nothing
 * here touches a file system. Absolute POSIX paths only.
 *
 * @module
 */

/** `directory` and `name` joined by one slash. */
export function joinPath(directory: string, name: string): string {
  return directory.endsWith("/")
    ? `${directory}${name}`
    : `${directory}/${name}`;
}

/** Everything before the last slash; "/" for what is directly below it. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** Everything after the last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `path`, or `path` below `directory` where it is not absolute. */
export function absolutePath(path: string, directory: string): string {
  return path.startsWith("/") ? path : joinPath(directory, path);
}

/** `path` without the slashes at its end; "/" stays. */
export function trimSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path.charCodeAt(end - 1) === 0x2f) end--;
  return path.slice(0, end);
}

/** Whether real path `path` is `root` or below it. */
export function isInside(path: string, root: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** Whether real path `path` is in or below one of `roots`. */
export function isInsideAny(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => isInside(path, root));
}
