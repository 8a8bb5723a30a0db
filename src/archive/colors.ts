/**
 * Colours as `%C(always,…)` names them, as the escape sequences that terminals
 * take: color.c of git 2.39, color_parse.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-color
 * @module
 */

import { hexDigit } from "../core/bytes.ts";
import { trimBoth } from "./ident.ts";

const NAMES = [
  ...["black", "red", "green", "yellow"],
  ...["blue", "magenta", "cyan", "white"],
];

const MARKS: Readonly<Record<string, readonly [set: number, unset: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  ul: [4, 24],
  blink: [5, 25],
  reverse: [7, 27],
  strike: [9, 29],
};

/** The escape sequence of a colour; undefined where it is none. */
export function parseColor(text: string): string | undefined {
  const words = trimBoth(text).split(/[ \t\n\r]+/);
  if (words.length === 1 && words[0] === "") return "";
  let isReset = false;
  const colors: string[][] = [];
  const marks = new Set<number>();
  for (const word of words) {
    if (word.toLowerCase() === "reset") {
      isReset = true;
      continue;
    }
    const color = colorCodes(word, 30 + 10 * colors.length);
    if (color !== undefined && colors.length < 2) {
      colors.push(color);
      continue;
    }
    const mark = color === undefined ? markCode(word) : undefined;
    if (mark === undefined) return undefined;
    marks.add(mark);
  }
  const codes = [...marks].sort((a, b) => a - b).map(String);
  codes.push(...colors.flat());
  if (codes.length === 0) return isReset ? "\x1b[m" : "";
  return `\x1b[${isReset ? ";" : ""}${codes.join(";")}m`;
}

/** The codes of a colour; `base` is 30 in front and 40 behind. */
function colorCodes(word: string, base: number): string[] | undefined {
  const name = word.toLowerCase();
  if (name === "normal") return [];
  if (/^#[0-9a-f]{6}$/.test(name)) {
    const part = (at: number) =>
      16 * hexDigit(name.charCodeAt(at)) + hexDigit(name.charCodeAt(at + 1));
    return [`${base + 8};2;${part(1)};${part(3)};${part(5)}`];
  }
  if (name === "default") return [String(base + 9)];
  const isBright = name.startsWith("bright");
  const index = NAMES.indexOf(isBright ? name.slice(6) : name);
  if (index >= 0) return [String(base + (isBright ? 60 : 0) + index)];
  if (!/^[-+]?\d+$/.test(word)) return undefined;
  const number = Number(word);
  if (number === -1) return [];
  if (number < 0 || number > 255) return undefined;
  if (number < 8) return [String(base + number)];
  if (number < 16) return [String(base + 60 + number - 8)];
  return [`${base + 8};5;${number}`];
}

function markCode(word: string): number | undefined {
  const isUnset = word.startsWith("no");
  const name = isUnset ? word.slice(word.startsWith("no-") ? 3 : 2) : word;
  const codes = Object.hasOwn(MARKS, name) ? MARKS[name] : undefined;
  return codes?.[isUnset ? 1 : 0];
}
