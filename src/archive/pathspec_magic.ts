/**
 * Pathspecs as `git archive` gets them, from text to values: magic in long and
 * short form, normal paths, the words of what is refused (pathspec.c of git
 * 2.39). Which entries they are for is `pathspec.ts`. Binary strings.
 *
 * @see https://git-scm.com/docs/gitglossary#def_pathspec
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import { literalLength } from "../core/path_pattern.ts";
import { isAttributeName } from "./attribute_lines.ts";
import type { AttributeValue } from "./attributes.ts";

/** What the magic words ask for. */
export type Magic = "top" | "literal" | "glob" | "icase" | "exclude" | "attr";

/** What one attribute must be. */
export interface AttributeWish {
  /** The attribute. */
  readonly name: string;
  /** Its value. */
  readonly value: AttributeValue;
}

/** One pathspec. */
export interface PathspecItem {
  /** The path or pattern, normal: "" for everything. */
  readonly match: string;
  /** How many of its first characters mean themselves. */
  readonly literal: number;
  /** How many of them stand for themselves even under `icase`. */
  readonly prefix: number;
  /** Its magic. */
  readonly magic: ReadonlySet<Magic>;
  /** Whether it is a literal, a star and a literal. */
  readonly isOneStar: boolean;
  /** What attributes must be; empty where it does not care. */
  readonly attributes: readonly AttributeWish[];
}

/** A pattern with more runs of stars is refused: git has no such limit. */
const MAX_STARS = 64;

/** As many attributes may one pathspec ask for: git has no such limit. */
const MAX_WISHES = 64;

const NAMES: readonly Magic[] = [
  "top",
  "literal",
  "glob",
  "icase",
  "exclude",
  "attr",
];

const SHORT: Readonly<Record<string, Magic>> = {
  "/": "top",
  "!": "exclude",
  "^": "exclude",
};

/**
 * Reads one pathspec. `place` is the absolute path of the repository, which
 * git names where a path leads out. Throws RefusedError "pathspec" with the
 * words that git has behind "fatal: ".
 */
export function parsePathspecItem(spec: string, place: string): PathspecItem {
  const head = parseMagic(spec);
  const { magic, attributes } = head;
  if (magic.has("literal") && magic.has("glob")) {
    throw refused(`${spec}: 'literal' and 'glob' are incompatible`);
  }
  const rest = spec.slice(head.end);
  let match: string | undefined = rest;
  if (head.prefix === undefined && !magic.has("top")) {
    match = normalPath(rest);
    if (match === undefined) {
      throw refused(`${spec}: '${rest}' is outside repository at '${place}'`);
    }
  }
  const prefix = Math.max(head.prefix ?? 0, 0);
  if (prefix > match.length) {
    // git stops at an assertion (BUG) here.
    throw refused("error initializing pathspec_item");
  }
  const literal = magic.has("literal")
    ? match.length
    : Math.max(literalLength(match), prefix);
  if (literal < match.length && starRuns(match) > MAX_STARS) {
    throw refused(`${spec}: too many wildcards`);
  }
  const isOneStar = !magic.has("glob") && match[literal] === "*" &&
    literalLength(match, literal + 1) === match.length;
  return { match, literal, prefix, magic, isOneStar, attributes };
}

function starRuns(pattern: string): number {
  return pattern.match(/\*+/g)?.length ?? 0;
}

interface MagicHead {
  readonly magic: Set<Magic>;
  readonly attributes: readonly AttributeWish[];
  /** What `prefix:` says. */
  readonly prefix: number | undefined;
  /** Where the path starts. */
  readonly end: number;
}

function parseMagic(spec: string): MagicHead {
  if (spec.startsWith(":(")) return parseLongMagic(spec);
  const magic = new Set<Magic>();
  let end = 0;
  if (spec.startsWith(":")) {
    for (end = 1; end < spec.length && spec[end] !== ":"; end++) {
      const mark = spec[end] as string;
      if (!isMagicMark(mark)) break;
      const name = Object.hasOwn(SHORT, mark) ? SHORT[mark] : undefined;
      if (name === undefined) {
        throw refused(`Unimplemented pathspec magic '${mark}' in '${spec}'`);
      }
      magic.add(name);
    }
    if (spec[end] === ":") end++;
  }
  return { magic, attributes: [], prefix: undefined, end };
}

