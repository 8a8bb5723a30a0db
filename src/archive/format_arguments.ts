/**
 * What stands in the brackets of placeholders: numbers as C reads them,
 * options with and without values (pretty.c of git 2.39). Binary strings.
 *
 * @module
 */

import { foldAscii, hexDigit } from "../core/bytes.ts";
import type { DescribeOptions } from "./format_sources.ts";
import type { TrailerOptions } from "./trailers.ts";

/** Widths and indents beyond are no placeholders (pretty.c). */
export const FORMATTING_LIMIT: number = 16 * 1024;

/** A number and where it ends; `end` is the start where there is none. */
export interface ParsedNumber {
  /** The number; 0 where there is none. */
  readonly value: bigint;
  /** The position behind it. */
  readonly end: number;
}

/** C's strtol in base 10, without its limits. */
export function parseNumber(text: string, start: number): ParsedNumber {
  const number = /[ \t\n\v\f\r]*([-+]?)0*(\d*)/y;
  number.lastIndex = start;
  const match = number.exec(text);
  const end = number.lastIndex;
  const isNumber = match !== null && /\d/.test(match[0]);
  if (!isNumber) return { value: 0n, end: start };
  // More digits than the largest number has are as good as that one.
  const digits = (match[2] as string).slice(0, 40);
  const value = BigInt(digits === "" ? "0" : digits);
  return { value: match[1] === "-" ? -value : value, end };
}

/** A C long that became an int: -1 for what is too large. */
export function asInt(value: bigint): number {
  const max = 2n ** 63n - 1n;
  const long = value > max ? max : value < -max - 1n ? -max - 1n : value;
  return Number(BigInt.asIntN(32, long));
}

/** What `%w(…)` says; undefined where it is no placeholder. */
export interface WrapArguments {
  /** Columns of a line; 0 for lines as they are. */
  readonly width: number;
  /** Blanks before the first line. */
  readonly indent: number;
  /** Blanks before the others. */
  readonly nextIndent: number;
  /** The position behind the bracket. */
  readonly end: number;
}

/** Reads `(width,indent,indent)` whose bracket opens at `open`. */
export function parseWrap(
  text: string,
  open: number,
): WrapArguments | undefined {
  if (text[open] !== "(") return undefined;
  const end = text.indexOf(")", open);
  if (end < 0) return undefined;
  const numbers = [0, 0, 0];
  let at = open + 1;
  if (at < end) {
    for (let i = 0; i < 3; i++) {
      const { value, end: next } = parseNumber(text, at);
      // Unsigned: what is below zero is far too large.
      if (value < 0n || value > BigInt(FORMATTING_LIMIT)) numbers[i] = -1;
      else numbers[i] = Number(value);
      at = next;
      if (text[at] !== "," || i === 2) break;
      at++;
    }
    if (text[at] !== ")") return undefined;
  }
  const [width, indent, nextIndent] = numbers as [number, number, number];
  if (numbers.includes(-1)) return undefined;
  return { width, indent, nextIndent, end: end + 1 };
}

/** How a placeholder is brought to a width. */
export interface PadArguments {
  /** On which side text stands. */
  readonly side: "left" | "right" | "right-and-steal" | "both";
  /** Columns; below zero, the column where it is to end. */
  readonly padding: number;
}

/** What is cut of a text that is wider. */
export type Cut = "none" | "left" | "middle" | "right";

/** A placeholder for padding, which may be malformed behind its number. */
export interface ParsedPad {
  /** What it says so far. */
  readonly pad: PadArguments;
  /** What else it says; undefined where that is malformed. */
  readonly rest: { readonly cut: Cut; readonly end: number } | undefined;
}

/** What a terminal's width is where there is none. */
const TERMINAL_COLUMNS = 80;

/** Reads `<(N)`, `>|(N,trunc)` and their like; pretty.c: parse_padding. */
export function parsePad(text: string, at: number): ParsedPad | undefined {
  const match = /(<|><|>>|>)(\|?)\(/y;
  match.lastIndex = at;
  const opening = match.exec(text);
  if (opening === null) return undefined;
  const start = match.lastIndex;
  let end = start;
  while (end < text.length && text[end] !== "," && text[end] !== ")") end++;
  if (end === text.length || end === start) return undefined;
  const { value, end: next } = parseNumber(text, start);
  let width = asInt(value);
  if (Math.abs(width) > FORMATTING_LIMIT) return undefined;
  if (next === start || width === 0) return undefined;
  const toColumn = opening[2] === "|";
  if (width < 0 && toColumn) width += TERMINAL_COLUMNS;
  if (width < 0) return undefined;
  const side = opening[1] === "<"
    ? "left"
    : opening[1] === ">"
    ? "right"
    : opening[1] === "><"
    ? "both"
    : "right-and-steal";
  const pad: PadArguments = { side, padding: toColumn ? -width : width };
  if (text[end] === ")") return { pad, rest: { cut: "none", end: end + 1 } };
  const word = /(l|m|)trunc\)/y;
  word.lastIndex = end + 1;
  const found = word.exec(text);
  if (found === null) return { pad, rest: undefined };
  const cut = found[1] === "l" ? "left" : found[1] === "m" ? "middle" : "right";
  return { pad, rest: { cut, end: word.lastIndex } };
}

