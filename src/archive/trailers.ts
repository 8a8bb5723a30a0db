/**
 * Trailers of commit messages, for `%(trailers:…)`: trailer.c of git 2.39,
 * without its configuration. Binary strings.
 *
 * @see https://git-scm.com/docs/git-interpret-trailers
 * @module
 */

import { foldAscii } from "../core/bytes.ts";
import { isAlphanumeric } from "./columns.ts";
import { isSpace, trimBoth, trimEnd } from "./ident.ts";

/** How `%(trailers)` shows trailers. */
export interface TrailerOptions {
  /** Keys to show, without colons; all where undefined. */
  keys: string[] | undefined;
  /** Whether to leave out lines that are no trailers. */
  only: boolean;
  /** Whether values of several lines become one line. */
  unfold: boolean;
  /** Whether to show keys alone. */
  keyOnly: boolean;
  /** Whether to show values alone. */
  valueOnly: boolean;
  /** What stands between trailers; a line end behind each where undefined. */
  separator: string | undefined;
  /** What stands between key and value; ": " where undefined. */
  keyValueSeparator: string | undefined;
}

const COMMENT = 0x23;
const LF = 0x0a;
const CUT_LINE = "# ------------------------ >8 ------------------------\n";
const GENERATED = ["Signed-off-by: ", "(cherry picked from commit "];

/**
 * `before` with the trailers of `message` behind it: blanks at its end may be
 * lost, as they are in git.
 */
export function addTrailers(
  before: string,
  message: string,
  options: TrailerOptions,
): string {
  const end = message.length - ignoredTail(message);
  const start = trailerStart(message, end);
  const { keys, only, unfold, keyOnly, valueOnly } = options;
  const { separator, keyValueSeparator } = options;
  const isPlain = !only && !unfold && keys === undefined &&
    separator === undefined && !keyOnly && !valueOnly &&
    keyValueSeparator === undefined;
  if (isPlain) return before + message.slice(start, end);
  let out = before;
  const separate = () => {
    if (separator !== undefined && out.length !== before.length) {
      out += separator;
    }
  };
  for (const line of trailerLines(message.slice(start, end))) {
    const colon = separatorAt(line, 0);
    if (colon >= 1) {
      const key = trimBoth(line.slice(0, colon));
      const value = trimBoth(line.slice(colon + 1));
      if (keys !== undefined && !keys.includes(foldAscii(key))) continue;
      separate();
      if (!valueOnly) out += key;
      if (!keyOnly && !valueOnly) out += keyValueSeparator ?? ": ";
      if (!keyOnly) out += unfold ? unfolded(value) : value;
      if (separator === undefined) out += "\n";
    } else if (!only) {
      separate();
      const text = separator === undefined ? line : trimEnd(line);
      out = text === "" ? trimEnd(out) : out + text;
    }
  }
  return out;
}

/** Lines with their continuations, ends included. */
function trailerLines(block: string): string[] {
  const lines: string[] = [];
  let isOpen = false;
  for (const line of block.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    if (isOpen && isSpace(line.charCodeAt(0))) {
      lines.push(`${lines.pop()}${line}`);
    } else {
      lines.push(line);
      isOpen = separatorAt(line, 0) >= 1;
    }
  }
  return lines;
}

/** trailer.c: unfold_value. */
function unfolded(value: string): string {
  return trimBoth(value.replace(/\n[ \t\n\r]*/g, " "));
}

/** trailer.c: find_separator, from `start` on; relative to it, or -1. */
function separatorAt(text: string, start: number): number {
  let hasBlank = false;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) return at - start;
    if (!hasBlank && (isAlphanumeric(code) || code === 0x2d)) continue;
    if (at !== start && (code === 0x20 || code === 0x09)) {
      hasBlank = true;
      continue;
    }
    break;
  }
  return -1;
}

/** trailer.c: find_trailer_start. */
function trailerStart(message: string, end: number): number {
  const titleEnd = endOfTitle(message, end);
  let onlyBlanks = true;
  let isRecognized = false;
  let trailers = 0;
  let others = 0;
  let continuations = 0;
  for (
    let line = lastLine(message, end);
    line >= titleEnd;
    line = lastLine(message, line)
  ) {
    const first = message.charCodeAt(line);
    if (first === COMMENT) {
      others += continuations;
      continuations = 0;
    } else if (isBlankLine(message, line)) {
      if (onlyBlanks) continue;
      others += continuations;
      const isBlock = isRecognized
        ? trailers * 3 >= others
        : trailers > 0 && others === 0;
      return isBlock || (trailers > 0 && others === 0)
        ? nextLine(message, line)
        : end;
    } else {
      onlyBlanks = false;
      if (GENERATED.some((prefix) => message.startsWith(prefix, line))) {
        trailers++;
        continuations = 0;
        isRecognized = true;
      } else if (separatorAt(message, line) >= 1 && !isSpace(first)) {
        trailers++;
        continuations = 0;
      } else if (isSpace(first)) {
        continuations++;
      } else {
        others += 1 + continuations;
        continuations = 0;
      }
    }
  }
  return end;
}

function endOfTitle(message: string, end: number): number {
  let at = 0;
  for (; at < end; at = nextLine(message, at)) {
    if (message.charCodeAt(at) === COMMENT) continue;
    if (isBlankLine(message, at)) break;
  }
  return at;
}

/** Where the last line before `end` starts; -1 where there is none. */
function lastLine(message: string, end: number): number {
  if (end === 0) return -1;
  if (end === 1) return 0;
  return message.lastIndexOf("\n", end - 2) + 1;
}

function nextLine(message: string, at: number): number {
  const lf = message.indexOf("\n", at);
  return lf < 0 ? message.length : lf + 1;
}

function isBlankLine(message: string, at: number): boolean {
  let end = at;
  for (; end < message.length; end++) {
    const code = message.charCodeAt(end);
    if (code === LF) return true;
    if (!isSpace(code)) return false;
  }
  return true;
}

/**
 * commit.c: ignore_non_trailer: bytes at the end that are comments, blank
 * lines, or an old list of conflicts.
 */
function ignoredTail(message: string): number {
  let cutoff = message.length;
  if (message.startsWith(CUT_LINE)) cutoff = 0;
  else {
    const cut = message.indexOf(`\n${CUT_LINE}`);
    if (cut >= 0) cutoff = cut + 1;
  }
  let tail = 0;
  let isInConflicts = false;
  for (let at = 0; at < cutoff; at = nextLine(message, at)) {
    const code = message.charCodeAt(at);
    if (code === COMMENT || code === LF) {
      if (tail === 0) tail = at;
    } else if (message.startsWith("Conflicts:\n", at)) {
      isInConflicts = true;
      if (tail === 0) tail = at;
    } else if (isInConflicts && code === 0x09) {
      continue;
    } else if (tail !== 0) {
      tail = 0;
      isInConflicts = false;
    }
  }
  return message.length - (tail === 0 ? cutoff : tail);
}
