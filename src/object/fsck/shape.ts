/**
 * What a commit must have before git looks at it at all.
 *
 * @module
 */

import { fromHex, toBinary } from "../../core/bytes.ts";

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
    toBinary(data, at, at + word.length) === word;
  const isId = (at: number): boolean =>
    fromHex(toBinary(data, at, at + hexLength)) !== undefined;
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
