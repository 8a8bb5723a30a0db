/**
 * Taking packs in as a repository does it: the pack is stored, its deltas are
 * resolved, its objects checked, and its index can be written.
 *
 * @module
 */

import { concatBytes } from "../core/bytes.ts";
import { once } from "../core/once.ts";
import type { ObjectFormat } from "../core/oid.ts";
import type { Kernels } from "../kernels/types.ts";
import { objectChecker } from "../object/fsck/checker.ts";
import type { FsckRules } from "../object/fsck/rules.ts";
import { orderIds } from "../pack/index_order.ts";
import { packIndexPieces } from "../pack/index_writer.ts";
import type { PackEntries } from "../pack/intake/entries.ts";
import type {
  ExistingObjects,
  IntakeLimits,
  IntakeProgress,
  PackInput,
  PackSink,
  StoredPack,
} from "../pack/intake/ports.ts";
import type { ResolveDeltas } from "../pack/intake/resolve_types.ts";
import { takePack } from "../pack/intake/take_pack.ts";
import { reverseIndexPieces } from "../pack/reverse_index_writer.ts";
import { openObjectStore } from "./objects/source.ts";
import type { PooledStore } from "./objects/store.ts";
import type { PendingChecks } from "./writes.ts";

/** Takes packs in: stores their bytes, checks and names their objects. */
export interface PackIntake {
  /**
   * Takes one pack, whose bytes go to `sink`. Rejects as
   * `Quarantine.receive`.
   */
  take(
    input: PackInput,
    sink: PackSink,
    options: PackIntakeOptions,
  ): Promise<TakenIn>;
}

/** How {@linkcode PackIntake} takes a pack. */
export interface PackIntakeOptions {
  /** Bounds. */
  readonly limits: IntakeLimits;
  /** The objects that are here already. */
  readonly existing: ExistingObjects;
  /** Packs of fewer objects are not stored as such. */
  readonly unpackLimit: number;
  /** Checks of every object. */
  readonly fsck?: FsckRules;
  /** Hears how far it has come. */
  readonly onProgress?: (progress: IntakeProgress) => void | Promise<void>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A pack that was taken in and is whole. */
export interface TakenIn {
  /** Its entries; bases that were added are behind the others. */
  readonly entries: PackEntries;
  /** Objects in it as it was sent. */
  readonly objects: number;
  /** Its bytes as it was sent. */
  readonly received: number;
  /** Objects that were added to it. */
  readonly completed: number;
  /** The raw checksum that it ends with. */
  readonly checksum: Uint8Array;
  /** Its index, in pieces, each lent until the next one is asked for. */
  index(): Iterable<Uint8Array>;
  /** Its reverse index, likewise. */
  reverse(): Iterable<Uint8Array>;
  /** Where its objects were checked: what is left of that. */
  readonly checks?: PendingChecks;
}

/** What a {@linkcode packIntake} works with. */
export interface PackIntakeInit {
  /** The format of the repository. */
  readonly format: ObjectFormat;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** Resolves deltas. */
  readonly resolve: ResolveDeltas;
}

/** A {@linkcode PackIntake} over {@linkcode takePack}. */
export function packIntake(init: PackIntakeInit): PackIntake {
  const { format, kernels, resolve } = init;
  return {
    async take(input, sink, options) {
      const { limits, existing, fsck, onProgress, signal } = options;
      const checker = fsck && objectChecker(fsck, format);
      const { entries, objects, received, completed, checksum } =
        await takePack(input, sink, {
          ...{ format, kernels, limits, resolve, existing, signal },
          ...(onProgress && { onProgress }),
          ...(fsck && checker && {
            check: (kind, data, oid) => checker.check(kind, data, oid),
            helperChecks: {
              rules: fsck,
              merge: (found) => checker.merge(found),
            },
          }),
        });
      const order = once(() =>
        orderIds(entries.ids, entries.count, format.rawLength)
      );
      return {
        ...{ entries, objects, received, completed, checksum },
        index: () =>
          packIndexPieces(entries, { order: order(), checksum, kernels }),
        reverse: () =>
          reverseIndexPieces(format, { order: order(), checksum, kernels }),
        ...(checker && {
          checks: {
            ids: entries.ids.subarray(0, objects * format.rawLength),
            kinds: entries.kinds.subarray(0, objects),
            as: objects < options.unpackLimit ? "unpack-objects" : "index-pack",
            checker,
          },
        }),
      };
    },
  };
}

/** The objects of a pack that was taken in. Close it when it is done with. */
export function openReceived(
  pack: StoredPack,
  taken: Pick<TakenIn, "entries" | "index">,
  kernels: Kernels,
): PooledStore {
  const pieces = Array.from(taken.index(), (piece) => piece.slice());
  const index = concatBytes(pieces);
  const stored = {
    name: "received",
    index: () => index,
    open: () => ({
      size: pack.size,
      readAt: (into: Uint8Array, at: number) => pack.readAt(into, at),
      close() {},
    }),
  };
  const packs = { scan: () => ({ stamp: "", packs: [stored] }) };
  return openObjectStore({ packs }, taken.entries.format, kernels, {
    // What is too large was refused when it was taken in.
    maxObjectBytes: Infinity,
  });
}
