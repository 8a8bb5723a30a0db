/**
 * git's `wildmatch`, the one way in which globs are matched: for conditions of
 * `includeIf`, attributes, sparse patterns, pathspecs, and names of tags. What
 * wildmatch.c of git 2.39 matches, quirks included; but that one may go back to
 * any star, and this one to the last star and the last `**` alone, since what
 * those before could take besides leads to nothing new. So it needs no
 * recursion, and at most pattern times text. Binary strings.
 *
 * @module
 */

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
  const apart = slashes === "apart";
  const glob = { pattern, fold: letters === "fold", apart, steps: 1 };
  // What follows the last star in the pattern, and where in the text ends what
  // that star takes; and the same of the last `**` that crosses slashes.
  let afterStar = -1;
  let starEnd = 0;
  let afterCross = -1;
  let crossEnd = 0;
  let matched = false;
  let p = 0;
  let t = 0;
  for (; glob.steps <= MAX_STEPS; glob.steps++) {
    if (p === pattern.length) {
      matched = t === text.length;
      if (matched) break;
    } else if (pattern.charCodeAt(p) === STAR) {
      const after = skipStars(pattern, p);
      glob.steps += after - p;
      const slash = apart ? crossing(pattern, p, after) : NEVER;
      if (slash > 0) {
        // "**/" may be nothing, "**\/" has a slash.
        if (slash > 1) t = text.indexOf("/", t) + 1;
        if (slash > 1 && t === 0) break;
        p = afterCross = after + slash;
        crossEnd = t;
        afterStar = -1;
        continue;
      }
      if (after === pattern.length) {
        matched = !apart || slash === 0 || text.indexOf("/", t) < 0;
        if (matched) break;
        afterStar = -1;
      } else {
        p = afterStar = after;
        starEnd = t;
        continue;
      }
    } else {
      // Stars take as little as they can: another try would end here, too.
      if (t === text.length) break;
      const found = text.charCodeAt(t);
      const next = matchOne(glob, p, found);
      if (next === NEVER) break;
      if (next !== OTHER) {
        // A star before this slash has ended at it, or not at all.
        if (apart && found === SLASH) afterStar = -1;
        p = next;
        t++;
        continue;
      }
    }
    if (
      afterStar >= 0 && starEnd < text.length &&
      !(apart && text.charCodeAt(starEnd) === SLASH)
    ) {
      p = afterStar;
      t = ++starEnd;
    } else if (afterCross >= 0) {
      crossEnd = text.indexOf("/", crossEnd) + 1;
      if (crossEnd === 0) break;
      p = afterCross;
      t = crossEnd;
      afterStar = -1;
    } else {
      break;
    }
  }
  if (budget !== undefined) budget.left -= glob.steps;
  return matched;
}

const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const DASH = 0x2d;

/** The character is not what the pattern has. */
const OTHER = 0;
/** No character is: the pattern is malformed. Or there is no slash. */
const NEVER = -1;

interface Glob {
  readonly pattern: string;
  readonly fold: boolean;
  readonly apart: boolean;
  steps: number;
}

/** The character at `at`, 0 behind the end as in C. */
function codeAt(text: string, at: number): number {
  return text.charCodeAt(at) | 0;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

function skipStars(pattern: string, star: number): number {
  let at = star + 1;
  while (pattern.charCodeAt(at) === STAR) at++;
  return at;
}

/**
 * Whether stars cross slashes, being two or more and all of a path's part: how
 * long the slash behind them is, 0 at the end of the pattern, else NEVER.
 */
function crossing(pattern: string, star: number, after: number): number {
  if (after - star < 2) return NEVER;
  if (star > 0 && pattern.charCodeAt(star - 1) !== SLASH) return NEVER;
  if (after === pattern.length) return 0;
  const code = pattern.charCodeAt(after);
  if (code === SLASH) return 1;
  const isEscaped = code === BACKSLASH &&
    pattern.charCodeAt(after + 1) === SLASH;
  return isEscaped ? 2 : NEVER;
}

/** What follows in the pattern where what is at `p` matches a character. */
function matchOne(glob: Glob, p: number, character: number): number {
  const { pattern, fold, apart } = glob;
  const found = fold ? lower(character) : character;
  const wanted = pattern.charCodeAt(p);
  if (wanted === QUESTION) return apart && found === SLASH ? OTHER : p + 1;
  if (wanted === OPEN) {
    const end = matchSet(glob, p, found);
    if (end === undefined) return NEVER;
    return end < 0 || (apart && found === SLASH) ? OTHER : end + 1;
  }
  if (wanted === BACKSLASH) {
    // What follows a backslash keeps its case, as in git.
    return pattern.charCodeAt(p + 1) === found ? p + 2 : OTHER;
  }
  return (fold ? lower(wanted) : wanted) === found ? p + 1 : OTHER;
}

/** Whether a character means more than itself: `*`, `?`, `[`, `\`. */
export function isGlobSpecial(code: number): boolean {
  return code === STAR || code === QUESTION || code === OPEN ||
    code === BACKSLASH;
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
  glob: Glob,
  open: number,
  character: number,
): number | undefined {
  const { pattern, fold } = glob;
  let p = open + 1;
  let code = codeAt(pattern, p);
  const isNegated = code === 0x21 || code === 0x5e;
  if (isNegated) code = codeAt(pattern, ++p);
  let isMatch = false;
  let previous = 0;
  do {
    glob.steps++;
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
