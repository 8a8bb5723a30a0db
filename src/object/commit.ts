/**
 * What walks need of a commit: its tree, its parents and when it was
 * committed. Not its people, not its message.
 *
 * @see https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";

/** A commit's links and time. */
export interface CommitLinks {
  /** Its tree. */
  readonly tree: Oid;
  /** Its parents, in order; a parent may be named twice. */
  readonly parents: readonly Oid[];
  /** Seconds since 1970, 0 where it cannot be read. */
  readonly time: number;
}

/** Where a commit's tree id starts, in hex. */
export const COMMIT_TREE_AT = 5;

/** Where the hex id of a commit's `index`th parent starts. */
export function commitParentAt(index: number, hexLength: number): number {
  // "tree " id LF, then "parent " id LF for each.
  return hexLength + 6 + 7 + index * (hexLength + 8);
}

const TREE = [0x74, 0x72, 0x65, 0x65, 0x20];
const PARENT = [0x70, 0x61, 0x72, 0x65, 0x6e, 0x74, 0x20];
const AUTHOR = [0x61, 0x75, 0x74, 0x68, 0x6f, 0x72];
const COMMITTER = [0x63, 0x6f, 0x6d, 0x6d, 0x69, 0x74, 0x74, 0x65, 0x72];
const LF = 0x0a;

/**
 * How many parents a commit names, after a look at its frame: the words and
 * line ends, not the ids' digits. Throws StorageError "corrupt-object" with
 * the words of commit.c: parse_commit_buffer, whose tolerance this has.
 */
export function commitParentCount(data: Uint8Array, hexLength: number): number {
  const treeLine = hexLength + 6;
  if (
    data.length <= treeLine || !startsWith(data, 0, TREE) ||
    data[treeLine - 1] !== LF
  ) {
    throw new StorageError("corrupt-object", "bogus commit object");
  }
  const parentLine = hexLength + 8;
  let at = treeLine;
  let count = 0;
  while (at + parentLine - 1 < data.length && startsWith(data, at, PARENT)) {
    if (
      data.length <= at + parentLine || data[at + parentLine - 1] !== LF
    ) {
      throw new StorageError("corrupt-object", "bad parents in commit");
    }
    at += parentLine;
    count++;
  }
  return count;
}

/**
 * The committer's time of a commit with `parents` parents, as commit.c:
 * parse_commit_date reads it: 0 where the author line does not follow, the
 * committer line is broken, or there is no number after its `>`.
 */
export function commitTime(
  data: Uint8Array,
  hexLength: number,
  parents: number,
): number {
  const tail = data.length;
  let at = hexLength + 6 + parents * (hexLength + 8);
  if (at + 6 >= tail || !startsWith(data, at, AUTHOR)) return 0;
  at = after(data, at, LF);
  if (at + 9 >= tail || !startsWith(data, at, COMMITTER)) return 0;
  at = after(data, at, 0x3e);
  if (at >= tail) return 0;
  if (after(data, at, LF) >= tail) return 0;
  return parseTimestamp(data, at);
}

/** Parses a commit. Throws StorageError "corrupt-object". */
export function parseCommit(
  data: Uint8Array,
  format: ObjectFormat,
): CommitLinks {
  const { hexLength } = format;
  const count = commitParentCount(data, hexLength);
  const tree = oidAt(data, COMMIT_TREE_AT, format);
  if (tree === undefined) {
    throw new StorageError("corrupt-object", "bad tree pointer in commit");
  }
  const parents: Oid[] = [];
  for (let i = 0; i < count; i++) {
    const parent = oidAt(data, commitParentAt(i, hexLength), format);
    if (parent === undefined) {
      throw new StorageError("corrupt-object", "bad parents in commit");
    }
    parents.push(parent);
  }
  return { tree, parents, time: commitTime(data, hexLength, count) };
}

function oidAt(
  data: Uint8Array,
  at: number,
  format: ObjectFormat,
): Oid | undefined {
  return parseOid(toBinary(data, at, at + format.hexLength), format);
}

/** The position after the first `byte` from `at` on, or the end. */
function after(data: Uint8Array, at: number, byte: number): number {
  while (at < data.length && data[at++] !== byte);
  return at;
}

/**
 * C's strtoumax in base 10, which is how git reads times: blanks and a sign
 * may stand in front, a negative number wraps around, and what is too large
 * becomes the largest. Beyond 2^53 the value is approximate.
 */
function parseTimestamp(data: Uint8Array, at: number): number {
  let code = data[at] as number;
  while (code === 0x20 || (code >= 0x09 && code <= 0x0d)) {
    code = data[++at] as number;
  }
  const isNegative = code === 0x2d;
  if (isNegative || code === 0x2b) code = data[++at] as number;
  let value = 0;
  while (code >= 0x30 && code <= 0x39) {
    value = value * 10 + code - 0x30;
    code = data[++at] as number;
  }
  if (value >= 2 ** 64) return 2 ** 64;
  return isNegative && value > 0 ? 2 ** 64 - value : value;
}

function startsWith(
  data: Uint8Array,
  at: number,
  text: readonly number[],
): boolean {
  for (let i = 0; i < text.length; i++) {
    if (data[at + i] !== text[i]) return false;
  }
  return true;
}
