/**
 * The object directories of a repository: its own, and those that its
 * `objects/info/alternates` borrows from, in git's order (object-file.c).
 *
 * Alternates may lie anywhere, as with git: whoever can write the file could
 * copy the objects as well.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { binaryToUtf8, toBinary } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { unquoteC } from "../../core/unquote.ts";
import type { Complaints } from "./complaints.ts";
import { absolutePath, joinPath, trimSlashes } from "./paths.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

// object-file.c: link_alt_odb_entries.
const MAX_DEPTH = 5;

/** Bounds of ours: bytes of one file, and directories in all. */
const MAX_ALTERNATES_BYTES = 1 << 20;
const MAX_DIRECTORIES = 1000;

/** What the object directories are found with. */
export interface ObjectDirectoriesInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The repository's own `objects`. */
  readonly objectsDir: string;
  /** Where absent alternates are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
}

interface Borrowed {
  readonly path: string;
  readonly depth: number;
}

/** Finds the object directories anew whenever it is asked. */
export class ObjectDirectories {
  readonly #init: ObjectDirectoriesInit;
  readonly #files = new Map<string, { stamp: Stamp; entries: string[] }>();

  /** Reads nothing yet. */
  constructor(init: ObjectDirectoriesInit) {
    this.#init = init;
  }

  /** The object directories now: the own one, then those it borrows from. */
  read(): string[] {
    const { fileSystem, objectsDir } = this.#init;
    const found = [objectsDir];
    const first = this.#entries({ path: objectsDir, depth: 0 });
    if (first.length === 0) return found;
    const known = new Set([fileSystem.realPath(objectsDir) ?? objectsDir]);
    const stack = first.reverse();
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const path = this.#usable(next.path);
      if (path === undefined || known.has(path)) continue;
      if (found.length === MAX_DIRECTORIES) break;
      known.add(path);
      found.push(path);
      const inner = this.#entries({ path, depth: next.depth });
      stack.push(...inner.reverse());
    }
    return found;
  }

  /** The alternates that an object directory names, one level deeper. */
  #entries(directory: Borrowed): Borrowed[] {
    const { fileSystem, complaints, now } = this.#init;
    const path = joinPath(directory.path, "info/alternates");
    try {
      const taken = now();
      const stat = fileSystem.stat(path);
      if (stat === undefined) return [];
      let file = this.#files.get(path);
      if (file === undefined || !isFresh(file.stamp, stat)) {
        const bytes = fileSystem.read(path, MAX_ALTERNATES_BYTES);
        if (bytes === undefined) return [];
        file = { stamp: { stat, taken }, entries: parseAlternates(bytes) };
        this.#files.set(path, file);
      }
      if (file.entries.length > 0 && directory.depth > MAX_DEPTH) {
        complaints.warn(
          `${directory.path}: ignoring alternate object stores, ` +
            "nesting too deep",
        );
        return [];
      }
      return file.entries.map((entry) => ({
        path: absolutePath(entry, directory.path),
        depth: directory.depth + 1,
      }));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
      return [];
    }
  }

  /** The real path of an alternate that is a directory. */
  #usable(path: string): string | undefined {
    const { fileSystem, complaints } = this.#init;
    try {
      const real = fileSystem.realPath(path);
      if (real !== undefined && fileSystem.stat(real)?.kind === "directory") {
        return trimSlashes(real);
      }
      complaints.warn(
        `object directory ${path} does not exist; ` +
          "check .git/objects/info/alternates",
      );
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn(messageOf(error));
    }
    return undefined;
  }
}

/**
 * The paths in an `alternates` file: one a line, `#` starts a comment, and a
 * path in double quotes is quoted as in C (object-file.c:
 * parse_alt_odb_entry). Paths that are not UTF-8 are read as such.
 */
export function parseAlternates(bytes: Uint8Array): string[] {
  const nul = bytes.indexOf(0);
  const text = toBinary(bytes, 0, nul < 0 ? bytes.length : nul);
  const entries: string[] = [];
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const quoted = text[at] === '"' ? unquoteC(text, at) : undefined;
    if (quoted !== undefined) {
      if (quoted.text !== "") entries.push(binaryToUtf8(quoted.text));
      at = quoted.end + 1;
      continue;
    }
    const line = text.slice(at, end);
    if (line !== "" && !line.startsWith("#")) entries.push(binaryToUtf8(line));
    at = end + 1;
  }
  return entries;
}
