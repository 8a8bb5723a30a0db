/**
 * Calls of the disk whose failure changes nothing: what cannot be looked at is
 * taken for absent, what cannot be tidied up stays.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";

/** What `call` gives; `undefined` where it throws a StorageError. */
export function quietly<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
