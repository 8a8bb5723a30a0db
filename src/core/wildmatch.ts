/**
 * git's `wildmatch`, for the conditions of `includeIf`, for attributes and for
 * pathspecs: what wildmatch.c of git 2.39 matches, quirks included. That one
 * is exponential in the stars of a pattern; this one remembers where it has
 * been and takes no more than pattern times text. Binary strings.
 *
 * @module
 */

const MATCH = 0;
const NO_MATCH = 1;
const ABORT_ALL = 2;
const ABORT_TO_STARSTAR = 3;

/** How to compare letters. */
export type WildCase = "exact" | "fold";

/**
 * Whether a star stops at slashes (git's WM_PATHNAME, where `**` crosses
 * them) or takes them like any other character.
 */
export type WildSlashes = "apart" | "plain";

/** Counts down with every character that is compared. */
export interface WildBudget {
  /** What is left; below zero when it is used up. Checked by its owner. */
  left: number;
}

/**
 * A pattern with more runs of stars matches nothing: recursion is as deep as
 * there are. A line of attributes cannot hold as many.
 */
export const MAX_STARS = 1024;

/**
 * A match that takes more steps than this fails: no path that a file system
 * takes needs as many, but trees have names of any length.
 */
const MAX_STEPS = 1 << 24;

/** Whether the whole of `text` matches the glob `pattern`. */
export function wildmatch(
  pattern: string,
  text: string,
  letters: WildCase,
  slashes: WildSlashes = "apart",
  budget?: WildBudget,
): boolean {
  const matcher: Matcher = {
    pattern,
    text,
    fold: letters === "fold",
    apart: slashes === "apart",
    calls: 0,
    steps: 0,
    known: undefined,
  };
  const matched = starRuns(pattern) <= MAX_STARS &&
    walk(matcher, 0, 0) === MATCH;
  if (budget !== undefined) budget.left -= matcher.steps + 1;
  return matched;
}

/** How many runs of stars `pattern` has, those in sets included. */
export function starRuns(pattern: string): number {
  let runs = 0;
  for (let at = pattern.indexOf("*"); at >= 0; at = pattern.indexOf("*", at)) {
    runs++;
    while (pattern.charCodeAt(at) === STAR) at++;
  }
  return runs;
}

interface Matcher {
  readonly pattern: string;
  readonly text: string;
  readonly fold: boolean;
  readonly apart: boolean;
  calls: number;
  steps: number;
  /** By place in the pattern: what failed at each place of the text. */
  known: Map<number, Uint8Array> | undefined;
}

/** Calls after which failures are remembered. */
const CALLS_BEFORE_MEMORY = 64;

const SLASH = 0x2f;
const STAR = 0x2a;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const DASH = 0x2d;

