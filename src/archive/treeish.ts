/**
 * From the text that names a tree to the tree: archive.c, parse_treeish_arg,
 * over object-name.c. Nothing here touches a file: names are looked up among
 * refs and objects alone.
 *
 * @see https://git-scm.com/docs/gitrevisions
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import { type Oid, oidFromRaw } from "../core/oid.ts";
import { COMMIT, TAG, TREE } from "../object/kind.ts";
import { MODE_TREE, MODE_TYPE, TreeCursor } from "../object/tree.ts";
import { dwimRef, type NameSource, resolveName } from "./object_name.ts";

/** What a name leads to. */
export interface FoundTree {
  /** The tree. */
  readonly tree: Oid;
  /** The commit it is of, where the name is of one. */
  readonly commit: Oid | undefined;
}

/** Whether any object may be named, or only what a ref is the name of. */
export type Reach = "refs" | "objects";

/** Finds what `name` leads to. Throws RefusedError in git's words. */
export function findTreeish(
  name: string,
  reach: Reach,
  source: NameSource,
): FoundTree {
  if (reach === "refs") {
    const colon = name.indexOf(":");
    const ref = colon < 0 ? name : name.slice(0, colon);
    if (dwimRef(ref, source) === undefined) {
      throw refused("no-such-ref", `no such ref: ${ref}`);
    }
  }
  const oid = resolveExpression(name, source);
  if (oid === undefined) {
    throw refused("bad-object-name", `not a valid object name: ${name}`);
  }
  const commit = peelTo(oid, COMMIT, source);
  const tree = commit === undefined
    ? peelTo(oid, TREE, source)
    : source.commitTree(commit);
  if (tree === undefined || source.kind(tree) !== TREE) {
    throw refused("not-a-tree", `not a tree object: ${oid}`);
  }
  return { tree, commit };
}

/** What tags lead to, if it is of `kind`. */
function peelTo(
  oid: Oid,
  kind: typeof COMMIT | typeof TREE,
  source: NameSource,
): Oid | undefined {
  let at = oid;
  // A tag names what was there before it: there are no rings.
  for (;;) {
    const found = source.kind(at);
    if (found === kind) return at;
    if (found !== TAG) return undefined;
    at = source.tagTarget(at);
  }
}

/**
 * The object that a name means, with a path or without: object-name.c,
 * get_oid_with_context_1. Throws RefusedError for paths that git refuses.
 */
export function resolveExpression(
  name: string,
  source: NameSource,
): Oid | undefined {
  const whole = resolveName(name, source);
  if (whole !== undefined) return whole;
  // ":path" and ":/text" need an index and a search.
  const colon = colonAt(name);
  if (colon <= 0) return undefined;
  const base = resolveName(name.slice(0, colon), source, "treeish");
  if (base === undefined) return undefined;
  const path = name.slice(colon + 1);
  if (path.startsWith("./") || path.startsWith("../")) {
    throw refused(
      "relative-path",
      "relative path syntax can't be used outside working tree",
    );
  }
  const commit = peelTo(base, COMMIT, source);
  const root = commit === undefined
    ? peelTo(base, TREE, source)
    : source.commitTree(commit);
  return root === undefined ? undefined : findPath(root, path, source);
}

/** The first colon outside of braces, or -1. */
function colonAt(name: string): number {
  let depth = 0;
  for (let at = 0; at < name.length; at++) {
    const character = name[at];
    if (character === "{") depth++;
    else if (depth > 0 && character === "}") depth--;
    else if (depth === 0 && character === ":") return at;
  }
  return -1;
}

/** tree-walk.c: get_tree_entry. A slash at the end asks for a directory. */
function findPath(
  root: Oid,
  path: string,
  source: NameSource,
): Oid | undefined {
  let tree = root;
  let rest = path;
  while (rest !== "") {
    const slash = rest.indexOf("/");
    const name = slash < 0 ? rest : rest.slice(0, slash);
    const entry = findEntry(tree, name, source);
    if (entry === undefined) return undefined;
    if (slash < 0) return entry.oid;
    if ((entry.mode & MODE_TYPE) !== MODE_TREE) return undefined;
    tree = entry.oid;
    rest = rest.slice(slash + 1);
    if (source.kind(tree) !== TREE) return undefined;
  }
  return tree;
}

function findEntry(
  tree: Oid,
  name: string,
  source: NameSource,
): { readonly oid: Oid; readonly mode: number } | undefined {
  const data = source.tree(tree);
  const cursor = new TreeCursor(data, source.format.rawLength);
  while (cursor.next()) {
    const end = cursor.oidAt - 1;
    if (end - cursor.nameAt !== name.length) continue;
    if (toBinary(data, cursor.nameAt, end) !== name) continue;
    const oid = oidFromRaw(data, cursor.oidAt, source.format);
    return { oid, mode: cursor.mode };
  }
  return undefined;
}

function refused(code: string, message: string): RefusedError {
  return new RefusedError(code, message);
}
