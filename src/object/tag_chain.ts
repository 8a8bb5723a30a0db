/**
 * Following tags to what they lead to, each of them once: a push may bring any
 * number of refs to the tags of one long chain.
 *
 * @module
 */

import { type Kind, TAG } from "./kind.ts";

/** Objects by number, as far as chains of tags need them. */
export interface TaggedObjects {
  /** More than any number. */
  readonly count: number;
  /** Whether an object is here. */
  has(number: number): boolean;
  /** Its kind. */
  kind(number: number): Kind;
  /** What a tag names. */
  tagTarget(tag: number): number;
}

/** Where tags that were followed lead, for as long as their objects live. */
const FOLLOWED = new WeakMap<TaggedObjects, Map<number, number>>();

/**
 * The object at the end of the chain of tags that starts at `number`, which is
 * `number` itself where it is no tag; -1 where an object on the way is missing
 * or the chain comes back to where it was. As tag.c: deref_tag.
 */
export function endOfTags(objects: TaggedObjects, number: number): number {
  let ends: Map<number, number> | undefined;
  const passed: number[] = [];
  let at = number;
  // No chain without a loop has more links than there are objects.
  for (let links = 0; links <= objects.count; links++) {
    if (at < 0 || !objects.has(at)) return -1;
    if (objects.kind(at) !== TAG) {
      for (const tag of passed) ends?.set(tag, at);
      return at;
    }
    ends ??= endsOf(objects);
    passed.push(at);
    at = ends.get(at) ?? objects.tagTarget(at);
  }
  return -1;
}

function endsOf(objects: TaggedObjects): Map<number, number> {
  let ends = FOLLOWED.get(objects);
  if (ends === undefined) FOLLOWED.set(objects, ends = new Map());
  return ends;
}
