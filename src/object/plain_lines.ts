/**
 * What clients without a Git server read: the text of `info/refs`,
 * `objects/info/packs` and `HEAD`, wherever it is written to.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import type { Oid } from "../core/oid.ts";
import { TAG } from "./kind.ts";
import { endOfTags, type TaggedObjects } from "./tag_chain.ts";

/** Objects by number and by name. */
export interface NamedObjects extends TaggedObjects {
  /** The number of an object that is here, or -1. */
  find(oid: Oid): number;
  /** An object's name. */
  oid(number: number): Oid;
}

/** A ref, as far as its line tells of it. */
export interface PlainRef {
  /** Its full name, a binary string. */
  readonly name: string;
  /** The object that it resolves to. */
  readonly oid: Oid;
  /** What a tag is known to lead to; `null` for no tag. */
  readonly peeled?: Oid | null;
}

/**
 * The line of a ref in `info/refs`, and behind a tag the line of what it leads
 * to: a binary string, "" where the object is not here (server-info.c:
 * add_info_ref). Throws a StorageError for objects that cannot be read.
 */
export function plainRefLine(objects: NamedObjects, ref: PlainRef): string {
  const { name, oid } = ref;
  const number = objects.find(oid);
  if (number < 0) return "";
  const line = `${oid}\t${name}\n`;
  const peeled = ref.peeled === undefined
    ? peeledOid(objects, number)
    : ref.peeled;
  return peeled === null ? line : `${line}${peeled}\t${name}^{}\n`;
}

/** The text of `objects/info/packs` for packs by their files' names. */
export function plainPacksText(names: Iterable<string>): string {
  let text = "";
  for (const name of names) text += `P ${name}\n`;
  return `${text}\n`;
}

/** `null` for what is no tag, and for tags that lead nowhere. */
function peeledOid(objects: NamedObjects, number: number): Oid | null {
  if (objects.kind(number) !== TAG) return null;
  const end = endOfTags(objects, number);
  return end < 0 ? null : objects.oid(end);
}
