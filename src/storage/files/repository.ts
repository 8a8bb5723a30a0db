/**
 * A repository on disk: its refs and its objects joined into snapshots.
 *
 * @module
 */

import { binaryToUtf8, fromBinary, toBinary, toHex } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import type { Logger } from "../../core/logger.ts";
import { once } from "../../core/once.ts";
import { type ObjectFormat, type Oid, SHA1 } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { ObjectStoreOptions } from "../objects/options.ts";
import type { ObjectSnapshot } from "../objects/source.ts";
import type { PlainFiles } from "../plain_files.ts";
import type { HeldLoose } from "../ports.ts";
import type {
  ConfigView,
  ObjectStore,
  RefSnapshot,
  Repository,
  Snapshot,
  SnapshotWeight,
} from "../types.ts";
import type { RepositoryWriter } from "../writes.ts";
import { BorrowedTips } from "./borrowed_tips.ts";
import { checkedOutBranches } from "./checkouts.ts";
import { Complaints } from "./complaints.ts";
import { type ConfigPair, configView, expandHome } from "./config.ts";
import { readDescription } from "./description.ts";
import type { RefStorage } from "./format.ts";
import { headTarget, isGitDirectory, type Layout } from "./layout.ts";
import type { FileObjects, FileObjectsInit } from "./objects.ts";
import { absolutePath, joinPath } from "./paths.ts";
import { FileRefStore, type FileRefStoreInit } from "./refs.ts";
import { ReftableRefStore } from "./reftable/refs.ts";
import { packsText } from "./packs_text.ts";
import { ShallowFile } from "./shallow.ts";
import type { Now } from "./stamp.ts";
import type { FileWrites } from "./writer.ts";

// reftable.txt, "Backward compatibility": what the file HEAD names.
const DUMMY_HEAD = "refs/heads/.invalid";

/** attr.c: ATTR_MAX_FILE_SIZE. */
const MAX_ATTRIBUTES_BYTES = 100 * 1024 * 1024 - 1;
/** Files that configuration names, such as lists of 1.5 million objects. */
const MAX_NAMED_BYTES = 64 * 1024 * 1024;
/** More objects, or more bytes of them, are not weighed. */
const WEIGHED_OBJECTS = 4096;
const WEIGHED_BYTES = 16 * 1024 * 1024;

// Loaded for a snapshot: the first bytes of protocol v2 need no objects. With
// what else waits for a request (service/v2/table.ts) that is worth 1 ms.
const objectsModule = once(() => import("./objects.ts"));
const writerModule = once(async () => ({
  ...await import("./writer.ts"),
  ...await import("./ref_writers.ts"),
}));

/** What a {@linkcode FileRepository} is made from. */
export interface FileRepositoryInit {
  /** Where its parts are. */
  readonly layout: Layout;
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** How its refs are stored; "files" unless told. */
  readonly refStorage?: RefStorage;
  /** The pairs of its configuration. */
  readonly config: readonly ConfigPair[];
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** The log. */
  readonly logger: Logger;
  /** Milliseconds since 1970; `Date.now` unless told. */
  readonly now?: Now;
  /** How much memory its objects may take. */
  readonly objects?: ObjectStoreOptions;
  /** Loads what it is changed with; absent: it can only be read. */
  readonly writes?: () => Promise<FileWrites>;
  /** What "~/" means in paths that its configuration names. */
  readonly home?: string;
}

/** A repository on disk. */
export class FileRepository implements Repository {
  readonly format: ObjectFormat;
  readonly config: ConfigView;
  /** Where its parts are. */
  readonly layout: Layout;
  /** As {@linkcode FileRepository.layout}: files can be read by any thread. */
  readonly address: Layout;
  /** Absent where nothing was given to write with. */
  readonly writer?: () => Promise<RepositoryWriter>;
  readonly #kernels: Kernels;
  readonly #refs: { readNow(): RefSnapshot };
  readonly #refsOf: (layout: Layout) => { readNow(): RefSnapshot };
  readonly #borrowed: BorrowedTips;
  readonly #home: string | undefined;
  /** Loaded for the first snapshot; other answers need no objects. */
  readonly #objects: () => Promise<FileObjects>;
  readonly #plainFiles: () => Promise<PlainFiles>;
  readonly #shallow: ShallowFile;
  readonly #fileSystem: FileSystem;
  readonly #complaints: Complaints;
  #loaded: FileObjects | undefined;
  #asked: FileObjects | undefined;
  #isClosed = false;

