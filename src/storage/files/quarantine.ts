/**
 * Objects that have arrived in a repository on disk and that nobody else sees:
 * git's quarantine, which git's own programs can look into.
 *
 * @see https://git-scm.com/docs/git-receive-pack#_quarantine_environment
 * @module
 */

import { fromUtf8 } from "../../core/bytes.ts";
import { type Oid, oidFromRaw } from "../../core/oid.ts";
import type { ExistingObjects, PackInput } from "../../pack/intake/ports.ts";
import { openReceived, type PackIntake, type TakenIn } from "../intake.ts";
import type { ObjectData, ObjectStore, Snapshot } from "../types.ts";
import type { Quarantine, ReceivedPack, ReceiveOptions } from "../writes.ts";
import type { HeldLoose } from "../ports.ts";
import { HeldObjects } from "./held_objects.ts";
import type { LockJournal } from "./lock_journal.ts";
import { writeLoose } from "./loose_writer.ts";
import { type ObjectWriting, quietly } from "./object_writing.ts";
import { publish, publishLoose } from "./publish.ts";
import {
  keepText,
  makeQuarantineDirectory,
  removeQuarantine,
} from "./quarantine_directory.ts";
import { QuarantinePack } from "./quarantine_pack.ts";

/** Objects of the repository, with those of a quarantine or without. */
export interface ObjectsView {
  /** The objects now; to be released. */
  objects(): { readonly store: ObjectStore; release(): void };
  /** The repository now. */
  snapshot(): Snapshot;
  /** Lets go of what is kept. Idempotent. */
  close(): void;
}

/** What a {@linkcode FileQuarantine} is made from. */
export interface FileQuarantineInit {
  /** How files are written. */
  readonly writing: ObjectWriting;
  /** Takes packs in. */
  readonly intake: PackIntake;
  /** The repository's own objects, and those that are held beside them. */
  readonly repository: Pick<ObjectsView, "objects"> & {
    snapshot(held: HeldLoose): Snapshot;
  };
  /** Who may look into it. */
  readonly seenBy: "programs" | "nobody";
  /** Records files that have no name yet; absent: all of them have one. */
  readonly journal: LockJournal | undefined;
  /** Sees what is in a quarantine, too. */
  view(quarantine: string): ObjectsView;
  /** Whether packs get a reverse index: `pack.writeReverseIndex`. */
  readonly reverseIndex: "written" | "none";
  /**
   * Whether somebody removes loose objects that no ref names: then there are
   * to be none, since packs can be protected and those cannot.
   */
  isCollecting(): boolean;
}

/** One quarantine on disk. */
export class FileQuarantine implements Quarantine {
  readonly environment: Readonly<Record<string, string>>;
  readonly #init: FileQuarantineInit;
  /** Its directory, once there is one. */
  #path: string | undefined;
  /** A few objects that nobody is to see need none. */
  #held: HeldObjects | undefined;
  /** Relative paths of what was received. */
  readonly #names: string[] = [];
  /** Paths in the repository that go when the refs are updated. */
  readonly #keeps: string[] = [];
  #view: ObjectsView | undefined;
  #isPublished = false;

  /**
   * Makes its directory where programs may look into it. Throws the
   * StorageError of what fails.
   */
  constructor(init: FileQuarantineInit) {
    this.#init = init;
    const path = init.seenBy === "programs" ? this.#directory() : undefined;
    this.environment = path === undefined ? {} : {
      GIT_ALTERNATE_OBJECT_DIRECTORIES: listed(init.writing.objectsDir),
      GIT_OBJECT_DIRECTORY: path,
      GIT_QUARANTINE_PATH: path,
    };
  }

  async receive(
    input: PackInput,
    options: ReceiveOptions,
  ): Promise<ReceivedPack> {
    const { writing, isCollecting } = this.#init;
    const unpackLimit = isCollecting() ? 0 : options.unpackLimit;
    // What was held is no longer all there is.
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) {
      this.#names.push(...held.moveTo(this.#directory()));
    }
    const directory = () => this.#directory();
    const pack = new QuarantinePack(writing, directory, unpackLimit);
    try {
      const taken = await this.#take(input, pack, unpackLimit, options);
      options.signal.throwIfAborted();
      const isPack = taken.objects >= unpackLimit;
      const names = isPack
        ? await this.#store(pack, taken, options.keep)
        : await this.#unpack(pack, taken);
      this.#names.push(...names);
      const { objects, received: bytes, completed } = taken;
      const deltas = deltasOf(taken);
      return { objects, bytes, deltas, completed, isPack };
    } finally {
      pack.close();
    }
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async snapshot(): Promise<Snapshot> {
    return this.#path === undefined
      ? this.#init.repository.snapshot(this.#held ?? NOTHING_HELD)
      : this.#seen(this.#path).snapshot();
  }

