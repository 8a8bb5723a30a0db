/**
 * The patterns of a sparse-checkout file, which are those of `.gitignore`:
 * which of them a path matches last.
 *
 * dir.c: add_patterns_from_buffer, parse_path_pattern,
 * last_matching_pattern_from_list; never in "cone mode", as in git's filters.
 *
 * @see https://git-scm.com/docs/gitignore#_pattern_format
 * @module
 */

import { RefusedError } from "../../core/errors.ts";
import { Glob } from "./glob.ts";

/** Bytes of a file of patterns. */
export const MAX_PATTERN_BYTES = 1024 * 1024;
/** Patterns in one file. */
export const MAX_PATTERNS = 4096;

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const STAR = 0x2a;

/** A path: the bytes of `buffer` before `length`, its last name at `nameAt`. */
export interface PathView {
  /** The bytes, and perhaps more behind them. */
  readonly buffer: Uint8Array;
  /** How many of them are the path. */
  readonly length: number;
  /** Where its last component starts. */
  readonly nameAt: number;
}

/** What the patterns say of a path; "undecided" leaves it to its directory. */
export type PatternMatch = "in" | "out" | "undecided";

/** A file of patterns. */
export class SparsePatterns {
  readonly #patterns: readonly Pattern[];

  /**
   * Reads the patterns in `file`. Throws RefusedError "too-many-patterns"
   * above the bounds.
   */
  constructor(file: Uint8Array) {
    if (file.length > MAX_PATTERN_BYTES) throw tooMany();
    this.#patterns = readPatterns(file).reverse();
  }

  /** How many there are. */
  get count(): number {
    return this.#patterns.length;
  }

  /** What the last pattern says that matches `path`. */
  match(path: PathView, type: "directory" | "file"): PatternMatch {
    for (const pattern of this.#patterns) {
      if (pattern.matches(path, type)) return pattern.isNegative ? "out" : "in";
    }
    return "undecided";
  }
}

function readPatterns(file: Uint8Array): Pattern[] {
  const patterns: Pattern[] = [];
  let start = file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf ? 3 : 0;
  while (start < file.length) {
    const feed = file.indexOf(0x0a, start);
    const end = feed < 0 ? file.length : feed;
    if (end > start && file[start] !== 0x23) {
      const isReturn = file[end - 1] === 0x0d;
      patterns.push(
        new Pattern(cString(file.subarray(start, isReturn ? end - 1 : end))),
      );
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

/** One pattern, taken apart as git does it. */
class Pattern {
  readonly isNegative: boolean;
  readonly #text: Uint8Array;
  readonly #isForDirectories: boolean;
  /** It has no slash inside: names are looked at, not paths. */
  readonly #isForNames: boolean;
  /** A star, and no other wildcard. */
  readonly #isEnding: boolean;
  /** So many bytes at its start are no wildcards. */
  readonly #prefix: number;
  #glob: Glob | undefined;

  constructor(line: Uint8Array) {
    this.isNegative = line[0] === 0x21;
    const whole = this.isNegative ? line.subarray(1) : line;
    this.#isForDirectories = whole.at(-1) === SLASH;
    let text = this.#isForDirectories ? whole.subarray(0, -1) : whole;
    this.#isForNames = !text.includes(SLASH);
    let prefix = Math.min(text.length, plainLength(whole, 0));
    this.#isEnding = whole[0] === STAR &&
      plainLength(whole, 1) === whole.length - 1;
    if (!this.#isForNames && text[0] === SLASH) {
      text = text.subarray(1);
      prefix--;
    }
    this.#text = text;
    this.#prefix = prefix;
  }

  matches(path: PathView, type: "directory" | "file"): boolean {
    if (this.#isForDirectories && type !== "directory") return false;
    return this.#isForNames ? this.#matchesName(path) : this.#matchesPath(path);
  }

  // dir.c: match_basename
  #matchesName({ buffer, length, nameAt }: PathView): boolean {
    const text = this.#text;
    if (this.#prefix === text.length) {
      return length - nameAt === text.length &&
        hasBytes(buffer, nameAt, text, 0, text.length);
    }
    if (this.#isEnding) {
      const start = length - (text.length - 1);
      return start >= nameAt &&
        hasBytes(buffer, start, text, 1, text.length);
    }
    this.#glob ??= new Glob(text, "name");
    return this.#glob.matches(buffer, nameAt, length);
  }

  // dir.c: match_pathname
  #matchesPath({ buffer, length }: PathView): boolean {
    const text = this.#text;
    const prefix = this.#prefix;
    if (length === 0 || prefix > length) return false;
    if (!hasBytes(buffer, 0, text, 0, prefix)) return false;
    if (prefix > 0 && prefix === text.length && prefix === length) return true;
    this.#glob ??= new Glob(text.subarray(prefix), "path");
    return this.#glob.matches(buffer, prefix, length);
  }
}

/** How many bytes from `start` on are before the first wildcard. */
function plainLength(text: Uint8Array, start: number): number {
  let at = start;
  while (at < text.length && !isWild(text[at] as number)) at++;
  return at - start;
}

function isWild(byte: number): boolean {
  return byte === STAR || byte === 0x3f || byte === 0x5b || byte === BACKSLASH;
}

/** Whether `bytes` has at `at` what `text` has from `from` to before `to`. */
function hasBytes(
  bytes: Uint8Array,
  at: number,
  text: Uint8Array,
  from: number,
  to: number,
): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[at + i - from] !== text[i]) return false;
  }
  return true;
}

function tooMany(): RefusedError {
  return new RefusedError(
    "too-many-patterns",
    "upload-pack: too many sparse patterns",
  );
}