/** ctype.c: GIT_PATHSPEC_MAGIC, and `^`. */
function isMagicMark(mark: string): boolean {
  return /[!"#%&',\-/:;<=>@_`~^]/.test(mark);
}

function parseLongMagic(spec: string): MagicHead {
  const magic = new Set<Magic>();
  let attributes: readonly AttributeWish[] = [];
  let prefix: number | undefined;
  let at = 2;
  while (at < spec.length && spec[at] !== ")") {
    const start = at;
    const end = wordEnd(spec, at);
    at = spec[end] === "," ? end + 1 : end;
    const word = spec.slice(start, end);
    if (word === "") continue;
    if (word.startsWith("prefix:")) {
      const number = /^[ \t\n\v\f\r]*[-+]?\d+$/.test(word.slice(7))
        ? Number(word.slice(7))
        : word.length === 7
        ? 0
        : undefined;
      if (number === undefined) {
        throw refused("invalid parameter for pathspec magic 'prefix'");
      }
      // C: as a long, the largest where it is too large, and then as an int.
      const int = number >= 2 ** 63
        ? -1
        : number <= -(2 ** 63)
        ? 0
        : number | 0;
      prefix = int < 0 ? undefined : int;
      continue;
    }
    if (word.startsWith("attr:")) {
      if (magic.has("attr")) {
        throw refused("Only one 'attr:' specification is allowed.");
      }
      attributes = parseWishes(word.slice(5));
      magic.add("attr");
      continue;
    }
    const name = NAMES.find((each) => each === word);
    if (name === undefined) {
      throw refused(`Invalid pathspec magic '${word}' in '${spec}'`);
    }
    magic.add(name);
  }
  if (spec[at] !== ")") {
    throw refused(`Missing ')' at the end of pathspec magic in '${spec}'`);
  }
  return { magic, attributes, prefix, end: at + 1 };
}

/** Where a word of long magic ends: at a comma or bracket not escaped. */
function wordEnd(spec: string, start: number): number {
  let at = start;
  while (at < spec.length && spec[at] !== "," && spec[at] !== ")") {
    at += spec[at] === "\\" && at + 1 < spec.length ? 2 : 1;
  }
  return at;
}

function parseWishes(body: string): AttributeWish[] {
  if (body === "") throw refused("attr spec must not be empty");
  const words = body.split(" ").filter((word) => word !== "");
  if (words.length > MAX_WISHES) throw refused("too many attributes");
  return words.map(parseWish);
}

function parseWish(word: string): AttributeWish {
  const sign = word[0];
  let name = word;
  let value: AttributeValue = true;
  if (sign === "!" || sign === "-") {
    name = word.slice(1);
    value = sign === "-" ? false : undefined;
  } else if (word.includes("=")) {
    name = word.slice(0, word.indexOf("="));
    value = unescapeValue(word.slice(name.length + 1));
  }
  if (!isAttributeName(name)) throw refused(`invalid attribute name ${name}`);
  return { name, value };
}

function unescapeValue(text: string): string {
  let value = "";
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\" && ++at === text.length) {
      throw refused(
        "Escape character '\\' not allowed as last character in attr value",
      );
    }
    const character = text[at] as string;
    if (!/[A-Za-z0-9,\-_]/.test(character)) {
      throw refused(`cannot use '${character}' for value matching`);
    }
    value += character;
  }
  return value;
}

/**
 * The path without `.`, `..` and doubled slashes (path.c: normalize_path_copy);
 * undefined where it leads out of the root. One that starts with a slash does:
 * a repository that is served has no work tree.
 */
function normalPath(path: string): string | undefined {
  if (path.startsWith("/")) return undefined;
  const parts: string[] = [];
  const words = path.split("/");
  for (const [index, word] of words.entries()) {
    const isLast = index === words.length - 1;
    if (word === "" || word === ".") {
      continue;
    } else if (word === "..") {
      if (parts.pop() === undefined) return undefined;
    } else {
      parts.push(isLast ? word : `${word}/`);
    }
  }
  return parts.join("");
}

function refused(message: string): RefusedError {
  return new RefusedError("pathspec", message);
}
