/**
 * Which of many updates may be done together: those that need no order, whose
 * refs need no file of their own. Pure.
 *
 * @module
 */

import { isZeroOid } from "../../core/oid.ts";
import {
  isSafeRefName,
  parseRefName,
  type RefName,
} from "../../core/ref_name.ts";
import type { RefFailure, RefUpdate } from "../writes.ts";
import { PER_WORKTREE } from "./loose_refs.ts";

/** More creations at once go into `packed-refs`. */
const MANY_CREATIONS = 1000;
/** From so many deletions on they are done together. */
const MANY_DELETIONS = 64;

/** An update, and its place among those of the call. */
export interface Asked {
  /** The update. */
  readonly update: RefUpdate;
  /** Its place. */
  readonly index: number;
}

/** No updates. */
export const NO_INDEXES: ReadonlySet<number> = new Set();

/** The indexes of creations that go into `packed-refs`. */
export function manyCreations(
  asked: readonly Asked[],
  headTarget: () => RefName | undefined,
  { atomic }: { readonly atomic: boolean },
): ReadonlySet<number> {
  const creations = asked.filter(({ update }) =>
    update.old !== undefined && isZeroOid(update.old) &&
    !isZeroOid(update.new) && isShared(update)
  );
  if (creations.length <= MANY_CREATIONS) return NO_INDEXES;
  // Conflicts within an atomic set are looked for in any case.
  const head = headTarget();
  const packed = atomic
    ? creations.filter(({ update: { name } }) => name !== head)
    : unrelated(creations, asked, head);
  return packed.length <= MANY_CREATIONS
    ? NO_INDEXES
    : new Set(packed.map(({ index }) => index));
}

/** The indexes of deletions in a crowd of which none needs another. */
export function manyDeletions(
  asked: readonly Asked[],
  headTarget: () => RefName | undefined,
): ReadonlySet<number> {
  const all = asked.filter(({ update }) =>
    isZeroOid(update.new) && isShared(update)
  );
  if (all.length < MANY_DELETIONS) return NO_INDEXES;
  const alone = unrelated(all, asked, headTarget());
  return new Set(alone.map(({ index }) => index));
}

/** Those of `some` whose names no other name has to do with. */
function unrelated(
  some: readonly Asked[],
  asked: readonly Asked[],
  headTarget: RefName | undefined,
): Asked[] {
  const names = new Set<string>(asked.map(({ update }) => update.name));
  const directories = new Set<string>();
  for (const name of names) {
    for (const above of directoriesOf(name)) directories.add(above);
  }
  return some.filter(({ update: { name } }) =>
    name !== headTarget && !directories.has(name) &&
    !directoriesOf(name).some((above) => names.has(above))
  );
}

/** refs.c: ref_transaction_update. */
export function badName({ name }: RefUpdate): RefFailure | undefined {
  if (parseRefName(name) !== undefined && isSafeRefName(name)) return undefined;
  return {
    code: "failed",
    message: `refusing to update ref with bad name '${name}'`,
  };
}

/** Whether a ref is of all worktrees: others are never packed. */
function isShared(update: RefUpdate): boolean {
  return update.name.startsWith("refs/") && badName(update) === undefined &&
    !PER_WORKTREE.some((prefix) => update.name.startsWith(`${prefix}/`));
}

/** "refs/heads/a/b": refs, refs/heads and refs/heads/a. */
export function directoriesOf(name: string): string[] {
  const found: string[] = [];
  for (let end = name.indexOf("/"); end >= 0;) {
    found.push(name.slice(0, end));
    end = name.indexOf("/", end + 1);
  }
  return found;
}