/** Steps through options; keeps git's habit of skipping a bad switch. */
class OptionReader {
  readonly #text: string;
  /** The next option. */
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  /** pretty.c: match_placeholder_arg_value; undefined where it is another. */
  value(name: string): { readonly text: string | undefined } | undefined {
    const text = this.#text;
    if (!text.startsWith(name, this.at)) return undefined;
    let end = this.at + name.length;
    let value: string | undefined;
    if (text[end] === "=") {
      const start = ++end;
      while (end < text.length && text[end] !== "," && text[end] !== ")") end++;
      value = text.slice(start, end);
    }
    if (text[end] !== "," && text[end] !== ")") return undefined;
    this.at = text[end] === "," ? end + 1 : end;
    return { text: value };
  }

  /** pretty.c: match_placeholder_bool_arg. */
  switch(name: string): boolean | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    return value.text === undefined ? true : parseSwitch(value.text);
  }
}

/** config.c: git_parse_maybe_bool. */
function parseSwitch(text: string): boolean | undefined {
  if (text === "" || /^(false|no|off)$/i.test(text)) return false;
  if (/^(true|yes|on)$/i.test(text)) return true;
  const number = /^[ \t\n\v\f\r]*[-+]?(0x[0-9a-f]+|\d+)([kmg]?)$/i.exec(text);
  if (number === null) return undefined;
  const scale = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[
    (number[2] as string).toLowerCase()
  ] ?? 1;
  const digits = number[1] as string;
  const value = /^0[0-7]+$/.test(digits)
    ? Number.parseInt(digits, 8)
    : Number(digits);
  return value * scale > 2 ** 31 - 1 ? undefined : value !== 0;
}

/** Options that were read, and the position behind the last. */
export interface ParsedOptions<T> {
  /** The options. */
  readonly options: T;
  /** Where their bracket should close. */
  readonly end: number;
}

/** pretty.c: parse_describe_args; undefined where one is malformed. */
export function parseDescribe(
  text: string,
  start: number,
): ParsedOptions<DescribeOptions> | undefined {
  const reader = new OptionReader(text, start);
  let tags = false;
  let abbrev: number | undefined;
  const match: string[] = [];
  const exclude: string[] = [];
  for (;;) {
    const isOn = reader.switch("tags");
    if (isOn !== undefined) {
      tags = isOn;
      continue;
    }
    const digits = reader.value("abbrev");
    if (digits !== undefined) {
      const value = digits.text ?? "";
      const number = parseNumber(value, 0);
      if (value === "" || number.end !== value.length) return undefined;
      abbrev = abbreviation(number.value);
      continue;
    }
    const list = [["exclude", exclude], ["match", match]] as const;
    const found = list.find(([name, globs]) => {
      const value = reader.value(name);
      if (value !== undefined) globs.push(value.text ?? "");
      return value !== undefined;
    });
    if (found === undefined) break;
    if (found[1].at(-1) === "") return undefined;
  }
  return { options: { tags, abbrev, match, exclude }, end: reader.at };
}

/** parse-options-cb.c: parse_opt_abbrev_cb. */
function abbreviation(value: bigint): number {
  if (value === 0n) return 0;
  return value < 4n ? 4 : value > 64n ? 64 : Number(value);
}

/** pretty.c: format_set_trailers_options; undefined where one is malformed. */
export function parseTrailerOptions(
  text: string,
  start: number,
): ParsedOptions<TrailerOptions> | undefined {
  const options: TrailerOptions = noTrailerOptions();
  const reader = new OptionReader(text, start);
  while (text[reader.at] !== ")") {
    const key = reader.value("key");
    if (key !== undefined) {
      if (key.text === undefined) return undefined;
      options.keys ??= [];
      options.keys.push(foldAscii(key.text.replace(/:$/, "")));
      options.only = true;
      continue;
    }
    const separator = reader.value("separator");
    if (separator !== undefined) {
      options.separator = expandLiterals(separator.text ?? "");
      continue;
    }
    const keyValue = reader.value("key_value_separator");
    if (keyValue !== undefined) {
      options.keyValueSeparator = expandLiterals(keyValue.text ?? "");
      continue;
    }
    const isSwitch = SWITCHES.some(([name, field]) => {
      const isOn = reader.switch(name);
      if (isOn !== undefined) options[field] = isOn;
      return isOn !== undefined;
    });
    if (!isSwitch) return undefined;
  }
  return { options, end: reader.at };
}

const SWITCHES = [
  ["only", "only"],
  ["unfold", "unfold"],
  ["keyonly", "keyOnly"],
  ["valueonly", "valueOnly"],
] as const;

/** Trailers as they stand in the message. */
export function noTrailerOptions(): TrailerOptions {
  return {
    keys: undefined,
    only: false,
    unfold: false,
    keyOnly: false,
    valueOnly: false,
    separator: undefined,
    keyValueSeparator: undefined,
  };
}

/** The byte of `xNN` at `at`, undefined where it is none. */
export function hexByte(text: string, at: number): string | undefined {
  if (text[at] !== "x") return undefined;
  const high = hexDigit(text.charCodeAt(at + 1) | 0);
  const low = hexDigit(text.charCodeAt(at + 2) | 0);
  return high < 0 || low < 0 ? undefined : String.fromCharCode(high * 16 + low);
}

/** strbuf.c: strbuf_expand with strbuf_expand_literal_cb. */
function expandLiterals(text: string): string {
  return text.replace(
    /%(%|n|x[0-9a-fA-F]{2})/g,
    (_, what: string) => what === "n" ? "\n" : hexByte(what, 0) ?? what,
  );
}
