/**
 * What archives are made of, whatever their format, and what writes them.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";

/** One thing in an archive. */
export interface ArchiveEntry {
  /** Its path with the prefix, a binary string; a directory's ends in "/". */
  readonly path: string;
  /** Its mode as git sees it: cache.h, canon_mode. */
  readonly mode: number;
  /** The object, which stands in for names that are too long. */
  readonly oid: Oid;
  /** A file's content, or where a symlink leads; empty for directories. */
  readonly data: Uint8Array;
  /** Whether git would not hold it in memory: `core.bigFileThreshold`. */
  readonly isStreamed: boolean;
  /** What attributes say of whether it is text; else its content tells. */
  readonly isBinary?: boolean;
}

/** What holds for a whole archive. */
export interface ArchiveHead {
  /** The commit that it is of, where it is of one. */
  readonly commit?: Oid;
  /** The time of its entries, seconds since 1970. */
  readonly time: number;
}

/**
 * Makes an archive's bytes, in order. What is yielded is a view that is valid
 * until the next step; it may be empty, which is a step without bytes.
 */
export interface ArchiveWriter {
  /** What comes before the first entry. */
  start(): Generator<Uint8Array, void, void>;
  /** One entry. */
  add(entry: ArchiveEntry): Generator<Uint8Array, void, void>;
  /** What comes after the last entry. */
  finish(): Generator<Uint8Array, void, void>;
}

/** A step that made no bytes. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);
