/**
 * What goes into an archive, in the order of archive.c: a directory comes when
 * the first file in it does, so that those without any are left out.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";
import type { AttributeValue } from "./attributes.ts";
import type { Pathspec } from "./pathspec.ts";
import { TreeWalk, type TreeWalkInit, type WalkedEntry } from "./tree_walk.ts";

/** One thing for an archive. */
export interface Chosen {
  /** Its path from the root of the walk; that of a directory ends in "/". */
  readonly path: string;
  /** Its mode, as cache.h: canon_mode. */
  readonly mode: number;
  /** The object. */
  readonly oid: Oid;
  /** Its attributes, as the stack was opened for them; none of a directory. */
  readonly attributes: readonly AttributeValue[];
}

/** The place of `export-ignore` among the names that stacks are opened for. */
export const EXPORT_IGNORE = 0;

/** Yields what is asked for; `undefined` is a step without anything. */
export function* chooseEntries(
  init: TreeWalkInit,
): Generator<Chosen | undefined, void, void> {
  const walk = new TreeWalk(init);
  /** The directories on the way that were not written yet. */
  let waiting: { readonly depth: number; readonly chosen: Chosen }[] = [];
  for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
    if (entry === "pause") {
      yield undefined;
      continue;
    }
    const { depth } = walk;
    while ((waiting.at(-1)?.depth ?? -1) >= depth) waiting.pop();
    const path = `${entry.base}${entry.name}`;
    const isFolder = entry.kind !== "blob";
    const attributes = walk.attributes.lookup(
      path,
      isFolder ? "directory" : "file",
    );
    const isIgnored = attributes[EXPORT_IGNORE] === true;
    const { mode, oid } = entry;
    const chosen = { path: isFolder ? `${path}/` : path, mode, oid };
    if (entry.kind === "tree") {
      if (isIgnored) continue;
      waiting.push({ depth, chosen: { ...chosen, attributes: [] } });
      walk.enter();
      yield undefined;
      continue;
    }
    walk.bearFruit();
    // Also where what is in them is then left out.
    for (const directory of waiting) yield directory.chosen;
    waiting = [];
    if (!isIgnored) yield { ...chosen, attributes };
  }
}

/**
 * Whether `pathspec` matches anything in a tree (archive.c: path_exists).
 * Yields how many directories it has looked into.
 */
export function* hasMatch(
  init: TreeWalkInit,
): Generator<number, boolean, void> {
  const walk = new TreeWalk(init);
  const { pathspec } = init;
  let count = 0;
  for (let entry = walk.next(); entry !== undefined; entry = walk.next()) {
    if (entry === "pause") {
      yield count;
      continue;
    }
    if (isProof(walk, pathspec, entry)) return true;
    walk.enter();
    yield ++count;
  }
  return false;
}

function isProof(
  walk: TreeWalk,
  pathspec: Pathspec,
  { base, name, kind }: WalkedEntry,
): boolean {
  return pathspec.isProof(
    base,
    name,
    kind,
    (path) =>
      walk.attributes.lookup(path, "file").slice(
        -pathspec.attributeNames.length,
      ),
  );
}
