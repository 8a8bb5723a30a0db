/**
 * The four kinds of object, as names and as the numbers that pack entries use.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

/** A kind of object by its name in object headers. */
export type KindName = "commit" | "tree" | "blob" | "tag";

/** A kind of object by its number in pack entries. */
export type Kind = 1 | 2 | 3 | 4;

/** A commit. */
export const COMMIT = 1;
/** A tree. */
export const TREE = 2;
/** A blob. */
export const BLOB = 3;
/** An annotated tag. */
export const TAG = 4;
/** A pack entry that is a delta against an entry earlier in the pack. */
export const OFS_DELTA = 6;
/** A pack entry that is a delta against an object named by its id. */
export const REF_DELTA = 7;

const NAMES: readonly (KindName | undefined)[] = [
  undefined,
  "commit",
  "tree",
  "blob",
  "tag",
];

/** The name of a kind: 1 is "commit". */
export function kindName(kind: Kind): KindName {
  return NAMES[kind] as KindName;
}

/** The kind that a name means, or `undefined`. */
export function kindOf(name: string): Kind | undefined {
  const kind = NAMES.indexOf(name as KindName);
  return kind > 0 ? kind as Kind : undefined;
}
