/**
 * The entries of a tree, those left out that another tree has just so.
 *
 * @module
 */

import { wordsOf } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { NumberList } from "../../core/number_list.ts";
import { MODE_TREE, MODE_TYPE } from "../../object/tree.ts";

const SPACE = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;
const SEVEN = 0x37;

/** How many numbers {@linkcode treeChanges} gives for an entry. */
export const ENTRY_FIELDS = 3;

/**
 * For each entry its mode, where its name starts, and where its id does, a NUL
 * behind the name. Entries that `other` has too are left out where both trees
 * are sorted. Throws StorageError "corrupt-object" as TreeCursor does.
 */
export function treeChanges(
  tree: Uint8Array,
  other: Uint8Array,
  rawLength: number,
): NumberList {
  const found = new NumberList(16);
  const { length } = tree;
  if (
    length > 0 &&
    (length < rawLength + 3 || tree[length - rawLength - 1] !== 0)
  ) throw corrupt("too-short tree object");
  const words = wordsOf(tree);
  const otherWords = wordsOf(other);
  let was = 0;
  // Up to here both are the same as long as nothing moved.
  let word = 0;
  for (let at = 0; at < length;) {
    const start = at;
    let mode = 0;
    let byte = tree[at] as number;
    if (byte === SPACE) throw corrupt("malformed mode in tree entry");
    for (; byte !== SPACE; byte = tree[++at] as number) {
      if (!(byte >= ZERO && byte <= SEVEN)) {
        throw corrupt("malformed mode in tree entry");
      }
      mode = (mode << 3) + byte - ZERO;
    }
    const nameAt = ++at;
    if (tree[at] === 0) throw corrupt("empty filename in tree entry");
    // The NUL that was checked above ends this at the latest.
    while (tree[at] !== 0) at++;
    const oidAt = ++at;
    at += rawLength;
    if (at > length) throw corrupt("too-short tree file");
    if (start === was) {
      word = Math.max(word, start >>> 2);
      while (word < words.length && words[word] === otherWords[word]) word++;
      if (at <= word * 4) {
        was = at;
        continue;
      }
    }
    was = passSmaller(tree, nameAt, mode, other, was, rawLength);
    if (isSame(tree, start, at, other, was)) {
      was += at - start;
      continue;
    }
    found.push(mode);
    found.push(nameAt);
    found.push(oidAt);
  }
  return found;
}

/** Where in `other`, from `was` on, is what does not sort before the entry. */
function passSmaller(
  tree: Uint8Array,
  nameAt: number,
  mode: number,
  other: Uint8Array,
  was: number,
  rawLength: number,
): number {
  let next = was;
  while (next < other.length) {
    const otherNameAt = other.indexOf(SPACE, next) + 1;
    let i = 0;
    while (
      tree[nameAt + i] === other[otherNameAt + i] && tree[nameAt + i] !== 0
    ) i++;
    const mine = tree[nameAt + i] || ending(mode);
    const isTree = other[next] === ZERO + 4;
    const theirs = other[otherNameAt + i] || (isTree ? SLASH : 0);
    if (mine <= theirs) return next;
    next = other.indexOf(0, otherNameAt + i) + 1 + rawLength;
  }
  return next;
}

function isSame(
  tree: Uint8Array,
  start: number,
  end: number,
  other: Uint8Array,
  was: number,
): boolean {
  for (let i = start; i < end; i++) {
    if (tree[i] !== other[was + i - start]) return false;
  }
  return true;
}

/** What follows a name: a tree's sorts as if it had a slash. */
function ending(mode: number): number {
  return (mode & MODE_TYPE) === MODE_TREE ? SLASH : 0;
}

function corrupt(message: string): StorageError {
  return new StorageError("corrupt-object", message);
}
