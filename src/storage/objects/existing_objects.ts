/**
 * The objects that a repository has already, as taking a pack in asks for
 * them: by raw ids, for bases of thin deltas and for twins of what arrives.
 *
 * @module
 */

import { type ObjectFormat, oidFromRaw, oidToRaw } from "../../core/oid.ts";
import type { ExistingObjects } from "../../pack/intake/ports.ts";
import type { ObjectStore } from "../types.ts";

/** Those of a store. */
export function existingObjects(
  store: ObjectStore,
  format: ObjectFormat,
): ExistingObjects {
  const numberOf = (id: Uint8Array) => store.find(oidFromRaw(id, 0, format));
  return {
    has: (id) => store.hasAll?.(id) ?? numberOf(id) >= 0,
    read(id) {
      const number = numberOf(id);
      return number < 0 ? undefined : store.read(number);
    },
    storedDelta(id) {
      const number = numberOf(id);
      const found = number < 0 ? undefined : store.storedDelta?.(number);
      if (found === undefined) return undefined;
      return { baseId: oidToRaw(store.oid(found.base)), data: found.data };
    },
  };
}
