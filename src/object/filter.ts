/**
 * What a partial clone leaves out, as a value: it is parsed in `wire/`, allowed
 * or not by the service, and carried out in `graph/`.
 *
 * @see https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---filterltfilter-specgt
 * @module
 */

import type { Kind } from "./kind.ts";

/** A filter. Immutable, and can be cloned. */
export type ObjectFilter =
  | { readonly type: "blob:none" }
  /** Blobs of fewer bytes go. */
  | { readonly type: "blob:limit"; readonly limit: bigint }
  /** Trees and blobs go that are less deep; a root tree is 0 deep. */
  | { readonly type: "tree"; readonly depth: bigint }
  /** Blobs go whose paths match the patterns in the blob that `name` names. */
  | { readonly type: "sparse:oid"; readonly name: string }
  | { readonly type: "object:type"; readonly kind: Kind }
  /** What all of several filters let through, one and more. */
  | { readonly type: "combine"; readonly filters: readonly ObjectFilter[] };

/** The types by the names that `uploadpackfilter.<name>.allow` uses. */
export type FilterType = ObjectFilter["type"];
