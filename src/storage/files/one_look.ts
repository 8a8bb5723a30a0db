/**
 * A file system for one synchronous piece of work, which looks at nothing
 * twice.
 *
 * @module
 */

import type { FileSystem } from "../../core/host.ts";

/** `fileSystem` with stats and real paths that are asked for once. */
export function oneLook(fileSystem: FileSystem): FileSystem {
  return {
    ...fileSystem,
    stat: once((path) => fileSystem.stat(path)),
    lstat: once((path) => fileSystem.lstat(path)),
    realPath: once((path) => fileSystem.realPath(path)),
  };
}

function once<T>(look: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    if (known.has(path)) return known.get(path) as T;
    const found = look(path);
    known.set(path, found);
    return found;
  };
}
