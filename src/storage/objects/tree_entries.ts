/**
 * Trees as bytes: which entries one has that another has not, without looking
 * at the ids of all the others.
 *
 * @module
 */

import { wordsOf } from "../../core/bytes.ts";
import { MODE_TREE, MODE_TYPE } from "../../object/tree.ts";

const SPACE = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;

/**
 * Gets an entry: its mode, where its id stands, and where the other tree has
 * the id of its entry of that name; -1 where it has none.
 */
export type TakeEntry = (
  mode: number,
  oidAt: number,
  otherOidAt: number,
) => void;

/**
 * Calls `take` for the entries of `tree` that `other` has not just so; for
 * more where the two are sorted in odd ways. Ends where an entry is malformed.
 */
export function newEntries(
  tree: Uint8Array,
  other: Uint8Array,
  rawLength: number,
  take: TakeEntry,
): void {
  const words = wordsOf(tree);
  const otherWords = wordsOf(other);
  let at = 0;
  let was = 0;
  let word = 0;
  while (at < tree.length) {
    if (at === was) {
      // Up to here nothing moved: whole words are compared, and entries that
      // end before the first that differs are passed over.
      word = Math.max(word, at >>> 2);
      while (word < words.length && words[word] === otherWords[word]) word++;
      at = lastStart(tree, at, word * 4, rawLength);
      was = at;
      if (at === tree.length) return;
    }
    const most = Math.min(tree.length - at, other.length - was);
    let length = 0;
    while (
      length < most && tree[at + length] === other[was + length] &&
      tree[at + length] !== 0
    ) length++;
    const end = endOf(tree, at, rawLength);
    if (end < 0) return;
    const nulAt = end - 1 - rawLength;
    let order = -1;
    if (was < other.length) {
      const isNamed = nulAt === at + length && other[was + length] === 0;
      if (isNamed && isSame(tree, nulAt, other, was + length, rawLength)) {
        was += end - at;
        at = end;
        continue;
      }
      const nameAt = other.indexOf(SPACE, was) + 1;
      order = isNamed
        ? 0
        : orderOf(tree, at, other, nameAt, modeAt(other, was));
    }
    const otherEnd = order < 0 ? -1 : endOf(other, was, rawLength);
    if (order <= 0) {
      const isOther = order === 0 && otherEnd >= 0;
      take(
        modeAt(tree, at),
        end - rawLength,
        isOther ? otherEnd - rawLength : -1,
      );
      at = end;
    }
    if (order >= 0) was = otherEnd < 0 ? other.length : otherEnd;
  }
}

/** The start of the last entry, from `start` on, that ends beyond `limit`. */
function lastStart(
  tree: Uint8Array,
  start: number,
  limit: number,
  rawLength: number,
): number {
  let at = start;
  while (at < limit) {
    const end = endOf(tree, at, rawLength);
    if (end < 0 || end > limit) break;
    at = end;
  }
  return at;
}

/** Whether the ids behind two NULs are the same. */
function isSame(
  tree: Uint8Array,
  nulAt: number,
  other: Uint8Array,
  otherNulAt: number,
  rawLength: number,
): boolean {
  for (let i = 1; i <= rawLength; i++) {
    if (tree[nulAt + i] !== other[otherNulAt + i]) return false;
  }
  return true;
}

/** The mode at the start of an entry; digits that are none make any number. */
function modeAt(tree: Uint8Array, start: number): number {
  let mode = 0;
  for (let at = start; at < tree.length && tree[at] !== SPACE; at++) {
    mode = mode << 3 | (tree[at] as number) - ZERO & 7;
  }
  return mode;
}

/**
 * How the entry at `at` sorts to one of a mode whose name is at `nameAt` in
 * `other` (tree.c: base_name_compare).
 */
function orderOf(
  tree: Uint8Array,
  at: number,
  other: Uint8Array,
  nameAt: number,
  mode: number,
): number {
  let i = tree.indexOf(SPACE, at) + 1;
  let j = nameAt;
  while (tree[i] === other[j] && (tree[i] ?? 0) > 0) {
    i++;
    j++;
  }
  return (tree[i] || ending(modeAt(tree, at))) - (other[j] || ending(mode));
}

/** What follows a name: a tree's sorts as if it had a slash. */
function ending(mode: number): number {
  return (mode & MODE_TYPE) === MODE_TREE ? SLASH : 0;
}

/** Where the entry at `at` ends, or -1 if it is cut off. */
function endOf(tree: Uint8Array, at: number, rawLength: number): number {
  const last = tree.length - rawLength;
  let nulAt = at;
  while (nulAt < last && tree[nulAt] !== 0) nulAt++;
  return nulAt < last ? nulAt + 1 + rawLength : -1;
}
