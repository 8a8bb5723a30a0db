/**
 * One `.gitattributes` file as rules: what attr.c of git 2.39 reads in each
 * line, with its complaints. Which rules win is `attributes.ts`.
 *
 * @see https://git-scm.com/docs/gitattributes
 * @module
 */

import { parsePathPattern, type PathPattern } from "../core/path_pattern.ts";
import { unquoteC } from "../core/unquote.ts";

/** A value in a file: set, unset, `!name`, or a text. */
export type AttributeSetting = "set" | "unset" | "unspecified" | {
  readonly text: string;
};

/** What a line does to one attribute. */
export interface AttributeState {
  /** The attribute's name. */
  readonly name: string;
  /** What it becomes. */
  readonly setting: AttributeSetting;
}

/** One line that means something; `pattern` or `macro` is there. */
export interface AttributeRule {
  /** The paths it is for. */
  readonly pattern?: PathPattern;
  /** The attribute that it makes a macro. */
  readonly macro?: string;
  /** Its attributes, in order. */
  readonly states: readonly AttributeState[];
}

/** Where a file's bytes come from, which decides how lines end. */
export type AttributeOrigin = "blob" | "file";

/** What {@linkcode parseAttributeFile} needs beside the text. */
export interface AttributeFileOptions {
  /** The name in complaints: `.gitattributes`, `info/attributes`. */
  readonly source: string;
  /** Files may open with a BOM and end lines with CR LF; blobs end at NUL. */
  readonly origin: AttributeOrigin;
  /** Whether `[attr]name` may stand in it: not below the root. */
  readonly macros: "allowed" | "refused";
  /** Gets complaints as git writes them to stderr, without the last LF. */
  readonly warn: (line: string) => void;
}

// attr.h: ATTR_MAX_LINE_LENGTH, ATTR_MAX_FILE_SIZE.
const MAX_LINE = 2048;
/** From this size on a file is ignored with a warning. */
export const MAX_ATTRIBUTES_BYTES: number = 100 * 1024 * 1024;

const MACRO_PREFIX = "[attr]";
const BOM = "\xef\xbb\xbf";

/** The rules of a file, a binary string, in order. */
export function* parseAttributeFile(
  contents: string,
  options: AttributeFileOptions,
): Generator<AttributeRule> {
  const { source, origin, warn } = options;
  if (contents.length >= MAX_ATTRIBUTES_BYTES) {
    const what = origin === "blob" ? "blob" : "file";
    warn(`warning: ignoring overly large gitattributes ${what} '${source}'`);
    return;
  }
  const nul = origin === "blob" ? contents.indexOf("\0") : -1;
  const length = nul < 0 ? contents.length : nul;
  let at = 0;
  for (let number = 1; at < length; number++) {
    const lf = contents.indexOf("\n", at);
    const end = lf < 0 || lf > length ? length : lf;
    let line = contents.slice(at, end);
    at = end + 1;
    if (origin === "file") line = trimFileLine(line, number);
    const rule = parseAttributeLine(line, number, options);
    if (rule !== undefined) yield rule;
  }
}

function trimFileLine(line: string, number: number): string {
  const text = number === 1 && line.startsWith(BOM) ? line.slice(3) : line;
  const nul = text.indexOf("\0");
  if (nul >= 0) return text.slice(0, nul);
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

/** attr.c: parse_attr_line; undefined where the line means nothing. */
function parseAttributeLine(
  line: string,
  number: number,
  options: AttributeFileOptions,
): AttributeRule | undefined {
  const { source, warn } = options;
  const start = skipBlanks(line, 0);
  if (start === line.length || line[start] === "#") return undefined;
  if (line.length >= MAX_LINE) {
    warn(`warning: ignoring overly long attributes line ${number}`);
    return undefined;
  }
  const quoted = line[start] === '"' ? unquoteC(line, start) : undefined;
  const wordEnd = quoted?.end ?? skipWord(line, start);
  // A NUL that was quoted ends the pattern, as it ends every text in C.
  let name = cText(quoted?.text ?? line.slice(start, wordEnd));
  let isMacro = false;
  if (name.length > MACRO_PREFIX.length && name.startsWith(MACRO_PREFIX)) {
    if (options.macros === "refused") {
      // git prints the name to the end of the line where it is not quoted.
      const shown = quoted === undefined ? line.slice(start) : name;
      warn(`${shown} not allowed: ${source}:${number}`);
      return undefined;
    }
    isMacro = true;
    const from = skipBlanks(name, MACRO_PREFIX.length);
    name = name.slice(from, skipWord(name, from));
    if (!isAttributeName(name)) {
      warn(`${name} is not a valid attribute name: ${source}:${number}`);
      return undefined;
    }
  }
  const states = parseStates(line, wordEnd, number, options);
  if (states === undefined) return undefined;
  if (isMacro) return { macro: name, states };
  const pattern = parsePathPattern(name);
  if (pattern.isNegative) {
    warn(
      "warning: Negative patterns are ignored in git attributes\n" +
        "Use '\\!' for literal leading exclamation.",
    );
    return undefined;
  }
  return { pattern, states };
}

function parseStates(
  line: string,
  start: number,
  number: number,
  { source, warn }: AttributeFileOptions,
): AttributeState[] | undefined {
  const states: AttributeState[] = [];
  for (let at = skipBlanks(line, start); at < line.length;) {
    const end = skipWord(line, at);
    const word = line.slice(at, end);
    at = skipBlanks(line, end);
    const sign = word[0] === "-" || word[0] === "!" ? word[0] : "";
    const equals = word.indexOf("=");
    const name = word.slice(
      sign.length,
      equals < 0 ? undefined : Math.max(equals, sign.length),
    );
    if (!isAttributeName(name)) {
      warn(`${name} is not a valid attribute name: ${source}:${number}`);
      return undefined;
    }
    states.push({ name, setting: settingOf(word, sign, equals) });
  }
  return states;
}

function settingOf(
  word: string,
  sign: string,
  equals: number,
): AttributeSetting {
  if (sign === "-") return "unset";
  if (sign === "!") return "unspecified";
  return equals < 0 ? "set" : { text: word.slice(equals + 1) };
}

/** Whether git takes this for the name of an attribute. */
export function isAttributeName(name: string): boolean {
  return /^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/.test(name);
}

function cText(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

function skipWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
  return at;
}
