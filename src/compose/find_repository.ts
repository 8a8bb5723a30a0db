/**
 * A look around for some repository, for the words at the start.
 *
 * @module
 */

import { NODE_FILES } from "../runtime/files.ts";

/** Directories that are looked at for an example at the start, at most. */
const SCAN_ENTRIES = 1000;
const SCAN_DEPTH = 3;

/**
 * The path below `root` of some repository, for the words at the start;
 * `undefined` where a bounded look finds none.
 */
export function findRepository(root: string): string | undefined {
  let left = SCAN_ENTRIES;
  let level = [""];
  for (let depth = 0; depth <= SCAN_DEPTH; depth++) {
    const next: string[] = [];
    for (const path of level) {
      if (left-- <= 0) return undefined;
      if (isRepository(`${root}/${path}`)) return path;
      const names = NODE_FILES.list(`${root}/${path}`)?.names ?? [];
      for (const name of [...names].sort().slice(0, left)) {
        if (name.startsWith(".")) continue;
        next.push(path === "" ? name : `${path}/${name}`);
      }
    }
    level = next;
  }
  return undefined;
}

function isRepository(path: string): boolean {
  return ["", "/.git"].some((suffix) =>
    NODE_FILES.stat(`${path}${suffix}/HEAD`)?.kind === "file" &&
    NODE_FILES.stat(`${path}${suffix}/objects`)?.kind === "directory"
  );
}