  /** Reads nothing but what it is given. */
  constructor(init: FileRepositoryInit) {
    const { layout, format, fileSystem, kernels, logger } = init;
    const now = init.now ?? Date.now;
    const complaints = new Complaints({
      log: (level, message, fields) =>
        logger.log(level, message, { repository: layout.path, ...fields }),
    });
    this.#complaints = complaints;
    this.format = format;
    this.config = configView(init.config);
    this.layout = layout;
    this.address = layout;
    this.#kernels = kernels;
    const common = { fileSystem, kernels, complaints, now, format };
    const reftables = init.refStorage === "reftable"
      ? new ReftableRefStore({ ...common, layout })
      : undefined;
    this.#refsOf = (other) =>
      init.refStorage === "reftable"
        ? new ReftableRefStore({ ...common, layout: other })
        : guardedFileRefs({ ...common, layout: other });
    this.#refs = reftables ?? this.#refsOf(layout);
    const { config } = this;
    this.#home = init.home;
    this.#borrowed = new BorrowedTips({ ...common, layout, config });
    this.#fileSystem = fileSystem;
    const place = {
      ...common,
      objectsDir: layout.objectsDir,
      commonDir: layout.commonDir,
      config: this.config,
      options: init.objects ?? {},
    };
    this.#objects = once(async () => {
      const { FileObjects } = await objectsModule();
      const objects = new FileObjects(place);
      if (this.#isClosed) objects.close();
      this.#loaded = objects;
      return objects;
    });
    this.#plainFiles = once(async () => {
      const { FilePlainFiles } = await import("./plain_files.ts");
      return new FilePlainFiles(place);
    });
    this.#shallow = new ShallowFile({
      ...common,
      path: joinPath(layout.commonDir, "shallow"),
    });
    if (init.writes !== undefined) {
      this.writer = this.#writerOver(init.writes, place, reftables);
    }
  }

  #writerOver(
    loadWrites: () => Promise<FileWrites>,
    place: FileObjectsInit,
    reftables: ReftableRefStore | undefined,
  ): () => Promise<RepositoryWriter> {
    return once(async () => {
      const { FileWriter, openRefWriter } = await writerModule();
      const { FileObjects } = await objectsModule();
      const { tables } = await this.#objects();
      // Pushes look at few objects, in a repository that each of them changes.
      const asked: FileObjectsInit = {
        ...place,
        loose: "asked",
        options: { ...place.options, tables },
      };
      const objects = new FileObjects(asked);
      this.#asked = objects;
      if (this.#isClosed) objects.close();
      const writes = await loadWrites();
      const { layout, format, config } = this;
      const common = { writes, layout, format, config, kernels: place.kernels };
      return new FileWriter({
        ...common,
        now: place.now,
        refs: await openRefWriter({
          ...common,
          complaints: place.complaints,
          reftables,
          objects: () => objects.snapshot(),
        }),
        snapshot: () => Promise.resolve(this.#snapshotOf(objects)),
        repository: {
          objects: () => objects.snapshot(),
          snapshot: (held) => this.#snapshotOf(objects, held),
        },
        view: (quarantine) => {
          // Packs that are open in the repository are not read again.
          const options = { ...place.options, tables: objects.tables };
          const all = new FileObjects({
            ...asked,
            quarantine,
            options,
            beside: objects,
          });
          return {
            objects: () => all.snapshot(),
            snapshot: () => this.#snapshotOf(all),
            close: () => all.close(),
          };
        },
      });
    });
  }

  /**
   * The repository now. The refs are read at once; the packs are opened when
   * the objects are first asked for, so that listing refs costs no index.
   */
  async snapshot(): Promise<Snapshot> {
    return this.#snapshotOf(await this.#objects());
  }

  #snapshotOf(objects: FileObjects, held?: HeldLoose): Snapshot {
    // Refs first: what they name was there before them.
    const refs = this.#refs.readNow();
    const shallow = this.#shallow.read();
    return new FileSnapshot(
      refs,
      shallow,
      () => objects.snapshot(held),
      this.#kernels,
      () => objects.bytes(),
    );
  }

  outline(): string {
    const { objectsDir, commonDir } = this.layout;
    const paths = [
      joinPath(objectsDir, "pack"),
      joinPath(commonDir, "packed-refs"),
      joinPath(commonDir, "refs/heads"),
    ];
    return paths.map((path) => {
      const stat = this.#fileSystem.stat(path);
      return `${stat?.ino}:${stat?.size}:${stat?.mtimeMs}`;
    }).join(" ");
  }

  attributes(): string | undefined {
    const path = joinPath(this.layout.commonDir, "info/attributes");
    try {
      const bytes = this.#fileSystem.read(path, MAX_ATTRIBUTES_BYTES);
      return bytes && toBinary(bytes);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#complaints.warn(`Cannot use ${path}: ${error.message}`);
      return undefined;
    }
  }

  infoPacks(): string {
    return packsText(this.#fileSystem, this.layout.objectsDir);
  }

  checkedOut(): readonly RefName[] {
    const { layout } = this;
    const refs = once(() => this.#refs.readNow());
    return checkedOutBranches({
      fileSystem: this.#fileSystem,
      commonDir: layout.commonDir,
      isBare: this.config.boolean("core.bare") !== false,
      headTarget: (gitDir) => {
        if (gitDir === layout.gitDir) return refs().head?.target;
        return this.#refsOf({ ...layout, gitDir }).readNow().head?.target;
      },
    });
  }

  readNamed(path: string): Uint8Array | undefined {
    const text = binaryToUtf8(path);
    const named = expandHome(text, this.#home) ?? text;
    const file = absolutePath(named, this.layout.gitDir);
    try {
      return this.#fileSystem.read(file, MAX_NAMED_BYTES);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#complaints.warn(`Cannot read ${file}: ${error.message}`);
      return undefined;
    }
  }

  description(): string | undefined {
    return readDescription(this.#fileSystem, this.layout.commonDir);
  }

  borrowedTips(): readonly Oid[] {
    return this.#borrowed.read();
  }

  plainFiles(): Promise<PlainFiles> {
    return this.#plainFiles();
  }

  /** Lets go of what is kept between snapshots. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#loaded?.close();
    this.#asked?.close();
  }
}

/**
 * Loose and packed refs, never those of a repository whose refs are being
 * moved to reftables (`git refs migrate`): it would pass for an empty one, and
 * a client that prunes would believe that.
 */
function guardedFileRefs(
  init: FileRefStoreInit,
): { readNow(): RefSnapshot } {
  const { fileSystem, layout } = init;
  const store = new FileRefStore(init);
  return {
    readNow() {
      const refs = store.readNow();
      if (refs.head?.oid !== undefined && refs.size > 0) return refs;
      // Little was found: that must be so, and not have been made so just now.
      if (
        headTarget(fileSystem, layout) === DUMMY_HEAD ||
        !isGitDirectory(fileSystem, layout.gitDir)
      ) {
        throw new StorageError(
          "unsupported-repository",
          `the refs of '${layout.path}' are in reftables, or on their way ` +
            "there; its configuration does not say so",
        );
      }
      return refs;
    },
  };
}

/** Refs that were read, and objects that are opened when they are needed. */
class FileSnapshot implements Snapshot {
  readonly refs: RefSnapshot;
  readonly shallow: readonly Oid[];
  readonly #open: () => ObjectSnapshot;
  readonly #kernels: Kernels;
  readonly #bytes: () => number;
  #objects: ObjectSnapshot | undefined;
  #id: string | undefined;
  #isDisposed = false;

  constructor(
    refs: RefSnapshot,
    shallow: readonly Oid[],
    open: () => ObjectSnapshot,
    kernels: Kernels,
    bytes: () => number,
  ) {
    this.refs = refs;
    this.#bytes = bytes;
    this.shallow = shallow;
    this.#open = open;
    this.#kernels = kernels;
  }

  get id(): string {
    if (this.#id === undefined) {
      const hash = this.#kernels.hash(SHA1);
      const parts = [this.refs.id, this.#opened().id, ...this.shallow];
      hash.update(fromBinary(parts.join("\n")));
      this.#id = toHex(hash.digest());
    }
    return this.#id;
  }

  get objects(): ObjectStore {
    return this.#opened().store;
  }

  weight(): SnapshotWeight {
    const { objects } = this;
    const { count } = objects;
    const bytes = count > WEIGHED_OBJECTS ? Infinity : this.#weigh(objects);
    return { objects: count, bytes, refs: this.refs.size };
  }

  #weigh(objects: ObjectStore): number {
    const stored = this.#bytes();
    return stored > WEIGHED_BYTES
      ? Infinity
      : Math.max(stored, contentBytes(objects));
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#objects?.release();
  }

  #opened(): ObjectSnapshot {
    if (this.#isDisposed) {
      throw new TypeError("Cannot use snapshot: it was disposed");
    }
    return this.#objects ??= this.#open();
  }
}

/** Bytes of all objects' contents; Infinity beyond what is weighed. */
function contentBytes(objects: ObjectStore): number {
  let bytes = 0;
  for (let number = 0; number < objects.count; number++) {
    if (!objects.has(number)) continue;
    try {
      bytes += objects.read(number, WEIGHED_BYTES).data.length;
    } catch (error) {
      if (error instanceof StorageError) return Infinity;
      throw error;
    }
    if (bytes > WEIGHED_BYTES) return Infinity;
  }
  return bytes;
}
