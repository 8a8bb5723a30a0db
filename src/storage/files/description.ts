/**
 * What a repository's owner says of it: its file `description`, as gitweb
 * reads it.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { toUtf8 } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { joinPath } from "./paths.ts";

/** Longer files describe nothing. */
const MAX_BYTES = 64 * 1024;
/** How git's template begins, which says nothing of the repository. */
const TEMPLATE = "Unnamed repository; edit this file 'description'";

/**
 * The description in a git directory, or `undefined`. A link is none: it could
 * lead to what is not served.
 */
export function readDescription(
  fileSystem: FileSystem,
  directory: string,
): string | undefined {
  const path = joinPath(directory, "description");
  try {
    if (fileSystem.lstat(path)?.kind !== "file") return undefined;
    const bytes = fileSystem.read(path, MAX_BYTES);
    const text = bytes === undefined ? "" : toUtf8(bytes).trim();
    return text === "" || text.startsWith(TEMPLATE) ? undefined : text;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
