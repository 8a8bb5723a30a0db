/**
 * The entries of a tree, read and written as bytes. Names are not checked:
 * what a tree may hold is the business of fsck rules.
 *
 * @module
 */

import { concatBytes, fromBinary, toBinary } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import {
  type ObjectFormat,
  type Oid,
  oidFromRaw,
  oidToRaw,
} from "../core/oid.ts";

/** The bits of a mode that say what an entry is. */
export const MODE_TYPE = 0o170000;
/** {@linkcode MODE_TYPE} of a directory. */
export const MODE_TREE = 0o040000;
/** {@linkcode MODE_TYPE} of a file. */
export const MODE_FILE = 0o100000;
/** {@linkcode MODE_TYPE} of a symlink. */
export const MODE_SYMLINK = 0o120000;
/** {@linkcode MODE_TYPE} of a commit in another repository. */
export const MODE_GITLINK = 0o160000;

/** One entry of a tree. */
export interface TreeEntry {
  /** The mode as written: 0o100644. */
  readonly mode: number;
  /** The name, a binary string. */
  readonly name: string;
  /** The object. */
  readonly oid: Oid;
}

/** What an entry names, as git sees its mode (cache.h: canon_mode). */
export function treeEntryKind(mode: number): "tree" | "blob" | "gitlink" {
  const type = mode & MODE_TYPE;
  if (type === MODE_TREE) return "tree";
  return type === MODE_FILE || type === MODE_SYMLINK ? "blob" : "gitlink";
}

/**
 * Steps through a tree's entries in place. Throws StorageError
 * "corrupt-object" with the words of tree-walk.c: decode_tree_entry, whose
 * tolerance it has.
 */
export class TreeCursor {
  readonly #data: Uint8Array;
  readonly #rawLength: number;
  /** The entry's mode as written. */
  mode = 0;
  /** Where its name starts. */
  nameAt = 0;
  /** Where its raw id starts; its name ends one byte before. */
  oidAt = 0;
  #next = 0;

  /** A cursor before the first entry of `data`, which is kept. */
  constructor(data: Uint8Array, rawLength: number) {
    this.#data = data;
    this.#rawLength = rawLength;
  }

  /** Goes to the next entry; false at the end. */
  next(): boolean {
    const data = this.#data;
    const end = data.length;
    let at = this.#next;
    if (at >= end) return false;
    if (
      end - at < this.#rawLength + 3 || data[end - this.#rawLength - 1] !== 0
    ) {
      throw new StorageError("corrupt-object", "too-short tree object");
    }
    let mode = 0;
    let code = data[at] as number;
    if (code === 0x20) throw malformedMode();
    while (code !== 0x20) {
      if (code < 0x30 || code > 0x37) throw malformedMode();
      mode = (mode << 3) + code - 0x30;
      code = data[++at] as number;
    }
    this.mode = mode;
    this.nameAt = ++at;
    if (data[at] === 0) {
      throw new StorageError("corrupt-object", "empty filename in tree entry");
    }
    // The NUL that was checked above ends this at the latest.
    while (data[at] !== 0) at++;
    this.oidAt = at + 1;
    this.#next = at + 1 + this.#rawLength;
    if (this.#next > end) {
      throw new StorageError("corrupt-object", "too-short tree file");
    }
    return true;
  }
}

function malformedMode(): StorageError {
  return new StorageError("corrupt-object", "malformed mode in tree entry");
}

/** Every entry of a tree. Throws as {@linkcode TreeCursor.next}. */
export function parseTree(data: Uint8Array, format: ObjectFormat): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const cursor = new TreeCursor(data, format.rawLength);
  while (cursor.next()) {
    entries.push({
      mode: cursor.mode,
      name: toBinary(data, cursor.nameAt, cursor.oidAt - 1),
      oid: oidFromRaw(data, cursor.oidAt, format),
    });
  }
  return entries;
}

/**
 * The bytes of a tree with these entries, sorted as git sorts them: by bytes,
 * a directory's name as if "/" ended it (tree.c: base_name_compare).
 */
export function encodeTree(
  entries: readonly TreeEntry[],
): Uint8Array<ArrayBuffer> {
  const keyed = entries.map((entry) => ({
    entry,
    key: treeEntryKind(entry.mode) === "tree" ? `${entry.name}/` : entry.name,
  }));
  keyed.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const parts: Uint8Array[] = [];
  for (const { entry } of keyed) {
    parts.push(
      fromBinary(`${entry.mode.toString(8)} ${entry.name}\0`),
      oidToRaw(entry.oid),
    );
  }
  return concatBytes(parts);
}
