/**
 * The twelve bytes in front of a pack.
 *
 * @see https://git-scm.com/docs/gitformat-pack
 * @module
 */

import { readUint32, writeUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";

/** Bytes of a pack's header. */
export const PACK_HEADER_BYTES = 12;

// "PACK"
const SIGNATURE = 0x5041434b;

/** The header of a pack of version 2 with so many objects (below 2^32). */
export function encodePackHeader(objects: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(PACK_HEADER_BYTES);
  writeUint32(header, 0, SIGNATURE);
  writeUint32(header, 4, 2);
  writeUint32(header, 8, objects);
  return header;
}

/**
 * The number of objects that a pack's header tells. Throws StorageError
 * "corrupt-pack" where it is no pack of version 2 or 3.
 */
export function parsePackHeader(header: Uint8Array): number {
  if (
    header.length < PACK_HEADER_BYTES || readUint32(header, 0) !== SIGNATURE
  ) {
    throw new StorageError("corrupt-pack", "Cannot read pack: no signature");
  }
  const version = readUint32(header, 4);
  if (version !== 2 && version !== 3) {
    throw new StorageError(
      "corrupt-pack",
      `Cannot read pack: version ${version} is not supported`,
    );
  }
  return readUint32(header, 8);
}
