/**
 * Objects that have arrived in a repository on disk and that nobody else sees:
 * git's quarantine, which git's own programs can look into.
 *
 * @see https://git-scm.com/docs/git-receive-pack#_quarantine_environment
 * @module
 */

import { fromUtf8 } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { type Oid, oidFromRaw, oidToRaw } from "../../core/oid.ts";
import type { PackInput } from "../../pack/intake/ports.ts";
import { isDelta } from "../../pack/intake/resolve_plan.ts";
import { buildPack, type PackObject } from "../../pack/pack_builder.ts";
import { openReceived, type PackIntake, type TakenIn } from "../intake.ts";
import { existingObjects } from "../objects/existing_objects.ts";
import type { ObjectData, ObjectStore, Snapshot } from "../types.ts";
import type {
  FindReached,
  Quarantine,
  ReceivedPack,
  ReceiveOptions,
} from "../writes.ts";
import type { HeldLoose } from "../ports.ts";
import { idsOf } from "./brought_ids.ts";
import { HeldObjects } from "./held_objects.ts";
import type { LockJournal } from "./lock_journal.ts";
import { writeLoose } from "./loose_writer.ts";
import type { ObjectWriting } from "./object_writing.ts";
import { baseName, joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { publish, publishLoose, renamePack } from "./publish.ts";
import {
  keepText,
  makeQuarantineDirectory,
  removeQuarantine,
} from "./quarantine_directory.ts";
import { QuarantinePack } from "./quarantine_pack.ts";
import { hasCode } from "./system_words.ts";

/** Larger objects are kept in the pack that they came in. */
const LOOSE_BYTES = 64 * 1024 * 1024;

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
  /** The object directory as hooks are told of it. */
  readonly toldObjectsDir: string;
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

/** What was received and is stored as loose objects. */
interface Unpacked {
  readonly pack: QuarantinePack;
  readonly taken: TakenIn;
  readonly names: readonly string[];
  readonly keep: string;
}

/** What it takes to store a pack's bytes as a pack. */
type Storable =
  & Pick<TakenIn, "checksum" | "index">
  & Partial<Pick<TakenIn, "reverse">>;

/** So much that was here already is stored again beside a `git gc`. */
const MAX_ADOPTED = 10_000;
const MAX_ADOPTED_BYTES = 64 * 1024 * 1024;
/** How often a pack is stored again whose quarantine is taken away. */
const MAX_ATTEMPTS = 5;

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
  /** What was received and is stored as loose objects alone. */
  #unpacked: Unpacked[] = [];
  /** Tell what was received. */
  readonly #brought: ((oid: Oid) => boolean)[] = [];
  #hasAdopted = false;
  #isUnnamed = false;
  #view: ObjectsView | undefined;
  #isPublished = false;

  /**
   * Makes its directory where programs may look into it. Throws the
   * StorageError of what fails.
   */
  constructor(init: FileQuarantineInit) {
    this.#init = init;
    const path = init.seenBy === "programs" ? this.#directory() : undefined;
    const told = joinPath(init.toldObjectsDir, baseName(path ?? ""));
    this.environment = path === undefined ? {} : {
      GIT_ALTERNATE_OBJECT_DIRECTORIES: listed(init.toldObjectsDir),
      GIT_OBJECT_DIRECTORY: told,
      GIT_QUARANTINE_PATH: told,
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
    let isHeld = false;
    try {
      const taken = await this.#take(input, pack, unpackLimit, options);
      options.signal.throwIfAborted();
      const isPack = taken.objects >= unpackLimit || hasLarge(taken) ||
        this.#isPacked(taken);
      const names = isPack
        ? await this.#store(pack, taken, options.keep)
        : await this.#unpack(pack, taken);
      this.#names.push(...names);
      this.#brought.push(idsOf(taken.entries));
      const { objects, received: bytes, completed, checks } = taken;
      const loose = names.length > 0 ? names : this.#heldNames();
      if (!isPack && loose.length > 0) {
        this.#unpacked.push({ pack, taken, names: loose, keep: options.keep });
        isHeld = true;
      }
      return {
        ...{ objects, bytes, deltas: deltasOf(taken), completed, isPack },
        ...(checks && { checks }),
      };
    } finally {
      if (!isHeld) pack.close();
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

  /**
   * A `git gc --prune=now` that has read the refs removes loose objects that
   * these did not name yet, however new. While one is at work, as its lock
   * tells, or has been and has taken some, they are stored as a pack as well:
   * nobody removes that as long as it has its `.keep`. So is what the push
   * found here, though no ref names it.
   */
  async secure(reached: FindReached): Promise<void> {
    const { isCollecting, writing } = this.#init;
    const { files, objectsDir } = writing;
    // In this order: one that begins when this was asked sees the refs.
    const isExposed = isCollecting();
    // What cannot be looked at is stored again: a ref may name it by now.
    const isThere = (name: string) =>
      quietly(() => files.lstat(joinPath(objectsDir, name))) !== undefined;
    const exposed = this.#unpacked.filter(({ names }) =>
      isExposed || !names.every(isThere)
    );
    for (const { pack, taken, keep } of exposed) {
      await this.#storeAgain((path) => pack.copy(path), taken, keep);
      pack.close();
    }
    this.#unpacked = this.#unpacked.filter((each) => !exposed.includes(each));
    if (isExposed && !this.#hasAdopted) await this.#adopt(reached);
  }

  /** Stores what was here already and that no ref names. */
  async #adopt(reached: FindReached): Promise<void> {
    const { writing, repository } = this.#init;
    const { format, kernels } = writing;
    const isBrought = (oid: Oid) => this.#brought.some((has) => has(oid));
    const oids = await reached(isBrought, MAX_ADOPTED + 1);
    if (oids.length > 0) {
      const { store, release } = repository.objects();
      try {
        const { pack, index } = buildPack(
          adopted(oids, store),
          format,
          kernels,
        );
        const checksum = pack.subarray(pack.length - format.rawLength);
        const fill = (path: string) => {
          const copy = new QuarantinePack(writing, () => path, 0);
          copy.append(pack);
          return copy;
        };
        await this.#storeAgain(fill, { checksum, index: () => [index] }, "");
      } finally {
        release();
      }
    }
    this.#hasAdopted = true;
  }

  unnamed(): void {
    this.#isUnnamed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    const { files, format } = this.#init.writing;
    this.#view?.close();
    this.#view = undefined;
    for (const { pack } of this.#unpacked.splice(0)) pack.close();
    for (const path of this.#keeps.splice(0)) {
      if (this.#isUnnamed) quietly(() => renamePack(files, path, format));
      const remove = () => files.unlink(path);
      if (quietly(remove) === undefined) quietly(remove);
    }
    if (this.#path !== undefined) removeQuarantine(files, this.#path);
    this.#held?.forget();
    return Promise.resolve();
  }

  #heldNames(): readonly string[] {
    return [...this.#held?.paths().keys() ?? []];
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
        existing: existingObjects(store, writing.format),
        ...(fsck && { fsck }),
        ...(onProgress && { onProgress }),
      });
    } finally {
      release();
    }
  }

  #store(
    pack: QuarantinePack,
    taken: Storable,
    keep: string,
  ): Promise<readonly string[]> {
    const { writing, reverseIndex } = this.#init;
    return pack.store({
      checksum: taken.checksum,
      index: taken.index(),
      keep: keepText(keep, writing.owners.self),
      ...(reverseIndex === "written" && taken.reverse !== undefined && {
        reverse: taken.reverse(),
      }),
    });
  }

  /** Stores and publishes as a pack what is here otherwise, and may go. */
  async #storeAgain(
    fill: (path: string) => QuarantinePack,
    taken: Storable,
    keep: string,
  ): Promise<void> {
    const { writing } = this.#init;
    for (let attempt = 1;; attempt++) {
      // The first one may be gone, too: a prune takes all quarantines.
      const path = makeQuarantineDirectory(writing);
      const copy = fill(path);
      try {
        const names = await this.#store(copy, taken, keep);
        await publish(writing, path, names, (kept) => this.#keeps.push(kept));
        return;
      } catch (error) {
        const isGone = hasCode(error, "ENOENT");
        if (!isGone || attempt === MAX_ATTEMPTS) throw error;
      } finally {
        copy.close();
        removeQuarantine(writing.files, path);
      }
    }
  }

  /**
   * Whether some of it is in a pack of the repository. Then somebody may drop
   * its loose copy, while the pack goes that nobody knew a use for.
   */
  #isPacked({ entries, objects }: TakenIn): boolean {
    const { repository, writing } = this.#init;
    const { ids, format } = entries;
    const { store, release } = repository.objects();
    const has = existingObjects(store, writing.format).has;
    try {
      for (let rank = 0; rank < objects; rank++) {
        const at = rank * format.rawLength;
        if (!has(ids.subarray(at, at + format.rawLength))) continue;
        const number = store.find(oidFromRaw(ids, at, format));
        if (number >= 0 && store.isPacked?.(number) === true) return true;
      }
      return false;
    } finally {
      release();
    }
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

/**
 * Whether an entry, or a base that was added, is too large to be written anew:
 * loose objects are made in memory.
 */
function hasLarge({ entries: { sizes } }: TakenIn): boolean {
  return sizes.some((size) => size > LOOSE_BYTES);
}

/** How many of the entries that were sent are deltas. */
function deltasOf({ entries, objects }: TakenIn): number {
  let count = 0;
  for (let rank = 0; rank < objects; rank++) {
    if (isDelta(entries.types[rank] as number)) count++;
  }
  return count;
}

/** Objects of the repository, as long as they are not too many. */
function adopted(oids: readonly Oid[], store: ObjectStore): PackObject[] {
  const objects: PackObject[] = [];
  let bytes = 0;
  for (const oid of oids) {
    const number = store.find(oid);
    if (number < 0) throw new StorageError("missing-object", oid);
    const { kind, data } = store.read(number);
    bytes += data.length;
    if (objects.length === MAX_ADOPTED || bytes > MAX_ADOPTED_BYTES) {
      throw new StorageError(
        "too-many-objects",
        "Cannot store again what no ref names, beside git gc: it is too much",
      );
    }
    objects.push({ raw: oidToRaw(oid), kind, data });
  }
  return objects;
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
