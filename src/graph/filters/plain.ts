/**
 * Filters that look at each object by itself, whatever leads to it: what they
 * let through is the same in every order of walking.
 *
 * @module
 */

import type { ObjectFilter } from "../../object/filter.ts";
import { BLOB, COMMIT, TREE } from "../../object/kind.ts";

/** What a filter lets through; what was asked for by name goes in any case. */
export interface PlainFilter {
  /** Whether commits go. */
  readonly commits: boolean;
  /** Whether trees go. */
  readonly trees: boolean;
  /** Whether blobs go. */
  readonly blobs: boolean;
  /** Blobs of so many bytes and more stay. */
  readonly blobLimit: number;
}

const ALL: PlainFilter = {
  commits: true,
  trees: true,
  blobs: true,
  blobLimit: Infinity,
};

/** The filter as a plain one; `undefined` where it looks at paths or depths. */
export function plainFilter(filter: ObjectFilter): PlainFilter | undefined {
  let plain = ALL;
  const stack = [filter];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { commits, trees, blobs, blobLimit } = plain;
    switch (at.type) {
      case "blob:none":
        plain = { ...plain, blobs: false };
        break;
      case "blob:limit":
        plain = {
          ...plain,
          blobLimit: Math.min(blobLimit, Number(at.limit)),
        };
        break;
      case "tree":
        if (at.depth > 0n) return undefined;
        plain = { ...plain, trees: false, blobs: false };
        break;
      case "sparse:oid":
        return undefined;
      case "object:type":
        plain = {
          ...plain,
          commits: commits && at.kind === COMMIT,
          trees: trees && at.kind === TREE,
          blobs: blobs && at.kind === BLOB,
        };
        break;
      case "combine":
        stack.push(...at.filters);
    }
  }
  return plain;
}
