/**
 * The patterns of a sparse-checkout file, which are those of `.gitignore`:
 * which of them a path matches last.
 *
 * dir.c: add_patterns_from_buffer, last_matching_pattern_from_list; never in
 * "cone mode", as in git's filters.
 *
 * @see https://git-scm.com/docs/gitignore#_pattern_format
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { RefusedError } from "../../core/errors.ts";
import {
  matchesPath,
  parsePathPattern,
  type PathKind,
  type PathPattern,
  type PathView,
} from "../../core/path_pattern.ts";

/** Bytes of a file of patterns. */
export const MAX_PATTERN_BYTES = 1024 * 1024;
/** Patterns in one file. */
export const MAX_PATTERNS = 4096;

const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** A path whose text may first have to be made. */
export interface SizedPath extends PathView {
  /** How long the path is. */
  readonly length: number;
}

/** What the patterns say of a path; "undecided" leaves it to its directory. */
export type PatternMatch = "in" | "out" | "undecided";

/** A pattern and which one of the file it is. */
interface Line {
  readonly pattern: PathPattern;
  readonly number: number;
}

/** The last lines with a text that has no wildcards, or -1. */
interface LastLines {
  /** Of those for whatever is there. */
  any: number;
  /** Of those for directories. */
  directory: number;
}

/** A file of patterns. */
export class SparsePatterns {
  readonly #patterns: readonly PathPattern[];
  /** Those with wildcards, the last one first. */
  readonly #wild: readonly Line[];
  readonly #names = new Map<string, LastLines>();
  readonly #paths = new Map<string, LastLines>();
  /** The length of the longest of the paths. */
  readonly #longest: number = 0;

  /**
   * Reads the patterns in `file`. Throws RefusedError "too-many-patterns"
   * above the bounds.
   */
  constructor(file: Uint8Array) {
    if (file.length > MAX_PATTERN_BYTES) throw tooMany();
    this.#patterns = readPatterns(file);
    const wild: Line[] = [];
    for (const [number, pattern] of this.#patterns.entries()) {
      const { text, rest, isForNames, isForDirectories } = pattern;
      if (rest !== "") {
        wild.push({ pattern, number });
        continue;
      }
      const map = isForNames ? this.#names : this.#paths;
      const lines = map.get(text) ?? { any: -1, directory: -1 };
      lines[isForDirectories ? "directory" : "any"] = number;
      map.set(text, lines);
      if (!isForNames) this.#longest = Math.max(this.#longest, text.length);
    }
    this.#wild = wild.reverse();
  }

  /** How many there are. */
  get count(): number {
    return this.#patterns.length;
  }

  /** What the last pattern says that matches `path`. */
  match(path: SizedPath, kind: PathKind): PatternMatch {
    // The texts of paths are made when they are first asked for.
    let last = this.#names.size > 0
      ? lastLine(this.#names.get(path.name), kind)
      : -1;
    if (path.length > 0 && path.length <= this.#longest) {
      last = Math.max(last, lastLine(this.#paths.get(path.path), kind));
    }
    for (const { pattern, number } of this.#wild) {
      if (number < last) break;
      if (!matchesPath(pattern, path, kind)) continue;
      last = number;
      break;
    }
    if (last < 0) return "undecided";
    return this.#patterns[last]?.isNegative === true ? "out" : "in";
  }
}

function lastLine(lines: LastLines | undefined, kind: PathKind): number {
  if (lines === undefined) return -1;
  return kind === "file" ? lines.any : Math.max(lines.any, lines.directory);
}

function readPatterns(file: Uint8Array): PathPattern[] {
  const patterns: PathPattern[] = [];
  let start = file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf ? 3 : 0;
  while (start < file.length) {
    const feed = file.indexOf(0x0a, start);
    const end = feed < 0 ? file.length : feed;
    if (end > start && file[start] !== 0x23) {
      const isReturn = file[end - 1] === 0x0d;
      const line = cString(file.subarray(start, isReturn ? end - 1 : end));
      patterns.push(parsePathPattern(toBinary(line)));
      if (patterns.length > MAX_PATTERNS) throw tooMany();
    }
    start = end + 1;
  }
  return patterns;
}

/** Up to a NUL, and without spaces at the end that no backslash protects. */
function cString(line: Uint8Array): Uint8Array {
  const nul = line.indexOf(0);
  const text = nul < 0 ? line : line.subarray(0, nul);
  let spacesAt = -1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === SPACE) {
      if (spacesAt < 0) spacesAt = at;
      continue;
    }
    spacesAt = -1;
    if (text[at] === BACKSLASH && ++at === text.length) return text;
  }
  return spacesAt < 0 ? text : text.subarray(0, spacesAt);
}

function tooMany(): RefusedError {
  return new RefusedError(
    "too-many-patterns",
    "upload-pack: too many sparse patterns",
  );
}