  async publish(): Promise<void> {
    if (this.#isPublished) throw new TypeError("Cannot publish twice");
    this.#isPublished = true;
    const { writing } = this.#init;
    if (this.#path !== undefined) {
      const keep = (path: string) => void this.#keeps.push(path);
      await publish(writing, this.#path, this.#names, keep);
    } else if (this.#held !== undefined) {
      await publishLoose(writing, this.#held.paths());
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    const { files } = this.#init.writing;
    this.#view?.close();
    this.#view = undefined;
    for (const path of this.#keeps.splice(0)) {
      const remove = () => files.unlink(path);
      if (quietly(remove) === undefined) quietly(remove);
    }
    if (this.#path !== undefined) removeQuarantine(files, this.#path);
    this.#held?.forget();
    return Promise.resolve();
  }

  #directory(): string {
    return this.#path ??= makeQuarantineDirectory(this.#init.writing);
  }

  #seen(path: string): ObjectsView {
    return this.#view ??= this.#init.view(path);
  }

  async #take(
    input: PackInput,
    pack: QuarantinePack,
    unpackLimit: number,
    options: ReceiveOptions,
  ): Promise<TakenIn> {
    const { intake, repository, writing } = this.#init;
    const { limits, fsck, onProgress, signal } = options;
    const here = this.#names.length > 0 && this.#path !== undefined
      ? this.#seen(this.#path)
      : repository;
    const { store, release } = here.objects();
    try {
      return await intake.take(input, pack, {
        limits,
        signal,
        unpackLimit,
        existing: existingObjects(store, writing),
        ...(fsck && { fsck }),
        ...(onProgress && { onProgress }),
      });
    } finally {
      release();
    }
  }

  #store(
    pack: QuarantinePack,
    taken: TakenIn,
    keep: string,
  ): Promise<readonly string[]> {
    const { writing, reverseIndex } = this.#init;
    return pack.store({
      checksum: taken.checksum,
      index: taken.index(),
      keep: keepText(keep, writing.owners.self),
      ...(reverseIndex === "written" && { reverse: taken.reverse() }),
    });
  }

  async #unpack(
    pack: QuarantinePack,
    taken: TakenIn,
  ): Promise<readonly string[]> {
    if (taken.objects === 0) return [];
    const { writing } = this.#init;
    const store = openReceived(pack, taken, writing.kernels);
    try {
      const objects = objectsOf(taken, store);
      const { journal } = this.#init;
      if (
        this.#path === undefined && taken.objects <= MOST_HELD &&
        journal !== undefined
      ) {
        this.#held = new HeldObjects(writing, journal);
        await this.#held.add(objects);
        return [];
      }
      return await writeLoose(writing, this.#directory(), objects);
    } finally {
      store.close();
    }
  }
}

/** So many objects that nobody is to see are held, none of them in a place. */
const MOST_HELD = 32;
const NOTHING_HELD: HeldLoose = new Map();

/** How many of the entries that were sent are deltas. */
function deltasOf({ entries, objects }: TakenIn): number {
  let count = 0;
  for (let rank = 0; rank < objects; rank++) {
    if ((entries.types[rank] as number) >= 6) count++;
  }
  return count;
}

function existingObjects(
  store: ObjectStore,
  { format }: Pick<ObjectWriting, "format">,
): ExistingObjects {
  const numberOf = (id: Uint8Array) => store.find(oidFromRaw(id, 0, format));
  return {
    has: (id) => store.hasAll?.(id) ?? numberOf(id) >= 0,
    read(id) {
      const number = numberOf(id);
      return number < 0 ? undefined : store.read(number);
    },
  };
}

/** The objects of a pack as it was sent. */
function* objectsOf(
  { entries, objects }: TakenIn,
  store: ObjectStore,
): Generator<readonly [Oid, () => ObjectData]> {
  const { ids, format } = entries;
  for (let rank = 0; rank < objects; rank++) {
    const oid = oidFromRaw(ids, rank * format.rawLength, format);
    yield [oid, () => store.read(store.find(oid))];
  }
}

/**
 * A path as an entry of a list that colons part (tmp-objdir.c: env_append,
 * quote.c: quote_c_style).
 */
function listed(path: string): string {
  if (!path.startsWith('"') && !path.includes(":")) return path;
  const quoted = Array.from(fromUtf8(path), (byte) => {
    const letter = ESCAPES[byte];
    if (letter !== undefined) return `\\${letter}`;
    return byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${quoted.join("")}"`;
}

const ESCAPES: Readonly<Record<number, string>> = {
  0x07: "a",
  0x08: "b",
  0x09: "t",
  0x0a: "n",
  0x0b: "v",
  0x0c: "f",
  0x0d: "r",
  0x22: '"',
  0x5c: "\\",
};
