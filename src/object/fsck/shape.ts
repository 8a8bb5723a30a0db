/**
 * What a commit and a tag must have before git looks at them at all.
 *
 * @module
 */

import { hexDigit, toBinary } from "../../core/bytes.ts";
import { kindOf } from "../kind.ts";

/**
 * What is wrong with a commit in the words of commit.c: parse_commit_buffer,
 * which its id follows; `undefined` where it can be read.
 */
export function commitFault(
  data: Uint8Array,
  hexLength: number,
): string | undefined {
  const treeEnd = hexLength + 5;
  const starts = (at: number, word: string): boolean =>
    startsAt(data, at, word);
  const isId = (at: number): boolean => isIdAt(data, at, hexLength);
  if (
    data.length <= treeEnd + 1 || !starts(0, "tree ") ||
    data[treeEnd] !== 0x0a
  ) return "bogus commit object";
  if (!isId(5)) return "bad tree pointer in commit";
  const parentLength = hexLength + 8;
  let at = treeEnd + 1;
  // One that ends the commit is not read by git, and so not found to be bad.
  while (at + parentLength - 1 < data.length && starts(at, "parent ")) {
    const isWhole = at + parentLength < data.length &&
      data[at + parentLength - 1] === 0x0a;
    if (!isWhole || !isId(at + 7)) return "bad parents in commit";
    at += parentLength;
  }
  return undefined;
}

// tag.c: parse_tag_buffer keeps the type in 20 bytes.
const TYPE_MAX = 19;

/**
 * What git says of a tag that it cannot read, which its id follows; "" where
 * it says nothing, and `undefined` where it can (tag.c: parse_tag_buffer).
 */
export function tagFault(
  data: Uint8Array,
  hexLength: number,
): string | undefined {
  const typeLine = hexLength + 8;
  if (
    data.length < hexLength + 24 || !startsAt(data, 0, "object ") ||
    !isIdAt(data, 7, hexLength) || data[typeLine - 1] !== 0x0a ||
    !startsAt(data, typeLine, "type ")
  ) return "";
  const typeEnd = data.indexOf(0x0a, typeLine + 5);
  if (typeEnd < 0 || typeEnd - typeLine - 5 > TYPE_MAX) return "";
  // For C, a NUL ends it.
  const type = toBinary(data, typeLine + 5, typeEnd).replace(/\0.*/, "");
  if (kindOf(type) === undefined) return `unknown tag type '${type}' in`;
  const tagLine = typeEnd + 1;
  return tagLine + 4 < data.length && startsAt(data, tagLine, "tag ") &&
      data.includes(0x0a, tagLine + 4)
    ? undefined
    : "";
}

function startsAt(data: Uint8Array, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (data[at + i] !== word.charCodeAt(i)) return false;
  }
  return true;
}

function isIdAt(data: Uint8Array, at: number, hexLength: number): boolean {
  for (let i = 0; i < hexLength; i++) {
    if (hexDigit(data[at + i] ?? 0) < 0) return false;
  }
  return true;
}
