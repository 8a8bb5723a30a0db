/**
 * git's `wildmatch` on bytes, in time that is bounded by the length of the
 * pattern times that of the text, whatever the pattern: it is turned into a
 * list of steps, and all places in it are followed at once.
 *
 * wildmatch.c is the definition; its ways to give up early are no part of it.
 *
 * @module
 */

const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const DASH = 0x2d;

/** Whether `*`, `?` and sets stop at slashes: git's WM_PATHNAME. */
export type GlobMode = "path" | "name";

/**
 * What is to come: one byte of those marked, any bytes of those marked, or a
 * choice between what is next and what is three further on.
 */
type Step =
  | { readonly type: "one" | "many"; readonly bytes: Uint8Array }
  | { readonly type: "maybe" };

/** A compiled pattern. */
export class Glob {
  readonly #steps: readonly Step[] | undefined;
  /** When a place was entered last, for two texts' ends: no clearing. */
  #marks = new Uint32Array(0);
  #round = 0;
  #now: number[] = [];
  #next: number[] = [];

  /** Compiles `pattern`; one that git finds malformed matches nothing. */
  constructor(pattern: Uint8Array, mode: GlobMode) {
    this.#steps = compile(pattern, mode);
  }

  /** Whether all of `text` from `start` to before `end` matches. */
  matches(text: Uint8Array, start: number, end: number): boolean {
    const steps = this.#steps;
    if (steps === undefined) return false;
    if (this.#marks.length === 0) {
      this.#marks = new Uint32Array(steps.length + 1);
    }
    this.#begin();
    let now = this.#now;
    let next = this.#next;
    now.length = 0;
    this.#enter(0, now);
    for (let at = start; at < end && now.length > 0; at++) {
      const byte = text[at] as number;
      this.#begin();
      next.length = 0;
      for (const place of now) {
        const step = steps[place];
        if (step === undefined || step.type === "maybe") continue;
        if (step.bytes[byte] === 0) continue;
        this.#enter(step.type === "one" ? place + 1 : place, next);
      }
      [now, next] = [next, now];
    }
    return now.includes(steps.length);
  }

  #begin(): void {
    if (++this.#round < 2 ** 32) return;
    this.#marks.fill(0);
    this.#round = 1;
  }

  /** Adds `first`, and where one gets from there for nothing. */
  #enter(first: number, into: number[]): void {
    const steps = this.#steps as readonly Step[];
    const marks = this.#marks;
    const open = [first];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (marks[place] === this.#round) continue;
      marks[place] = this.#round;
      into.push(place);
      const step = steps[place];
      if (step === undefined || step.type === "one") continue;
      open.push(place + 1);
      if (step.type === "maybe") open.push(place + 3);
    }
  }
}

function compile(pattern: Uint8Array, mode: GlobMode): Step[] | undefined {
  const steps: Step[] = [];
  const isPath = mode === "path";
  const any = new Uint8Array(256).fill(1);
  const inName = any.slice();
  if (isPath) inName[SLASH] = 0;
  const literals = new Map<number | undefined, Step>();
  for (let at = 0; at < pattern.length;) {
    const byte = pattern[at] as number;
    if (byte === STAR) {
      const start = at;
      while (pattern[at] === STAR) at++;
      const opens = start === 0 || pattern[start - 1] === SLASH;
      const isEnd = at === pattern.length;
      const closes = isEnd || pattern[at] === SLASH ||
        pattern[at] === BACKSLASH && pattern[at + 1] === SLASH;
      const crosses = isPath && at > start + 1 && opens && closes;
      // "**/" is nothing, too: that step, the slash, and this one are skipped.
      if (crosses && pattern[at] === SLASH) steps.push({ type: "maybe" });
      steps.push({ type: "many", bytes: crosses ? any : inName });
    } else if (byte === QUESTION) {
      steps.push({ type: "one", bytes: inName });
      at++;
    } else if (byte === OPEN) {
      const set = readSet(pattern, at);
      if (set === undefined) return undefined;
      if (isPath) set.bytes[SLASH] = 0;
      steps.push({ type: "one", bytes: set.bytes });
      at = set.end;
    } else {
      const literal = byte === BACKSLASH ? pattern[++at] : byte;
      const step = literals.get(literal) ?? only(literal);
      literals.set(literal, step);
      steps.push(step);
      at++;
    }
  }
  return steps;
}

/** One byte; none at all where a backslash ends the pattern. */
function only(byte: number | undefined): Step {
  const bytes = new Uint8Array(256);
  if (byte !== undefined) bytes[byte] = 1;
  return { type: "one", bytes };
}

/** The set that opens at `open`; `undefined` where it is malformed. */
function readSet(
  pattern: Uint8Array,
  open: number,
): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const members = new Uint8Array(256);
  let at = open + 1;
  const isNegated = pattern[at] === 0x21 || pattern[at] === 0x5e;
  if (isNegated) at++;
  let previous = 0;
  let byte = pattern[at];
  do {
    if (byte === undefined) return undefined;
    if (byte === BACKSLASH) {
      byte = pattern[++at];
      if (byte === undefined) return undefined;
      members[byte] = 1;
    } else if (
      byte === DASH && previous !== 0 && pattern[at + 1] !== undefined &&
      pattern[at + 1] !== CLOSE
    ) {
      let last = pattern[++at];
      if (last === BACKSLASH) last = pattern[++at];
      if (last === undefined) return undefined;
      if (last >= previous) members.fill(1, previous, last + 1);
      byte = 0;
    } else if (byte === OPEN && pattern[at + 1] === COLON) {
      const close = pattern.indexOf(CLOSE, at + 2);
      if (close < 0) return undefined;
      if (close - at < 3 || pattern[close - 1] !== COLON) {
        members[OPEN] = 1;
      } else {
        const name = String.fromCharCode(
          ...pattern.subarray(at + 2, close - 1),
        );
        const isMember = CLASSES.get(name);
        if (isMember === undefined) return undefined;
        for (let code = 0; code < 128; code++) {
          if (isMember.test(String.fromCharCode(code))) members[code] = 1;
        }
        at = close;
        byte = 0;
      }
    } else {
      members[byte] = 1;
    }
    previous = byte;
    byte = pattern[++at];
  } while (byte !== CLOSE);
  const bytes = isNegated ? members.map((each) => 1 - each) : members;
  return { bytes, end: at + 1 };
}

const CLASSES: ReadonlyMap<string, RegExp> = new Map([
  ["alnum", /[A-Za-z0-9]/],
  ["alpha", /[A-Za-z]/],
  ["blank", /[ \t]/],
  // deno-lint-ignore no-control-regex
  ["cntrl", /[\x00-\x1f\x7f]/],
  ["digit", /[0-9]/],
  ["graph", /[\x21-\x7e]/],
  ["lower", /[a-z]/],
  ["print", /[\x20-\x7e]/],
  ["punct", /[!-/:-@[-`{-~]/],
  ["space", /[ \t\n\v\f\r]/],
  ["upper", /[A-Z]/],
  ["xdigit", /[0-9A-Fa-f]/],
]);
