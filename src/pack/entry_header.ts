/**
 * The header in front of each entry of a pack: its type and size, and for a
 * delta by offset the distance to its base. Bytes only; what the numbers mean
 * is the business of whoever reads packs.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_pack_pack_files_have_the_following_format
 * @module
 */

/** More bytes than an entry's header takes, its base's name included. */
export const ENTRY_HEADER_MAX = 48;

/** Decodes entry headers into its own fields, which the next call changes. */
export class EntryHeader {
  /** The type as written: a Kind, OFS_DELTA or REF_DELTA, or 0, 5: invalid. */
  type = 0;
  /** Bytes of the entry's data once inflated. */
  size = 0;
  /** The number that {@linkcode EntryHeader.readDistance} read. */
  distance = 0;

  /**
   * Reads the type and size at `at`; returns the position after them, or -1
   * where they do not end before `end` or the size is above 2^53 - 1.
   */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    let byte = bytes[at++] as number;
    this.type = (byte >>> 4) & 7;
    let size = byte & 15;
    let unit = 16;
    while (byte >= 0x80) {
      if (at >= end || unit > 2 ** 46) return -1;
      byte = bytes[at++] as number;
      size += (byte & 0x7f) * unit;
      unit *= 128;
    }
    if (size > Number.MAX_SAFE_INTEGER) return -1;
    this.size = size;
    return at;
  }

  /**
   * Reads a delta's distance at `at`; returns the position after it, or -1
   * where it does not end before `end` or is above 2^53 - 1.
   */
  readDistance(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    let byte = bytes[at++] as number;
    let distance = byte & 0x7f;
    while (byte >= 0x80) {
      if (at >= end || distance >= 2 ** 46) return -1;
      byte = bytes[at++] as number;
      distance = (distance + 1) * 128 + (byte & 0x7f);
    }
    this.distance = distance;
    return at;
  }
}

/**
 * Writes a type and size at `at`; returns the position after them. The size
 * is at most 2^53 - 1, and at most 8 bytes are written.
 */
export function writeEntryHeader(
  into: Uint8Array,
  at: number,
  type: number,
  size: number,
): number {
  let byte = (type << 4) | (size % 16);
  let rest = Math.floor(size / 16);
  while (rest > 0) {
    into[at++] = byte | 0x80;
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  into[at++] = byte;
  return at;
}

/**
 * Writes a delta's distance (1 to 2^53 - 1) at `at`; returns the position
 * after it. At most 8 bytes are written.
 */
export function writeDistance(
  into: Uint8Array,
  at: number,
  distance: number,
): number {
  let length = 1;
  for (let rest = Math.floor(distance / 128); rest > 0; length++) {
    rest = Math.floor((rest - 1) / 128);
  }
  let rest = distance;
  let position = at + length - 1;
  into[position] = rest % 128;
  while (position > at) {
    rest = Math.floor(rest / 128) - 1;
    into[--position] = 0x80 | (rest % 128);
  }
  return at + length;
}
