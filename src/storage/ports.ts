/**
 * What a repository's objects are kept in, as types alone: packs, loose objects
 * and the helper files beside them. A storage backend brings these; the one
 * object store of `objects/` is made over them.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";

/** Packs as a store keeps them: immutable, named by their content. */
export interface PackStore {
  /**
   * The packs that are there now, those to search first in front. Equal
   * stamps mean an equal list.
   */
  scan(): { readonly stamp: string; readonly packs: readonly StoredPack[] };
  /** Bytes of the packs that were scanned last, where that is known. */
  bytes?(): number;
}

/** One pack of a {@linkcode PackStore}. */
export interface StoredPack {
  /** A name that no other pack of the store has: its path, or its hash. */
  readonly name: string;
  /** The bytes of its index (.idx), or `undefined` if it is gone. */
  index(): Uint8Array | undefined;
  /**
   * Opens the same bytes for reading at positions, which takes half the memory
   * and less time, where the store can.
   */
  openIndex?(): RandomAccess | undefined;
  /** Opens its bytes for reading, or `undefined` if it is gone. */
  open(): RandomAccess | undefined;
  /**
   * The bytes of its reverse index (.rev), or `undefined` where there is none
   * or none is to be used. Throws a StorageError where they cannot be read.
   */
  reverse?(): Uint8Array | undefined;
  /** What files about it call it: its path without ".pack". */
  readonly path?: string;
}

/** Bytes that are read at positions. */
export interface RandomAccess {
  /** How many there are. */
  readonly size: number;
  /** Reads into `into` from `position`; returns the count, as `readAt`. */
  readAt(into: Uint8Array, position: number): number;
  /** Lets go of them. Idempotent. */
  close(): void;
}

/** Loose objects, for stores that have them. */
export interface LooseStore {
  /** The ids that are there now. Equal stamps mean an equal list. */
  scan(): { readonly stamp: string; readonly oids: readonly Oid[] };
  /**
   * Whether one is there now, for stores whose scan names none: they are asked
   * for each id that comes up. What they say holds for one snapshot.
   */
  has?(oid: Oid): boolean;
  /** The zlib stream of one, header inside, or `undefined` if it is gone. */
  read(oid: Oid): Uint8Array | undefined;
  /**
   * Bytes of those that were scanned last, where that is known: Infinity for
   * more than `most` objects.
   */
  bytes?(most: number): number;
}

/** Streams of loose objects that are nowhere else yet, by their ids. */
export type HeldLoose = Pick<ReadonlyMap<Oid, Uint8Array>, "has" | "get">;

/** Commit-graph files, for stores that have them. */
export interface CommitGraphStore {
  /**
   * What there is now. Equal stamps mean the same files; "" means none.
   * `chains` lists the graphs in the order in which they are to be tried,
   * each as its layers, the base first.
   */
  scan(): {
    readonly stamp: string;
    readonly chains: () => readonly (readonly StoredCommitGraph[])[];
  };
}

/** One commit-graph file. */
export interface StoredCommitGraph {
  /** Its path, or what else names it in a log. */
  readonly name: string;
  /**
   * Its bytes, or `undefined` if it is gone. Throws a StorageError where
   * there are more than `limit`, or where they cannot be read.
   */
  read(limit: number): Uint8Array | undefined;
}

/** Bitmap files, for stores that have them. */
export interface BitmapStore {
  /** What there is now. Equal stamps mean the same files; "" means none. */
  scan(): BitmapScan;
}

/** The bitmap files at one moment. */
export interface BitmapScan {
  /** Equal stamps mean the same files; "" means none. */
  readonly stamp: string;
  /** Those of several packs, in the order in which they are to be tried. */
  readonly multiPacks: readonly StoredMultiPackBitmap[];
  /** Those of single packs, by {@linkcode StoredPack.path}. */
  readonly packs: ReadonlyMap<string, StoredFile>;
}

/** A multi-pack-index with a bitmap beside it. */
export interface StoredMultiPackBitmap {
  /** What stands before a pack's name to make it {@linkcode StoredPack.path}. */
  readonly prefix: string;
  /** The multi-pack-index. */
  readonly index: StoredFile;
  /** Its bitmap, named by its checksum in hex. */
  bitmap(checksum: string): StoredFile;
  /** Its reverse index, where it is not inside of it. */
  reverse(checksum: string): StoredFile;
}

/** One small file beside packs. */
export interface StoredFile {
  /** Its path, or what else names it in a log. */
  readonly name: string;
  /**
   * Its bytes, or `undefined` if it is gone. Throws a StorageError where
   * there are more than `limit`, or where they cannot be read.
   */
  read(limit: number): Uint8Array | undefined;
}

/** What a snapshot's objects are made from. */
export interface ObjectPorts {
  /** Packs; scanned in order, own before alternates'. */
  readonly packs: PackStore;
  /** Loose objects, own before alternates'. */
  readonly loose?: LooseStore;
  /** Commit-graphs, own before alternates'. */
  readonly commitGraphs?: CommitGraphStore;
  /** Bitmaps, own before alternates'. */
  readonly bitmaps?: BitmapStore;
}