/** The character at `at`, 0 behind the end as in C. */
function codeAt(text: string, at: number): number {
  return text.charCodeAt(at) | 0;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

/** wildmatch.c: dowild, with its failures remembered. */
function walk(matcher: Matcher, start: number, from: number): number {
  if (matcher.steps > MAX_STEPS) return ABORT_ALL;
  if (++matcher.calls <= CALLS_BEFORE_MEMORY) {
    return walkNew(matcher, start, from);
  }
  matcher.known ??= new Map();
  let row = matcher.known.get(start);
  if (row === undefined) {
    row = new Uint8Array(matcher.text.length + 1);
    matcher.known.set(start, row);
    matcher.steps += matcher.text.length;
  }
  const before = row[from] as number;
  if (before !== 0) return before;
  const result = walkNew(matcher, start, from);
  row[from] = result; // A match is 0, and ends everything.
  return result;
}

function walkNew(matcher: Matcher, start: number, from: number): number {
  const { pattern, text, fold, apart } = matcher;
  let t = from;
  for (let p = start; p < pattern.length; p++, t++) {
    matcher.steps++;
    let wanted = codeAt(pattern, p);
    let found = codeAt(text, t);
    if (found === 0 && wanted !== STAR) return ABORT_ALL;
    if (fold) {
      found = lower(found);
      wanted = lower(wanted);
    }
    if (wanted === 0x3f) {
      if (apart && found === SLASH) return NO_MATCH;
    } else if (wanted === STAR) {
      const star = walkStar(matcher, start, p, t, found);
      if (typeof star === "number") return star;
      p = star.pattern;
      t = star.text;
    } else if (wanted === OPEN) {
      const end = matchSet(matcher, p, found);
      if (end === undefined) return ABORT_ALL;
      if (end < 0 || (apart && found === SLASH)) return NO_MATCH;
      p = end;
    } else {
      // What follows a backslash keeps its case, as in git.
      if (wanted === BACKSLASH) wanted = codeAt(pattern, ++p);
      if (found !== wanted) return NO_MATCH;
    }
  }
  return t < text.length ? NO_MATCH : MATCH;
}

/** Where the outer loop goes on after one star and a slash. */
interface Resume {
  readonly pattern: number;
  readonly text: number;
}

function walkStar(
  matcher: Matcher,
  start: number,
  star: number,
  from: number,
  first: number,
): number | Resume {
  const { pattern, text, fold, apart } = matcher;
  let p = star + 1;
  let crossesSlashes = !apart;
  if (codeAt(pattern, p) === STAR) {
    while (codeAt(pattern, p) === STAR) p++;
    const next = codeAt(pattern, p);
    const opens = star - 1 < start || codeAt(pattern, star - 1) === SLASH;
    const closes = next === 0 || next === SLASH ||
      (next === BACKSLASH && codeAt(pattern, p + 1) === SLASH);
    if (apart && opens && closes) {
      if (next === SLASH && walk(matcher, p + 1, from) === MATCH) {
        return MATCH;
      }
      crossesSlashes = true;
    }
  }
  let next = codeAt(pattern, p);
  if (next === 0) {
    return !crossesSlashes && text.indexOf("/", from) >= 0 ? NO_MATCH : MATCH;
  }
  if (!crossesSlashes && next === SLASH) {
    const slash = text.indexOf("/", from);
    return slash < 0 ? NO_MATCH : { pattern: p, text: slash };
  }
  const isLiteral = !isGlobSpecial(next);
  if (fold) next = lower(next);
  let t = from;
  for (let found = first; found !== 0; found = codeAt(text, ++t)) {
    if (isLiteral) {
      // What cannot start a match is skipped; not beyond a slash.
      found = codeAt(text, t);
      while (found !== 0 && (crossesSlashes || found !== SLASH)) {
        if (fold) found = lower(found);
        if (found === next) break;
        found = codeAt(text, ++t);
        matcher.steps++;
      }
      if (found !== next) return NO_MATCH;
    }
    const matched = walk(matcher, p, t);
    if (matched !== NO_MATCH) {
      if (!crossesSlashes || matched !== ABORT_TO_STARSTAR) return matched;
    } else if (!crossesSlashes && found === SLASH) {
      return ABORT_TO_STARSTAR;
    }
  }
  return ABORT_ALL;
}

/** Whether a character means more than itself: `*`, `?`, `[`, `\`. */
export function isGlobSpecial(code: number): boolean {
  return code === STAR || code === 0x3f || code === OPEN || code === BACKSLASH;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // deno-lint-ignore no-control-regex
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/**
 * Matches one character against the set that opens at `open`: where the set
 * ends, -1 where it does not match, `undefined` where it is malformed.
 */
function matchSet(
  matcher: Matcher,
  open: number,
  character: number,
): number | undefined {
  const { pattern, fold } = matcher;
  let p = open + 1;
  let code = codeAt(pattern, p);
  const isNegated = code === 0x21 || code === 0x5e;
  if (isNegated) code = codeAt(pattern, ++p);
  let isMatch = false;
  let previous = 0;
  do {
    matcher.steps++;
    if (code === 0) return undefined;
    const after = codeAt(pattern, p + 1);
    if (code === BACKSLASH) {
      code = codeAt(pattern, ++p);
      if (code === 0) return undefined;
      if (code === character) isMatch = true;
    } else if (
      code === DASH && previous !== 0 && after !== 0 && after !== CLOSE
    ) {
      code = codeAt(pattern, ++p);
      if (code === BACKSLASH) {
        code = codeAt(pattern, ++p);
        if (code === 0) return undefined;
      }
      if (isBetween(character, previous, code)) isMatch = true;
      else if (fold && character >= 0x61 && character <= 0x7a) {
        if (isBetween(character - 0x20, previous, code)) isMatch = true;
      }
      code = 0;
    } else if (code === OPEN && after === COLON) {
      const close = pattern.indexOf("]", p + 2);
      if (close < 0) return undefined;
      if (close > p + 2 && codeAt(pattern, close - 1) === COLON) {
        const inClass = isInClass(
          pattern.slice(p + 2, close - 1),
          character,
          fold,
        );
        if (inClass === undefined) return undefined;
        if (inClass) isMatch = true;
        p = close;
        code = 0;
      } else if (character === OPEN) {
        isMatch = true;
      }
    } else if (code === character) {
      isMatch = true;
    }
    previous = code;
    code = codeAt(pattern, ++p);
  } while (code !== CLOSE);
  return isMatch !== isNegated ? p : -1;
}

function isBetween(code: number, first: number, last: number): boolean {
  return code >= first && code <= last;
}

function isInClass(
  name: string,
  character: number,
  fold: boolean,
): boolean | undefined {
  if (!Object.hasOwn(CLASSES, name)) return undefined;
  const text = String.fromCharCode(character);
  return CLASSES[name]?.test(text) === true ||
    (name === "upper" && fold && /[a-z]/.test(text));
}
