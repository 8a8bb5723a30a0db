/**
 * What is done with every object of a pack once its id is known: it must not
 * be another one than the repository's of that id, and it may have to pass a
 * check.
 *
 * @module
 */

import { equalBytes, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { Kind } from "../../object/kind.ts";
import { collisionFound } from "./faults.ts";
import type { BaseObject, ExistingObjects, ObjectCheck } from "./ports.ts";

/** Larger blobs are not held, and not given to a check. */
export const HELD_BYTES: number = 16 * 1024 * 1024;

/** What is asked of the objects of a pack. */
export interface ObjectTerms {
  /** The objects that are here already. */
  readonly existing?: ExistingObjects;
  /** Looks at every object, but for blobs that are too large to be held. */
  readonly check?: ObjectCheck;
}

/** Takes one whole object; throws where it may not come in. */
export function takeObject(
  terms: ObjectTerms,
  kind: Kind,
  data: Uint8Array,
  id: Uint8Array,
): void {
  compareExisting(terms, kind, data, id);
  terms.check?.(kind, data, id);
}

/** Throws where another object of this id is here. */
export function compareExisting(
  { existing }: ObjectTerms,
  kind: Kind,
  data: Uint8Array,
  id: Uint8Array,
): void {
  if (existing === undefined || !existing.has(id)) return;
  const own = readExisting(existing, id);
  if (own.kind !== kind || !equalBytes(own.data, data)) {
    throw collisionFound(toHex(id));
  }
}

/** Reads an object that is said to be here. */
export function readExisting(
  existing: ExistingObjects,
  id: Uint8Array,
): BaseObject {
  const own = existing.read(id);
  if (own !== undefined) return own;
  throw new StorageError(
    "missing-object",
    `cannot read existing object ${toHex(id)}`,
  );
}
