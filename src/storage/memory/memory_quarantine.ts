/**
 * Objects that have arrived for a repository in memory: packs in arrays, which
 * nobody else sees before they are published.
 *
 * @module
 */

import { concatBytes, toHex } from "../../core/bytes.ts";
import { type ObjectFormat, type Oid, oidFromRaw } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import type { PackEntries } from "../../pack/intake/entries.ts";
import type { PackIntake } from "../intake.ts";
import type { ObjectStoreOptions } from "../objects/options.ts";
import { ObjectSource } from "../objects/source.ts";
import type { PackStore, StoredPack } from "../ports.ts";
import { existingObjects } from "../objects/existing_objects.ts";
import type { RefSnapshot, Snapshot } from "../types.ts";
import type {
  PackInput,
  Quarantine,
  ReceivedPack,
  ReceiveOptions,
} from "../writes.ts";
import { MemoryAccess, type MemoryPacks } from "./memory_packs.ts";
import { MemorySink } from "./memory_sink.ts";

/** What a {@linkcode MemoryQuarantine} is made over. */
export interface MemoryQuarantineInit {
  /** The repository's format. */
  readonly format: ObjectFormat;
  /** The repository's kernels. */
  readonly kernels: Kernels;
  /** Takes packs in. */
  readonly intake: PackIntake;
  /** The repository's packs. */
  readonly packs: MemoryPacks;
  /** The repository's refs now. */
  readonly refs: () => RefSnapshot;
  /** Bounds of caches. */
  readonly objects?: ObjectStoreOptions;
}

interface Received {
  readonly pack: StoredPack;
  readonly entries: PackEntries;
}

/** Packs that have come in. Every pack is stored as one, however small. */
export class MemoryQuarantine implements Quarantine {
  /** Empty: no program sees the objects. */
  readonly environment: Readonly<Record<string, string>> = {};
  readonly #init: MemoryQuarantineInit;
  readonly #received: Received[] = [];
  readonly #source: ObjectSource;
  #isPublished = false;

  /** Holds nothing yet. */
  constructor(init: MemoryQuarantineInit) {
    this.#init = init;
    const packs: PackStore = {
      scan: () => {
        const { stamp, packs } = init.packs.scan();
        // Each once, also where the repository got the same in the meantime.
        const names = new Set(packs.map(({ name }) => name));
        const own = this.#received.map(({ pack }) => pack)
          .filter(({ name }) => !names.has(name));
        return {
          stamp: `${stamp} ${own.length}`,
          packs: [...packs, ...own],
        };
      },
    };
    this.#source = new ObjectSource(
      { packs },
      init.format,
      init.kernels,
      init.objects,
    );
  }

  async receive(
    input: PackInput,
    options: ReceiveOptions,
  ): Promise<ReceivedPack> {
    const { limits, fsck, onProgress, signal } = options;
    const sink = new MemorySink();
    const { store, release } = this.#source.snapshot();
    try {
      const taken = await this.#init.intake.take(input, sink, {
        ...{ limits, signal, unpackLimit: 0 },
        existing: existingObjects(store, this.#init.format),
        ...(fsck && { fsck }),
        ...(onProgress && { onProgress }),
      });
      const { objects, received: bytes, completed, checks } = taken;
      const { entries, checksum } = taken;
      if (objects > 0) {
        const index = concatBytes(
          Array.from(taken.index(), (piece) => piece.slice()),
        );
        const pack = sink.bytes.slice();
        this.#received.push({
          entries,
          pack: {
            name: `received-${toHex(checksum)}`,
            index: () => index,
            open: () => new MemoryAccess(pack),
          },
        });
      }
      return {
        ...{ objects, bytes, completed, isPack: true },
        ...(checks && { checks }),
      };
    } finally {
      release();
    }
  }

  snapshot(): Promise<Snapshot> {
    const refs = this.#init.refs();
    const { id, store, release } = this.#source.snapshot();
    return Promise.resolve({
      id: `${refs.id} ${id}`,
      refs,
      objects: store,
      shallow: [],
      [Symbol.dispose]: release,
    });
  }

  publish(): Promise<void> {
    if (this.#isPublished) throw new TypeError("Cannot publish twice");
    this.#isPublished = true;
    for (const { pack, entries } of this.#received) {
      this.#init.packs.addPack(pack, kindsOf(entries));
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#received.length = 0;
    this.#source.close();
    return Promise.resolve();
  }
}

/** The objects of a pack, and their kinds. */
function* kindsOf(
  { count, ids, kinds, format }: PackEntries,
): Generator<readonly [Oid, Kind]> {
  for (let rank = 0; rank < count; rank++) {
    yield [
      oidFromRaw(ids, rank * format.rawLength, format),
      kinds[rank] as Kind,
    ];
  }
}
