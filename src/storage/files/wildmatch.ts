/**
 * git's `wildmatch` with WM_PATHNAME, for the conditions of `includeIf`: a
 * port of wildmatch.c, which is the definition. Binary strings.
 *
 * @module
 */

const MATCH = 0;
const NO_MATCH = 1;
const ABORT_ALL = -1;
const ABORT_TO_STARSTAR = -2;

/** How to compare letters. */
export type WildCase = "exact" | "fold";

/** A pattern with more stars than this matches nothing: time is bounded. */
const MAX_STARS = 16;

/** Whether the whole of `text` matches the glob `pattern`. */
export function wildmatch(
  pattern: string,
  text: string,
  letters: WildCase,
): boolean {
  const stars = pattern.match(/\*+/g)?.length ?? 0;
  if (stars > MAX_STARS) return false;
  const fold = letters === "fold";
  const matcher: Matcher = {
    pattern: fold ? foldAscii(pattern) : pattern,
    text: fold ? foldAscii(text) : text,
    fold,
  };
  return walk(matcher, 0, 0) === MATCH;
}

interface Matcher {
  readonly pattern: string;
  readonly text: string;
  readonly fold: boolean;
}

function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** wildmatch.c: dowild. Recursion is as deep as the pattern has stars. */
function walk(matcher: Matcher, start: number, from: number): number {
  const { pattern, text } = matcher;
  let t = from;
  for (let p = start; p < pattern.length; p++, t++) {
    const wanted = pattern[p];
    const found = text[t];
    if (found === undefined && wanted !== "*") return ABORT_ALL;
    if (wanted === "?") {
      if (found === "/") return NO_MATCH;
    } else if (wanted === "*") {
      const star = walkStar(matcher, start, p, t);
      if (typeof star === "number") return star;
      p = star.pattern;
      t = star.text;
    } else if (wanted === "[") {
      const set = matchSet(matcher, p, found as string);
      if (set === undefined) return ABORT_ALL;
      if (!set.isMatch || found === "/") return NO_MATCH;
      p = set.end;
    } else {
      if (wanted === "\\") p++;
      if (found !== pattern[p]) return NO_MATCH;
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
): number | Resume {
  const { pattern, text } = matcher;
  let p = star + 1;
  let crossesSlashes = false;
  if (pattern[p] === "*") {
    const before = star - 1;
    while (pattern[p] === "*") p++;
    const opens = before < start || pattern[before] === "/";
    const closes = p === pattern.length || pattern[p] === "/" ||
      (pattern[p] === "\\" && pattern[p + 1] === "/");
    if (opens && closes) {
      if (pattern[p] === "/" && walk(matcher, p + 1, from) === MATCH) {
        return MATCH;
      }
      crossesSlashes = true;
    }
  }
  if (p === pattern.length) {
    return !crossesSlashes && text.indexOf("/", from) >= 0 ? NO_MATCH : MATCH;
  }
  if (!crossesSlashes && pattern[p] === "/") {
    const slash = text.indexOf("/", from);
    return slash < 0 ? NO_MATCH : { pattern: p, text: slash };
  }
  for (let t = from; t < text.length; t++) {
    const matched = walk(matcher, p, t);
    if (matched !== NO_MATCH) {
      if (!crossesSlashes || matched !== ABORT_TO_STARSTAR) return matched;
    } else if (!crossesSlashes && text[t] === "/") {
      return ABORT_TO_STARSTAR;
    }
  }
  return ABORT_ALL;
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
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** Matches one character against the set that opens at `open`. */
function matchSet(
  matcher: Matcher,
  open: number,
  character: string,
): { readonly isMatch: boolean; readonly end: number } | undefined {
  const { pattern, fold } = matcher;
  let p = open + 1;
  const isNegated = pattern[p] === "!" || pattern[p] === "^";
  if (isNegated) p++;
  let isMatch = false;
  let previous: string | undefined;
  for (let isFirst = true; isFirst || pattern[p] !== "]"; p++) {
    isFirst = false;
    let current: string | undefined = pattern[p];
    if (current === undefined) return undefined;
    if (current === "\\") {
      current = pattern[++p];
      if (current === undefined) return undefined;
      if (current === character) isMatch = true;
    } else if (
      current === "-" && previous !== undefined &&
      pattern[p + 1] !== undefined && pattern[p + 1] !== "]"
    ) {
      let last = pattern[++p];
      if (last === "\\") last = pattern[++p];
      if (last === undefined) return undefined;
      if (character >= previous && character <= last) isMatch = true;
      current = undefined;
    } else if (current === "[" && pattern[p + 1] === ":") {
      const close = pattern.indexOf("]", p + 2);
      if (close < 0) return undefined;
      if (close > p + 2 && pattern[close - 1] === ":") {
        const name = pattern.slice(p + 2, close - 1);
        const members = CLASSES[name];
        if (members === undefined) return undefined;
        if (members.test(character)) isMatch = true;
        if (name === "upper" && fold && /[a-z]/.test(character)) {
          isMatch = true;
        }
        p = close;
        current = undefined;
      } else if (character === "[") {
        isMatch = true;
      }
    } else if (current === character) {
      isMatch = true;
    }
    previous = current;
  }
  return { isMatch: isMatch !== isNegated, end: p };
}
