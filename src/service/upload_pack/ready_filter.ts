/**
 * Makes a filter ready for a snapshot: finds the patterns that `sparse:oid`
 * filters name.
 *
 * @module
 */

import { fromBinary, printable } from "../../core/bytes.ts";
import { RefusedError, StorageError } from "../../core/errors.ts";
import { parseOid } from "../../core/oid.ts";
import { plainFilter } from "../../graph/filters/plain.ts";
import {
  MAX_PATTERN_BYTES,
  SparsePatterns,
} from "../../graph/filters/sparse_patterns.ts";
import type { ReadyFilter } from "../../graph/filters/walk.ts";
import { peel } from "../../graph/peel.ts";
import type { ObjectFilter } from "../../object/filter.ts";
import { BLOB, COMMIT, TREE } from "../../object/kind.ts";
import { TreeCursor } from "../../object/tree.ts";
import type { ObjectStore, Snapshot } from "../../storage/types.ts";
import { lookUp, REF_RULES } from "./deepen.ts";

/**
 * The filter with its patterns. Throws a RefusedError in git's words where they
 * are not there, are no blob, or are too many.
 */
export function readyFilter(
  snapshot: Snapshot,
  filter: ObjectFilter,
): ReadyFilter {
  const patterns = new Map<string, SparsePatterns>();
  for (const name of sparseNames(filter)) {
    patterns.set(name, readPatterns(snapshot, name));
  }
  return { filter, patterns };
}

/** The names in the `sparse:oid` parts of a filter, each once. */
export function sparseNames(filter: ObjectFilter): ReadonlySet<string> {
  const names = new Set<string>();
  const stack = [filter];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at.type === "combine") stack.push(...at.filters.toReversed());
    if (at.type === "sparse:oid") names.add(at.name);
  }
  return names;
}

/**
 * Whether a reader with `filter` has all that its commits reach and that deltas
 * of what it gets may be made against: not where it has some blobs alone.
 */
export function hasBases(filter: ObjectFilter | undefined): boolean {
  return filter === undefined || plainFilter(filter)?.blobs === false;
}

function readPatterns(snapshot: Snapshot, name: string): SparsePatterns {
  const { objects } = snapshot;
  const blob = findSparse(snapshot, name);
  if (blob < 0) throw noSparse(name);
  const bad = `unable to parse sparse filter data in ${objects.oid(blob)}`;
  try {
    if (!objects.has(blob) || objects.kind(blob) !== BLOB) throw refused(bad);
    return new SparsePatterns(objects.read(blob, MAX_PATTERN_BYTES).data);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw refused(bad, { cause: error });
  }
}

/** What is said where a name leads nowhere. */
export function noSparse(name: string): RefusedError {
  return refused(`unable to access sparse blob in '${printable(name)}'`);
}

/** The object that `<id>`, `<ref>` or `<tree-ish>:<path>` names, or -1. */
export function findSparse(snapshot: Snapshot, name: string): number {
  const whole = resolveSimple(snapshot, name);
  const colon = name.indexOf(":");
  if (whole >= 0 || colon <= 0) return whole;
  const path = name.slice(colon + 1);
  if (/^\.\.?\//.test(path)) {
    throw refused("relative path syntax can't be used outside working tree");
  }
  const { objects } = snapshot;
  const root = resolveSimple(snapshot, name.slice(0, colon));
  return root < 0 || !objects.has(root) ? -1 : entryAt(objects, root, path);
}

/** object-name.c: get_oid_basic, without short ids, reflogs and `@`. */
function resolveSimple(snapshot: Snapshot, name: string): number {
  const { objects } = snapshot;
  const oid = parseOid(name, objects.format);
  if (oid !== undefined) return objects.intern(oid);
  for (const rule of REF_RULES) {
    const found = lookUp(snapshot, rule(name));
    if (found !== undefined) return objects.find(found);
  }
  return -1;
}

/** tree-walk.c: get_tree_entry. */
function entryAt(objects: ObjectStore, root: number, path: string): number {
  let at = peel(objects, root);
  if (at >= 0 && objects.kind(at) === COMMIT) at = objects.commitTree(at);
  if (path === "") return at;
  for (const name of path.split("/")) {
    if (at < 0 || !objects.has(at) || objects.kind(at) !== TREE) return -1;
    at = childOf(objects, at, fromBinary(name));
  }
  return at;
}

function childOf(
  objects: ObjectStore,
  tree: number,
  name: Uint8Array,
): number {
  const { data } = objects.read(tree);
  const cursor = new TreeCursor(data, objects.format.rawLength);
  while (cursor.next()) {
    const { nameAt, oidAt } = cursor;
    const isNamed = oidAt - 1 - nameAt === name.length &&
      name.every((byte, i) => data[nameAt + i] === byte);
    if (isNamed) return objects.internRaw(data, oidAt);
  }
  return -1;
}

function refused(message: string, options?: ErrorOptions): RefusedError {
  return new RefusedError("bad-sparse-filter", message, options);
}
