/**
 * The names of a commit in the order in which git tells them: log-tree.c of
 * 2.39, load_ref_decorations.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";
import type {
  Decoration,
  DecorationKind,
  Decorations,
} from "./format_sources.ts";

/** A ref and what it names. */
export interface NamedRef {
  /** The whole name, a binary string. */
  readonly name: string;
  /** What it names. */
  readonly oid: Oid;
  /** What tags lead to from there; `undefined` or the same without any. */
  readonly peeled?: Oid | undefined;
}

/** What HEAD is. */
export interface NamedHead {
  /** The object, where it names one. */
  readonly oid: Oid | undefined;
  /** The ref it is a symbolic name of. */
  readonly target: string | undefined;
}

const REPLACE = "refs/replace/";

/**
 * The names of `oid` among `refs`, all of the repository in ascending order.
 */
export function decorate(
  oid: Oid,
  refs: Iterable<NamedRef>,
  head: NamedHead,
): Decorations {
  const names: Decoration[] = [];
  for (const { name, oid: named, peeled } of refs) {
    if (name.startsWith(REPLACE)) {
      if (name.slice(REPLACE.length) === oid) {
        names.push({ kind: "grafted", name: "replaced" });
      }
    } else if (named === oid) {
      names.push({ kind: kindOf(name), name });
    } else if (peeled === oid) {
      names.push({ kind: "tag", name });
    }
  }
  if (head.oid === oid) names.push({ kind: "head", name: "HEAD" });
  return { names: names.reverse(), head: head.target };
}

function kindOf(name: string): DecorationKind {
  if (name.startsWith("refs/heads/")) return "branch";
  return name.startsWith("refs/tags/") ? "tag" : "other";
}
