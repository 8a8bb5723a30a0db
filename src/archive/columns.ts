/**
 * Text by the columns that it takes on a terminal: width, wrapping and cutting
 * as utf8.c of git 2.39 has them. Binary strings of UTF-8, or of bytes where
 * they are not UTF-8.
 *
 * @module
 */

import { isSpace } from "./ident.ts";
import { DOUBLE_WIDTH, ZERO_WIDTH } from "./widths_generated.ts";

/** Is asked for every piece of text that is made; throws when it is enough. */
export type Meter = (bytes: number) => void;

/** How many columns characters take; make one and keep it. */
export class Columns {
  readonly #zero: Int32Array = readRanges(ZERO_WIDTH);
  readonly #double: Int32Array = readRanges(DOUBLE_WIDTH);

  /** utf8.c: git_wcwidth. */
  #widthOf(code: number): number {
    if (code === 0) return 0;
    if (code < 32 || (code >= 0x7f && code < 0xa0)) return -1;
    if (code < 0x300) return 1;
    if (isInRanges(this.#zero, code)) return 0;
    return isInRanges(this.#double, code) ? 2 : 1;
  }

  /** utf8.c: utf8_strnwidth, where escape sequences take no columns. */
  width(text: string): number {
    let width = 0;
    for (let at = 0; at < text.length;) {
      for (let skip; (skip = escapeLength(text, at)) > 0;) at += skip;
      const character = pickUtf8(text, at);
      if (character === undefined) return text.length;
      width += Math.max(this.#widthOf(character.code), 0);
      at += character.length;
    }
    return width;
  }

  /**
   * utf8.c: strbuf_utf8_replace: `mark` in the place of the columns from
   * `start` to `start + count`.
   */
  replace(text: string, start: number, count: number, mark: string): string {
    const parts: string[] = [];
    let column = 0;
    let isMarked = false;
    for (let at = 0; at < text.length;) {
      for (let length; (length = escapeLength(text, at)) > 0; at += length) {
        parts.push(text.slice(at, at + length));
      }
      if (at >= text.length) break;
      const character = pickUtf8(text, at);
      if (character === undefined) return text;
      const width = Math.max(this.#widthOf(character.code), 0);
      if (width > 0 && column >= start && column < start + count) {
        if (!isMarked) parts.push(mark);
        isMarked = true;
      } else {
        parts.push(text.slice(at, at + character.length));
      }
      at += character.length;
      column += width;
    }
    return parts.join("");
  }

  /** utf8.c: strbuf_add_wrapped_text, for indents that are not negative. */
  wrap(
    text: string,
    indent: number,
    nextIndent: number,
    width: number,
    meter: Meter,
  ): string {
    if (width <= 0) return indented(text, indent, nextIndent, meter);
    return this.#wrap(text, indent, nextIndent, width, meter, "utf8") ??
      this.#wrap(text, indent, nextIndent, width, meter, "bytes") as string;
  }

  /** Undefined where the text turns out not to be UTF-8. */
  #wrap(
    text: string,
    firstIndent: number,
    nextIndent: number,
    width: number,
    meter: Meter,
    reading: "utf8" | "bytes",
  ): string | undefined {
    const parts: string[] = [];
    const add = (part: string) => {
      meter(part.length);
      parts.push(part);
    };
    let at = 0;
    let lineStart = 0;
    let indent = firstIndent;
    let column = indent;
    let space = -1;
    for (;;) {
      for (let length; (length = escapeLength(text, at)) > 0;) at += length;
      const code = text.charCodeAt(at) | 0;
      if (code !== 0 && !isSpace(code)) {
        if (reading === "bytes") {
          column++;
          at++;
          continue;
        }
        const character = pickUtf8(text, at);
        if (character === undefined) return undefined;
        column += this.#widthOf(character.code);
        at += character.length;
        continue;
      }
      let isNewLine = column > width && space >= 0;
      if (!isNewLine) {
        if (code === 0 && at === lineStart) return parts.join("");
        if (space < 0) add(" ".repeat(indent));
        add(text.slice(space < 0 ? lineStart : space, at));
        if (code === 0) return parts.join("");
        space = at;
        if (code === 0x09) {
          column |= 7;
        } else if (code === 0x0a) {
          space++;
          const next = text.charCodeAt(space) | 0;
          if (next === 0x0a) {
            add("\n");
            isNewLine = true;
          } else if (!isAlphanumeric(next)) {
            isNewLine = true;
          } else {
            add(" ");
          }
        }
        if (!isNewLine) {
          column++;
          at++;
          continue;
        }
      }
      add("\n");
      lineStart = space + (isSpace(text.charCodeAt(space) | 0) ? 1 : 0);
      at = lineStart;
      space = -1;
      indent = nextIndent;
      column = indent;
    }
  }
}

/** utf8.c: strbuf_add_indented_text. */
function indented(
  text: string,
  firstIndent: number,
  nextIndent: number,
  meter: Meter,
): string {
  const parts: string[] = [];
  let indent = firstIndent;
  for (let at = 0; at < text.length;) {
    const lf = text.indexOf("\n", at);
    const end = lf < 0 ? text.length : lf + 1;
    meter(indent + end - at);
    parts.push(" ".repeat(indent), text.slice(at, end));
    at = end;
    indent = nextIndent;
  }
  return parts.join("");
}

/** utf8.c: display_mode_esc_sequence_len. */
export function escapeLength(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x1b || text[at + 1] !== "[") return 0;
  let end = at + 2;
  while (isDigitOrSemicolon(text.charCodeAt(end) | 0)) end++;
  return text[end] === "m" ? end + 1 - at : 0;
}

function isDigitOrSemicolon(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x3b;
}

/** Whether a character is an ASCII letter or digit. */
export function isAlphanumeric(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

interface Picked {
  readonly code: number;
  readonly length: number;
}

/**
 * The character of UTF-8 at `at`, undefined where there is none. The end of the
 * text is a NUL, as in C.
 */
function pickUtf8(text: string, at: number): Picked | undefined {
  const byte = (index: number) => text.charCodeAt(at + index) | 0;
  const first = byte(0);
  if (first < 0x80) return { code: first, length: 1 };
  const length = first < 0xc2
    ? 0
    : first < 0xe0
    ? 2
    : first < 0xf0
    ? 3
    : first < 0xf5
    ? 4
    : 0;
  if (length === 0) return undefined;
  let code = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    if ((byte(i) & 0xc0) !== 0x80) return undefined;
    code = code << 6 | byte(i) & 0x3f;
  }
  const isOverlong = length === 3
    ? code < 0x800
    : length === 4 && code < 0x10000;
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  const isNone = code === 0xfffe || code === 0xffff || code > 0x10ffff;
  return isOverlong || isSurrogate || isNone ? undefined : { code, length };
}

/** Pairs of first and last characters, in order. */
function readRanges(words: string): Int32Array {
  const ranges: number[] = [];
  let last = 0;
  for (const word of words.split(" ")) {
    const [gap = "", more = "0"] = word.split(",");
    const first = last + Number.parseInt(gap, 36);
    last = first + Number.parseInt(more, 36);
    ranges.push(first, last);
  }
  return Int32Array.from(ranges);
}

function isInRanges(ranges: Int32Array, code: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code > (ranges[2 * middle + 1] as number)) low = middle + 1;
    else if (code < (ranges[2 * middle] as number)) high = middle - 1;
    else return true;
  }
  return false;
}
