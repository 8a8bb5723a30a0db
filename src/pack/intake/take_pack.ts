/**
 * Takes in a pack from its header to its trailer: stores it, names its
 * objects, completes it if it is thin. Where it is stored, what is here already
 * and how deltas are resolved is told by ports.
 *
 * @see https://git-scm.com/docs/git-index-pack
 * @module
 */

import { equalBytes, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import { type Kind, OFS_DELTA, REF_DELTA } from "../../object/kind.ts";
import { EntryColumns } from "./columns.ts";
import type { PackEntries } from "./entries.ts";
import {
  badPack,
  beyondLimit,
  collisionFound,
  unresolvedDeltas,
} from "./faults.ts";
import {
  compareExisting,
  type ObjectTerms,
  readExisting,
} from "./known_objects.ts";
import { NamedBases } from "./named_bases.ts";
import { readPackHead } from "./pack_head.ts";
import { PackReader } from "./pack_reader.ts";
import type {
  BaseObject,
  ExistingObjects,
  IntakeLimits,
  IntakeProgress,
  ObjectCheck,
  PackInput,
  PackSink,
} from "./ports.ts";
import type {
  HelperChecks,
  ResolveDeltas,
  ResolveInit,
} from "./resolve_types.ts";
import { scanEntries, type Scanned } from "./scanner.ts";
import { EntryStream } from "./stored_entry.ts";
import { StoredTwins } from "./stored_twins.ts";
import { Completion } from "./thin.ts";

/** How a pack is taken in. */
export interface TakePackInit {
  /** The format of the repository, and of the pack's ids. */
  readonly format: ObjectFormat;
  /** Inflates, hashes, sums up. */
  readonly kernels: Kernels;
  /** Bounds. */
  readonly limits: IntakeLimits;
  /** Resolves its deltas. */
  readonly resolve: ResolveDeltas;
  /**
   * The objects that are here already: bases of thin deltas, and what objects
   * of the same ids must be equal to. Absent: there are none.
   */
  readonly existing?: ExistingObjects;
  /** Looks at every object, but for blobs that are too large to be held. */
  readonly check?: ObjectCheck;
  /** The same, for threads that help to resolve. */
  readonly helperChecks?: HelperChecks;
  /** Hears how far it has come, every 256 KiB or so; is waited for. */
  readonly onProgress?: (progress: IntakeProgress) => void | Promise<void>;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A pack that was taken in. */
export interface TakenPack {
  /** Its entries as it is stored, bases that were added behind the others. */
  readonly entries: PackEntries;
  /** Objects in it as it was sent. */
  readonly objects: number;
  /** Its bytes as it was sent, from the header to the trailer. */
  readonly received: number;
  /** Objects that were added to it. */
  readonly completed: number;
  /** The raw checksum that it ends with as it is stored: its name. */
  readonly checksum: Uint8Array;
  /**
   * Bytes behind the trailer that had arrived with it, and were dropped: what
   * arrives later is not read.
   */
  readonly surplus: number;
}

/**
 * Takes in a pack. Rejects with a ProtocolError or a RefusedError whose message
 * is git's; what the sink has then is worth nothing. Nothing is waited for
 * behind the trailer.
 */
export async function takePack(
  input: PackInput,
  sink: PackSink,
  init: TakePackInit,
): Promise<TakenPack> {
  const { format, kernels, limits, signal } = init;
  const maxBytes = limits.maxInputBytes;
  const reader = new PackReader({
    ...{ input, sink, format, kernels, maxBytes },
    ...(signal && { signal }),
  });
  const total = await readPackHead(reader);
  if (limits.maxObjects > 0 && total > limits.maxObjects) {
    throw beyondLimit(
      `pack has ${total} objects, more than ${limits.maxObjects}`,
    );
  }
  const columns = new EntryColumns(format, total);
  const { onProgress } = init;
  const terms: ObjectTerms = init;
  const scanned = await scanEntries({
    ...{ reader, columns, format, kernels, limits, total, terms },
    ...(onProgress && { onProgress }),
  });
  const sent = await reader.trailer();
  const pack = new ScannedPack(init, sink, columns);
  pack.compareLate(scanned.late);
  const checksum = scanned.deltas > 0
    ? await pack.resolve(scanned, sent)
    : sent;
  const entries = columns.finish(sink.size);
  refuseTwins(entries);
  sink.append(checksum);
  return {
    entries,
    objects: total,
    received: reader.position,
    completed: columns.count - total,
    checksum,
    surplus: reader.end - reader.at,
  };
}

/**
 * A name that two entries have may lead from a delta to itself: git, too, takes
 * no delta that names such a base (builtin/index-pack.c: find_ref_delta's
 * callers).
 */
function refuseTwins(entries: PackEntries): void {
  const { count, ids, types, bases, baseIds, offsets, format } = entries;
  if (baseIds.length === 0) return;
  const { rawLength } = format;
  const named = new NamedBases(entries);
  const found = new Set<number>();
  for (let rank = 0; rank < count; rank++) {
    const at = rank * rawLength;
    const place = named.find(ids, at);
    if (place < 0) continue;
    if (!found.has(place)) {
      found.add(place);
      continue;
    }
    const delta = types.findIndex((type, other) =>
      type === REF_DELTA &&
      named.placeOf(-1 - (bases[other] as number)) === place
    );
    throw badPack(
      `REF_DELTA at offset ${offsets[delta]} already resolved ` +
        `(duplicate base ${toHex(ids, at, at + rawLength)}?)`,
    );
  }
}

/** Entries that are looked up between two turns of others. */
const RANKS_PER_TURN = 8192;

/** A pack whose entries are all there. */
class ScannedPack {
  readonly #init: TakePackInit;
  readonly #sink: PackSink;
  readonly #columns: EntryColumns;
  readonly #entries: PackEntries;

  constructor(init: TakePackInit, sink: PackSink, columns: EntryColumns) {
    this.#init = init;
    this.#sink = sink;
    this.#columns = columns;
    this.#entries = columns.finish(sink.size);
  }

  /** Compares objects that were too large to be held with those here. */
  compareLate(ranks: readonly number[]): void {
    const { existing, kernels } = this.#init;
    if (existing === undefined) return;
    for (const rank of ranks) {
      const own = readLarge(existing, this.#id(rank));
      // What the repository itself does not read whole is left to its hash.
      if (own === undefined) continue;
      const same = own.kind === this.#entries.kinds[rank] &&
        own.data.length === this.#entries.sizes[rank];
      const stream = new EntryStream(this.#sink, this.#entries, kernels);
      let at = 0;
      for (const bytes of same ? stream.read(rank) : []) {
        const other = own.data.subarray(at, at + bytes.length);
        if (!equalBytes(bytes, other)) break;
        at += bytes.length;
      }
      if (!same || at !== own.data.length) {
        throw collisionFound(this.#hex(rank));
      }
    }
  }

  /** Resolves the deltas; returns the checksum of the pack as it is stored. */
  async resolve(
    { objectBytes }: Scanned,
    sent: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { existing, format, kernels, check, helperChecks, onProgress } =
      this.#init;
    const columns = this.#columns;
    const completion = existing && new Completion({
      ...{ columns, sink: this.#sink, existing, format, kernels },
    });
    const { rawLength } = format;
    const entries = this.#entries;
    const { unresolved } = await this.#init.resolve({
      ...this.#resolveInit(objectBytes),
      ...(onProgress && { onProgress }),
      ...(completion && {
        findBase: (row: number) =>
          Promise.resolve(
            smallEnough(() =>
              completion.find(
                entries.baseIds.subarray(
                  row * rawLength,
                  (row + 1) * rawLength,
                ),
              )
            ),
          ),
      }),
      ...(check && {
        take: (rank: number, kind: Kind, data: Uint8Array) =>
          check(kind, data, this.#id(rank)),
        ...(helperChecks && { helperChecks }),
      }),
    });
    if (unresolved > 0) throw unresolvedDeltas(unresolved);
    await this.#compareResolved(objectBytes);
    return completion === undefined || completion.added === 0
      ? sent
      : completion.conclude(sent);
  }

  /** Compares what deltas came to with the objects of these ids that are here. */
  async #compareResolved(objectBytes: number): Promise<void> {
    const { existing } = this.#init;
    if (existing === undefined) return;
    const { count, types, baseIds } = this.#entries;
    const wanted = new Uint8Array(count);
    const twins = new StoredTwins(this.#entries, this.#sink, existing);
    let known = 0;
    for (let rank = 0; rank < count; rank++) {
      if ((rank + 1) % RANKS_PER_TURN === 0) await this.#pause();
      if (!existing.has(this.#id(rank))) continue;
      if ((types[rank] as number) < OFS_DELTA) {
        twins.addWhole(rank);
        continue;
      }
      if (twins.isTwin(rank)) continue;
      wanted[rank] = 1;
      known++;
    }
    if (known === 0) return;
    const { rawLength } = this.#init.format;
    await this.#init.resolve({
      ...this.#resolveInit(objectBytes),
      findBase: (row) =>
        Promise.resolve(
          existing.read(
            baseIds.subarray(row * rawLength, (row + 1) * rawLength),
          ),
        ),
      wanted,
      take: (rank, kind, data) =>
        compareExisting(this.#init, kind, data, this.#id(rank)),
    });
  }

  /** Lets others have their turn. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#init.signal?.throwIfAborted();
  }

  #resolveInit(inflatedBytes: number): ResolveInit {
    const { kernels, limits, signal } = this.#init;
    const { path } = this.#sink;
    // What is appended meanwhile is not the resolver's business.
    const size = this.#entries.offsets[this.#entries.count] as number;
    return {
      ...{ entries: this.#entries, kernels, limits, inflatedBytes },
      pack: {
        size,
        readAt: (into, position) => this.#sink.readAt(into, position),
        ...(path !== undefined && { path }),
      },
      ...(signal && { signal }),
    };
  }

  #id(rank: number): Uint8Array {
    const { rawLength } = this.#init.format;
    return this.#entries.ids.subarray(rank * rawLength, (rank + 1) * rawLength);
  }

  #hex(rank: number): string {
    return toHex(this.#id(rank));
  }
}

/** Lets a base that takes too much memory be a limit of the push. */
function smallEnough<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code !== "object-too-large") throw error;
    throw beyondLimit(`pack has a delta of an object that is too large`);
  }
}

/** Reads an object that is here; `undefined` if that takes too much memory. */
function readLarge(
  existing: ExistingObjects,
  id: Uint8Array,
): BaseObject | undefined {
  try {
    return readExisting(existing, id);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.code !== "object-too-large") throw error;
    return undefined;
  }
}
