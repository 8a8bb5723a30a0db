/**
 * Patterns as `.gitignore`, `.gitattributes` and sparse filters have them: dir.c of git 2.39,
 * which splits a pattern once (parse_path_pattern) and then compares base
 * names or whole paths (match_basename, match_pathname). Binary strings.
 *
 * @see https://git-scm.com/docs/gitignore
 * @module
 */

import { foldAscii } from "./bytes.ts";
import {
  isGlobSpecial,
  type WildBudget,
  type WildCase,
  wildmatch,
} from "./wildmatch.ts";

/** A pattern, taken apart. */
export interface PathPattern {
  /** Without `!`, trailing `/`, and leading `/`. */
  readonly text: string;
  /** Whether it opened with `!`. */
  readonly isNegative: boolean;
  /** Whether it is for directories alone. */
  readonly isForDirectories: boolean;
  /** Whether it has no slash inside, and is for the last part of paths. */
  readonly isForNames: boolean;
  /** Its first characters that mean themselves. */
  readonly prefix: string;
  /** The rest, a pattern of its own. */
  readonly rest: string;
  /** What follows where it is a star and a literal, which needs no search. */
  readonly suffix: string | undefined;
}

/** Takes a pattern apart. */
export function parsePathPattern(pattern: string): PathPattern {
  const isNegative = pattern.startsWith("!");
  const whole = isNegative ? pattern.slice(1) : pattern;
  const isForDirectories = whole.endsWith("/");
  const bare = isForDirectories ? whole.slice(0, -1) : whole;
  const isForNames = !bare.includes("/");
  const text = !isForNames && bare.startsWith("/") ? bare.slice(1) : bare;
  const literal = literalLength(text);
  const isSuffix = text.startsWith("*") &&
    literalLength(text, 1) === text.length;
  return {
    text,
    isNegative,
    isForDirectories,
    isForNames,
    prefix: text.slice(0, literal),
    rest: text.slice(literal),
    suffix: isSuffix ? text.slice(1) : undefined,
  };
}

/** Where the first character of a glob from `start` on stands, or the end. */
export function literalLength(text: string, start = 0): number {
  let at = start;
  while (at < text.length && !isGlobSpecial(text.charCodeAt(at))) at++;
  return at;
}

/** A path as patterns are held against it. */
export interface PathView {
  /** From the root, without a trailing slash. */
  readonly path: string;
  /** Its last part. */
  readonly name: string;
}

/** What is at a path; a repository inside is a directory. */
export type PathKind = "file" | "directory";

/** Where a pattern stands, and how it is read. */
export interface PatternPlace {
  /** The directory: "" or without a trailing slash. */
  readonly base: string;
  /** Whether case matters. */
  readonly letters: WildCase;
  /** What matching is paid from. */
  readonly budget?: WildBudget;
}

const ROOT: PatternPlace = { base: "", letters: "exact" };

/** Whether `pattern` is for the path; it stands in the root unless told. */
export function matchesPath(
  pattern: PathPattern,
  view: PathView,
  kind: PathKind,
  { base, letters, budget }: PatternPlace = ROOT,
): boolean {
  if (pattern.isForDirectories && kind === "file") return false;
  if (pattern.isForNames) {
    return matchesName(pattern, view.name, letters, budget);
  }
  const { path } = view;
  if (path === "") return false;
  let from = 0;
  if (base !== "") {
    if (path.length <= base.length || path[base.length] !== "/") return false;
    if (!startsAt(path, base, 0, letters)) return false;
    from = base.length + 1;
  }
  const { prefix, rest } = pattern;
  if (prefix !== "") {
    if (!startsAt(path, prefix, from, letters)) return false;
    from += prefix.length;
    if (rest === "" && from === path.length) return true;
  }
  // What follows the literal is a pattern of its own: "a**/b" opens with "**".
  return wildmatch(rest, path.slice(from), letters, "apart", budget);
}

function matchesName(
  { text, rest, suffix }: PathPattern,
  name: string,
  letters: WildCase,
  budget: WildBudget | undefined,
): boolean {
  if (rest === "") {
    if (letters === "exact") return name === text;
    return name.length === text.length && startsAt(name, text, 0, letters);
  }
  if (suffix !== undefined) {
    const from = name.length - suffix.length;
    return from >= 0 && startsAt(name, suffix, from, letters);
  }
  return wildmatch(text, name, letters, "plain", budget);
}

function startsAt(
  text: string,
  part: string,
  at: number,
  letters: WildCase,
): boolean {
  if (letters === "exact") return text.startsWith(part, at);
  return foldAscii(text.slice(at, at + part.length)) === foldAscii(part);
}
