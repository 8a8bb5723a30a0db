/**
 * What taking a pack in asks of those who call it: where its bytes come from,
 * where they go, how much of them may come. Types alone.
 *
 * @module
 */

import type { Kind } from "../../object/kind.ts";

/** Bytes of a pack as they arrive. */
export interface PackInput {
  /** Reads at least one byte into `into`; 0 is the end of input. */
  read(into: Uint8Array): Promise<number>;
}

/** A pack that is stored as far as it has come. */
export interface StoredPack {
  /** How many bytes it has. */
  readonly size: number;
  /** Where other threads find it; absent where only this one has it. */
  readonly path?: string;
  /**
   * Reads its bytes from `position` on until `into` is full or it ends; the
   * count.
   */
  readAt(into: Uint8Array, position: number): number;
}

/** Where the bytes of a pack go. What fails throws a StorageError. */
export interface PackSink extends StoredPack {
  /** Adds all of `bytes` at the end; they are the caller's again afterwards. */
  append(bytes: Uint8Array): void;
  /** Writes all of `bytes` over what is there; not beyond the end. */
  overwrite(bytes: Uint8Array, position: number): void;
}

/** Bounds of one pack that is taken in; 0 is none. */
export interface IntakeLimits {
  /** Bytes of the pack as it arrives: `receive.maxInputSize`. */
  readonly maxInputBytes: number;
  /** Bytes that all of its objects come to. */
  readonly maxInflatedBytes: number;
  /** Bytes that one object comes to. */
  readonly maxObjectBytes: number;
  /**
   * Bytes of what has to be in memory as a whole: the base of a delta and what
   * it comes to, and every object that is no blob. Absent: none.
   */
  readonly maxHeldBytes?: number;
  /** Objects. */
  readonly maxObjects: number;
  /** Deltas on top of each other. */
  readonly maxDeltaDepth: number;
}

/** How far a pack has come. */
export interface IntakeProgress {
  /** "receiving": entries read; "resolving": deltas made into objects. */
  readonly phase: "receiving" | "resolving";
  /** How many are done. */
  readonly done: number;
  /** Of how many. */
  readonly total: number;
  /** Bytes of the pack so far. */
  readonly bytes: number;
}

/**
 * Looks at one whole object; throws a RefusedError where it may not come in.
 * `data` is lent for the call, `oid` is raw.
 */
export type ObjectCheck = (
  kind: Kind,
  data: Uint8Array,
  oid: Uint8Array,
) => void;

/** An object by its content, as a base of deltas. */
export interface BaseObject {
  /** Its kind. */
  readonly kind: Kind;
  /** Its content; not to be changed. */
  readonly data: Uint8Array;
}

/** The objects that are here before the pack is. */
export interface ExistingObjects {
  /** Whether the object of this raw id is here. Called for every object. */
  has(id: Uint8Array): boolean;
  /** Reads it; `undefined` where it is not here. */
  read(id: Uint8Array): BaseObject | undefined;
  /**
   * How it is stored as a delta: the id of its base, and itself, compressed,
   * lent until the next call; `undefined` where it is not. Absent where nobody
   * can tell.
   */
  storedDelta?(
    id: Uint8Array,
  ): { readonly baseId: Uint8Array; readonly data: Uint8Array } | undefined;
}
