/**
 * The seam between the scan of a pack and the resolution of its deltas. Types
 * alone.
 *
 * @module
 */

import type { Kernels } from "../../kernels/types.ts";
import type { GatheredFindings } from "../../object/fsck/checker.ts";
import type { FsckRules } from "../../object/fsck/rules.ts";
import type { Kind } from "../../object/kind.ts";
import type { PackEntries } from "./entries.ts";
import type {
  BaseObject,
  IntakeLimits,
  IntakeProgress,
  StoredPack,
} from "./ports.ts";

/** Checks that a thread which helps makes of what it resolves. */
export interface HelperChecks {
  /** How objects are checked. */
  readonly rules: FsckRules;
  /** Takes over what such a thread has found. */
  merge(found: GatheredFindings): void;
}

/** What the deltas of one pack are resolved over. */
export interface ResolveInit {
  /**
   * The pack's entries: ids and kinds of whole objects are there, those of
   * deltas get filled. A base by rank is always a lower rank.
   */
  readonly entries: PackEntries;
  /** The pack as it is stored, its header included. */
  readonly pack: StoredPack;
  /** Inflates, applies deltas and names objects. */
  readonly kernels: Kernels;
  /** Bounds of what deltas come to. */
  readonly limits: Pick<
    IntakeLimits,
    "maxObjectBytes" | "maxHeldBytes" | "maxInflatedBytes" | "maxDeltaDepth"
  >;
  /** What the whole objects come to already, of `maxInflatedBytes`. */
  readonly inflatedBytes: number;
  /**
   * An object from outside of the pack, for a delta that names it by the
   * `row`th of `baseIds` and whose base the pack does not have; `undefined`
   * where it is not there either. Asked once nothing else can be resolved, one
   * after another, in the order of the ranks of the deltas that are still
   * without a base: what an answer resolves may be the base of the next
   * (builtin/index-pack.c: fix_unresolved_deltas). Whoever is asked stores the
   * object behind the pack; to ask for the same id again gives it again.
   * Absent: no base comes from outside.
   */
  readonly findBase?: (row: number) => Promise<BaseObject | undefined>;
  /**
   * Gets every object that a delta came to, its id being in `entries` already,
   * in this thread; `data` is lent for the call. What it throws ends the whole.
   */
  readonly take?: (rank: number, kind: Kind, data: Uint8Array) => void;
  /**
   * What threads that help do with their objects in place of `take`. Absent,
   * where there is a `take`: nobody helps.
   */
  readonly helperChecks?: HelperChecks;
  /**
   * By rank: 1 for deltas that are to be given to `take`, others are not, and
   * are only resolved where those need them. Absent: all are.
   */
  readonly wanted?: Uint8Array;
  /** Hears how far it has come, now and then; is waited for. */
  readonly onProgress?: (progress: IntakeProgress) => void | Promise<void>;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What became of the deltas. */
export interface Resolved {
  /** Deltas that have no id still: their bases are nowhere. */
  readonly unresolved: number;
  /** Bytes that whole objects and results of deltas come to. */
  readonly inflatedBytes: number;
}

/**
 * Gives every delta of a pack its id and kind. A delta without a base is no
 * error here: those who call say "pack has N unresolved deltas". Rejects with
 * a ProtocolError where a delta is broken ("failed to apply delta") or the
 * result was made to collide, and with a RefusedError where a limit is passed.
 * Called again over the same entries, with `take`, it comes to the same.
 */
export type ResolveDeltas = (init: ResolveInit) => Promise<Resolved>;
