/**
 * The entries of a tree that are asked for, in the order of git's read_tree,
 * one at a time: whoever walks says which directories to enter.
 *
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, oidFromRaw } from "../core/oid.ts";
import {
  MODE_FILE,
  MODE_GITLINK,
  MODE_SYMLINK,
  MODE_TREE,
  MODE_TYPE,
  TreeCursor,
  treeEntryKind,
} from "../object/tree.ts";
import type { AttributeStack } from "./attributes.ts";
import { isSafeName } from "./names.ts";
import type { EntryKind, Interest, Pathspec } from "./pathspec.ts";

/** Reads objects by their ids. */
export interface TreeSource {
  /** The object format. */
  readonly format: ObjectFormat;
  /** A tree's content. Throws a StorageError. */
  tree(oid: Oid): Uint8Array;
  /** A .gitattributes as a binary string; `undefined` where there is none. */
  attributes(oid: Oid): string | undefined;
}

/** Something that a walk has come to. */
export interface WalkedEntry {
  /** The directory it is in: "", or with a slash at its end. */
  readonly base: string;
  /** Its name. */
  readonly name: string;
  /** Its mode, as cache.h: canon_mode. */
  readonly mode: number;
  /** What it names. */
  readonly kind: EntryKind;
  /** The object. */
  readonly oid: Oid;
}

/** Which attributes hold: those of a directory, from its .gitattributes. */
export interface AttributeReading {
  /** The stack in the root of the tree. */
  open(root: string | undefined): AttributeStack;
  /** Whether the directories below bring their own. */
  readonly isOfTree: boolean;
}

/** What is walked. */
export interface TreeWalkInit {
  /** The tree it starts at. */
  readonly root: Oid;
  /** Where objects are. */
  readonly source: TreeSource;
  /** What is asked for. */
  readonly pathspec: Pathspec;
  /** How attributes are read. */
  readonly attributes: AttributeReading;
  /** Most trees to enter in a row with nothing taken; a million unless told. */
  readonly maxBarren?: number;
}

/** environment.c: max_allowed_tree_depth. */
const MAX_DEPTH = 2048;
const MAX_BARREN = 1_000_000;
/** Entries that are looked at in a row before others may have their turn. */
const MAX_PASSED = 16;
const ATTRIBUTES_NAME = ".gitattributes";

interface Frame {
  readonly base: string;
  readonly data: Uint8Array;
  readonly cursor: TreeCursor;
  readonly attributes: AttributeStack;
  interest: Interest;
}

/** A walk under way. */
export class TreeWalk {
  readonly #init: TreeWalkInit;
  readonly #stack: Frame[] = [];
  #last: WalkedEntry | undefined;
  #barren = 0;

  /** A walk before the first entry of its root. */
  constructor(init: TreeWalkInit) {
    this.#init = init;
    const data = init.source.tree(init.root);
    const { attributes } = init;
    const own = attributes.isOfTree ? this.#attributesIn(data) : undefined;
    this.#push("", data, attributes.open(own));
  }

  /** How many directories lead to the last entry, the root not counted. */
  get depth(): number {
    return this.#stack.length - 1;
  }

  /** The attributes in the directory of the last entry. */
  get attributes(): AttributeStack {
    return (this.#stack.at(-1) as Frame).attributes;
  }

  /**
   * The next entry that is asked for, `undefined` at the end; "pause" where
   * none was found yet. Throws RefusedError for names that nobody should unpack.
   */
  next(): WalkedEntry | "pause" | undefined {
    const { pathspec, source: { format } } = this.#init;
    for (let passed = 0;; passed++) {
      if (passed > MAX_PASSED) return "pause";
      const frame = this.#stack.at(-1);
      if (frame === undefined) return undefined;
      const { cursor, base, data } = frame;
      if (frame.interest === "end" || !cursor.next()) {
        // The frame of the root stays for `attributes`.
        if (this.#stack.length === 1) return undefined;
        this.#stack.pop();
        continue;
      }
      const name = toBinary(data, cursor.nameAt, cursor.oidAt - 1);
      const mode = canonicalMode(cursor.mode);
      if (!isSafeName(name, mode)) {
        throw new RefusedError("bad-path", `invalid path '${base}${name}'`);
      }
      const kind = treeEntryKind(mode);
      if (frame.interest !== "all") {
        frame.interest = pathspec.interest(base, name, kind, this.#lookUp);
        if (frame.interest === "end" || frame.interest === "none") continue;
      }
      const oid = oidFromRaw(data, cursor.oidAt, format);
      return this.#last = { base, name, mode, kind, oid };
    }
  }

  /** Goes into the directory that {@linkcode TreeWalk.next} gave last. */
  enter(): void {
    const { source, attributes, maxBarren = MAX_BARREN } = this.#init;
    const last = this.#last;
    if (last?.kind !== "tree") throw new TypeError("Cannot enter: no tree");
    if (this.#stack.length > MAX_DEPTH) {
      throw new RefusedError(
        "too-deep",
        "exceeded maximum allowed tree depth",
      );
    }
    if (++this.#barren > maxBarren) {
      throw new RefusedError("too-many-trees", "too many trees to look into");
    }
    const data = source.tree(last.oid);
    const directory = `${last.base}${last.name}`;
    const stack = attributes.isOfTree
      ? this.attributes.push(directory, this.#attributesIn(data))
      : this.attributes;
    this.#push(`${directory}/`, data, stack);
  }

  /** Says that something came of the walk so far. */
  bearFruit(): void {
    this.#barren = 0;
  }

  /** The values of the pathspec's own attributes, which are asked for last. */
  readonly #lookUp = (path: string) => {
    const count = this.#init.pathspec.attributeNames.length;
    return this.attributes.lookup(path, "file").slice(-count);
  };

  #push(base: string, data: Uint8Array, attributes: AttributeStack): void {
    const cursor = new TreeCursor(data, this.#init.source.format.rawLength);
    this.#stack.push({ base, data, cursor, attributes, interest: "some" });
  }

  /** The content of a tree's .gitattributes, where it has one. */
  #attributesIn(data: Uint8Array): string | undefined {
    const { source } = this.#init;
    const cursor = new TreeCursor(data, source.format.rawLength);
    while (cursor.next()) {
      const end = cursor.oidAt - 1;
      // Trees are sorted by name: behind the dot there is none.
      if ((data[cursor.nameAt] as number) > 0x2e) return undefined;
      if (end - cursor.nameAt !== ATTRIBUTES_NAME.length) continue;
      if (toBinary(data, cursor.nameAt, end) !== ATTRIBUTES_NAME) continue;
      if (treeEntryKind(cursor.mode) !== "blob") continue;
      return source.attributes(oidFromRaw(data, cursor.oidAt, source.format));
    }
    return undefined;
  }
}

/** cache.h: canon_mode. */
function canonicalMode(mode: number): number {
  switch (mode & MODE_TYPE) {
    case MODE_FILE:
      return MODE_FILE | ((mode & 0o100) !== 0 ? 0o755 : 0o644);
    case MODE_SYMLINK:
      return MODE_SYMLINK;
    case MODE_TREE:
      return MODE_TREE;
    default:
      return MODE_GITLINK;
  }
}
