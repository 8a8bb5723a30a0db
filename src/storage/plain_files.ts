/**
 * A repository's files as they lie, for clients that read them without asking
 * a service: a port of storages that have such files, as types alone.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

/** Which file; nothing but these can be had. Can be cloned. */
export type PlainName =
  /** The zlib stream of an object, by its id in hex. */
  | { readonly type: "loose"; readonly oid: string }
  /** A pack, or its index, by the hash in its name. */
  | { readonly type: "pack" | "idx"; readonly hash: string }
  /** Where more objects are, as paths or as addresses. */
  | { readonly type: "alternates" | "http-alternates" };

/** The files of one repository, its own and not those that it borrows. */
export interface PlainFiles {
  /** The names of its packs, such as "pack-1234.pack", the youngest first. */
  packs(): readonly string[];
  /**
   * Opens a file that is whole; `undefined` where there is none, where it is
   * still being written, and where it leads out of the repository. Never
   * blocks on a file that is none.
   */
  open(name: PlainName): PlainFile | undefined;
}

/** One open file. */
export interface PlainFile {
  /** Bytes. */
  readonly size: number;
  /** Last change, milliseconds since 1970. */
  readonly mtimeMs: number;
  /**
   * Changes when its bytes do, and is made of letters, digits and dashes;
   * absent where files of this kind are changed in place.
   */
  readonly tag?: string;
  /** Reads into `into` from `position`; fewer bytes only at its end. */
  readAt(into: Uint8Array, position: number): number;
  /**
   * Whether it is what it was when it was opened: `false` once somebody has
   * written into it. One that was unlinked has not changed.
   */
  isUnchanged(): boolean;
  /** Closes it. Idempotent. */
  close(): void;
}
