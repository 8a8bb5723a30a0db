/**
 * A pack's index as bytes at positions, whichever way its store gives it.
 *
 * @module
 */

import type { RandomAccess, StoredPack } from "../ports.ts";

/** Opens the index of a pack; `undefined` where it is gone. */
export function openIndex(stored: StoredPack): RandomAccess | undefined {
  if (stored.openIndex !== undefined) return stored.openIndex();
  const bytes = stored.index();
  if (bytes === undefined) return undefined;
  return {
    size: bytes.length,
    readAt(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    close() {},
  };
}
