/**
 * The ports between the services and whatever holds repositories: a repository
 * is packs plus refs, seen through immutable snapshots, and objects are small
 * integers inside a snapshot.
 *
 * Types alone: the services and `graph/` import this file and no other file of
 * `storage/`.
 *
 * @module
 */

import type { NumberList } from "../core/number_list.ts";
import type { ObjectSet } from "../core/object_set.ts";
import type { ObjectFormat, Oid } from "../core/oid.ts";
import type { RefName } from "../core/ref_name.ts";
import type { Kind } from "../object/kind.ts";
import type { PlainFiles } from "./plain_files.ts";
import type { AskedHost } from "./asked_host.ts";
import type { PackPlan, PackRequest } from "./pack_plan.ts";
import type { RepositoryWriter } from "./writes.ts";

export type { AskedHost, HostFacts } from "./asked_host.ts";
export type {
  PackBytes,
  PackPlan,
  PackRequest,
  PathRoots,
} from "./pack_plan.ts";

/**
 * Finds repositories by the path that a client names.
 *
 * @example A backend that knows one repository
 * ```ts
 * import type { Backend, Repository } from "@gitsrv/gitsrv";
 * import { MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const only: Repository = new MemoryRepository();
 * const backend: Backend = {
 *   openRepository: () => Promise.resolve(only),
 * };
 * ```
 */
export interface Backend {
  /**
   * Opens the repository at `path` (text, as the client sent it, with its
   * leading slash). Throws a RefusedError whose code is "no-such-repository",
   * "not-exported" or "access-denied" where the client may not have it, and a
   * StorageError where it cannot be read. `host` is what the client said of
   * the host that it means, if it did: virtual hosting.
   */
  openRepository(path: string, host?: AskedHost): Promise<Repository>;
  /**
   * Makes a repository at `path`, for a push that found none. Throws a
   * RefusedError "no-such-repository" where none may be. Absent where a
   * backend makes none.
   */
  createRepository?(path: string): Promise<NewRepository>;
  /** Every path of an opened repository: rules about who may hold for all. */
  pathsOf?(repository: Repository): readonly string[];
  /**
   * The paths of all repositories that somebody may have, for people who look
   * around: "all", or "more" where a bound was met first. Takes little of the
   * thread's time between one and the next. Absent where a backend lists none.
   */
  listRepositories?(): AsyncGenerator<string, "all" | "more", void>;
}

/** A repository that was made for a push. */
export interface NewRepository {
  /** The repository. */
  readonly repository: Repository;
  /** Takes it away again, unless something is in it. Never throws. */
  removeUnused(): void;
}

/** One repository. */
export interface Repository {
  /** Its object format. */
  readonly format: ObjectFormat;
  /** Its configuration, read when it was opened. */
  readonly config: ConfigView;
  /**
   * Where other threads of this process find it; absent where only this
   * thread has it.
   */
  readonly address?: RepositoryAddress;
  /**
   * Changes when packs or packed refs come or go; costs a few stats. Goes with
   * {@linkcode Repository.address}.
   */
  outline?(): string;
  /** Its info/attributes, a binary string. Absent where there can be none. */
  attributes?(): string | undefined;
  /** The text of `objects/info/packs`; absent where packs have no files. */
  infoPacks?(): string;
  /**
   * What its owner says of it to people, of any length and content. Absent
   * where nothing can be said.
   */
  description?(): string | undefined;
  /**
   * An immutable view of the repository as it is now. The caller disposes it.
   * Cheap where nothing has changed since the last one.
   */
  snapshot(): Promise<Snapshot>;
  /** What changes it; absent where it can only be read. */
  writer?(): Promise<RepositoryWriter>;
  /**
   * The branches that its work trees have checked out, or are rebasing or
   * bisecting, now. Absent where there are no work trees.
   */
  checkedOut?(): readonly RefName[];
  /**
   * A file that configuration names, by a binary string; `undefined` where it
   * cannot be read. Absent where there are no files.
   */
  readNamed?(path: string): Uint8Array | undefined;
  /**
   * What the refs of the repositories name whose objects it borrows, now.
   * Absent where it borrows none.
   */
  borrowedTips?(): readonly Oid[];
  /** Its files as they lie. Absent where it has none. */
  plainFiles?(): Promise<PlainFiles>;
}

/** Where a repository's directories are, all absolute. Can be cloned. */
export interface RepositoryAddress {
  /** The path by which git names the repository. */
  readonly path: string;
  /** The git directory: HEAD, and the refs of a linked worktree. */
  readonly gitDir: string;
  /** Everything that worktrees share; the git directory of most. */
  readonly commonDir: string;
  /** Where the objects are. */
  readonly objectsDir: string;
  /** Whether a gitfile led to the git directory. */
  readonly gitfile: boolean;
}

/** A repository's configuration, by full key: "uploadpack.allowfilter". */
export interface ConfigView {
  /**
   * The last value of `key` (section and name in lower case, the subsection
   * between them as it is), or `undefined`. A key without "=" is "true" to
   * {@linkcode ConfigView.boolean} and "" here.
   */
  get(key: string): string | undefined;
  /** Every value of `key`, in order. */
  all(key: string): readonly string[];
  /**
   * The last value as git's boolean; throws StorageError "bad-config" where
   * it is none (git: "bad boolean config value").
   */
  boolean(key: string): boolean | undefined;
  /** The last value as git's integer with k, m, g units. */
  integer(key: string): number | undefined;
  /** Every key with its values' order kept: `[key, value]`. */
  entries(): Iterable<readonly [string, string]>;
}

/** What a repository held at one moment. */
export interface Snapshot extends Disposable {
  /** Changes when refs or objects do; equal ids mean equal snapshots. */
  readonly id: string;
  /** The refs. */
  readonly refs: RefSnapshot;
  /** The objects. */
  readonly objects: ObjectStore;
  /** Commits whose parents this repository lacks (its `shallow` file). */
  readonly shallow: readonly Oid[];
  /** How much there is to look into, where that is known. Opens the objects. */
  weight?(): SnapshotWeight;
}

/** How much a snapshot holds. */
export interface SnapshotWeight {
  /** Objects. */
  readonly objects: number;
  /**
   * Bytes of packs, loose objects and helper files as they are stored, or of
   * the objects' contents, whichever is more; Infinity for very many.
   */
  readonly bytes: number;
  /** Refs. */
  readonly refs: number;
}

/** One ref and what it resolves to. */
export interface RefRecord {
  /** Its full name, a binary string. */
  readonly name: RefName;
  /** The object it resolves to, through symrefs. */
  readonly oid: Oid;
  /** For a symref: the ref that it finally resolves to. */
  readonly target?: RefName;
  /**
   * What the annotated tag at `oid` peels to, where the store knows: an id,
   * or `null` for "is no tag". `undefined` means: look at the object.
   */
  readonly peeled?: Oid | null;
}

/**
 * Refs as lines, the shape of git's `packed-refs`: `<id> <name>\n`, and behind
 * an annotated tag `^<id>\n` with what it peels to. The ids are in lower case,
 * the names valid and ascending; at most 64 KiB.
 */
export interface RefRun {
  /** The lines. */
  readonly bytes: Uint8Array;
}

/** HEAD: attached (with or without a commit yet), detached, or missing. */
export interface Head {
  /** The ref that HEAD names, where it is a symref, fully resolved. */
  readonly target?: RefName;
  /** The object it resolves to; absent while unborn. */
  readonly oid?: Oid;
}

/** All refs at one moment: the same object stands for the same refs. */
export interface RefSnapshot {
  /** Changes when any ref does. */
  readonly id: string;
  /** HEAD, or `undefined` where it is missing or broken. */
  readonly head: Head | undefined;
  /** How many refs there are, HEAD not counted. */
  readonly size: number;
  /** One ref by its full name; not HEAD. */
  get(name: RefName): RefRecord | undefined;
  /**
   * The missing ref that the symref `name` finally names, which is therefore
   * in no listing; `name` where its chain is too long or a circle; `undefined`
   * where there is no such symref. Absent where a store cannot tell.
   */
  unborn?(name: RefName): RefName | undefined;
  /**
   * The refs whose name starts with `prefix` ("" is every ref), in the byte
   * order of their names, without HEAD. Refs whose value is torn or whose
   * symref leads nowhere are left out.
   */
  list(prefix: string): Iterable<RefRecord>;
  /**
   * The same refs, those that are stored as lines in runs. Absent where a
   * store has no such lines.
   */
  runs?(prefix: string): Iterable<RefRecord | RefRun>;
}

/** Where refs come from; they are changed by a `RefWriter`. */
export interface RefStore {
  /** The refs now. Equal ids mean that nothing changed. */
  read(): Promise<RefSnapshot>;
}

/** The bytes of an object. */
export interface ObjectData {
  /** Its kind. */
  readonly kind: Kind;
  /** Its content, without a header. Not to be changed: it may be cached. */
  readonly data: Uint8Array;
}

/** A delta as it is stored; lent until the next read. */
export interface StoredDelta {
  /** The object that it is based on. */
  readonly base: number;
  /** It, compressed. */
  readonly data: Uint8Array;
}

/**
 * The commits, trees and tags as a graph of small integers, on which every
 * walk is written once.
 *
 * Numbers are handed out from 0 up and never change during a snapshot's life.
 * Those of objects that are stored together ascend in the order in which they
 * are best read.
 * An id that some object names but that the repository lacks may have a number
 * too: {@linkcode ObjectGraph.has} tells. Every operation that reads an object
 * re-scans the repository once before it throws StorageError "missing-object"
 * (its message names the id), and throws StorageError "corrupt-object" where no copy of
 * an object is readable.
 */
export interface ObjectGraph {
  /** The object format. */
  readonly format: ObjectFormat;
  /** One more than the highest number handed out so far. */
  readonly count: number;
  /** The number of an object that is here, or -1 (after one re-scan). */
  find(oid: Oid): number;
  /**
   * Whether all of the raw ids that stand in `ids` in a row are here, without
   * a re-scan. Absent where a store cannot tell any faster.
   */
  hasAll?(ids: Uint8Array): boolean;
  /** Whether object `number` is in a pack. Absent where a store cannot tell. */
  isPacked?(number: number): boolean;
  /**
   * The ids of objects that are here and begin with these hex digits, in lower
   * case, up to a few hundred. Absent where a store cannot tell.
   */
  startingWith?(digits: string): readonly Oid[];
  /** The number for an id, here or not. */
  intern(oid: Oid): number;
  /** {@linkcode ObjectGraph.intern} of the raw id that stands in `bytes` at `at`. */
  internRaw(bytes: Uint8Array, at: number): number;
  /** Whether object `number` is here. */
  has(number: number): boolean;
  /** The id of object `number`. */
  oid(number: number): Oid;
  /** The kind of object `number`, without reading more than headers. */
  kind(number: number): Kind;
  /**
   * The bytes of the content of object `number`, from headers alone: a delta
   * tells what it makes, and is not resolved.
   */
  size(number: number): number;
  /**
   * The object itself. Throws StorageError "object-too-large" for more than
   * `limit` bytes, where that is given and the store heeds it.
   */
  read(number: number, limit?: number): ObjectData;
  /** How an object is stored as a delta, if it is and a store can tell. */
  storedDelta?(number: number): StoredDelta | undefined;
  /** The tree of a commit. Throws "not-a-commit" for other kinds. */
  commitTree(commit: number): number;
  /** The committer time of a commit, seconds since 1970; 0 if unreadable. */
  commitTime(commit: number): number;
  /** How many parents a commit names. */
  parentCount(commit: number): number;
  /** The `index`th parent of a commit; it may be absent from the store. */
  parent(commit: number, index: number): number;
  /**
   * The generation number of a commit that is here: greater than or equal to
   * that of every commit it reaches. Infinity where the repository's
   * commit-graph does not know it, and only such commits reach such commits.
   * Absent where a store has no such numbers.
   */
  generation?(commit: number): number;
  /** What a tag points to. Throws "not-a-tag" for other kinds. */
  tagTarget(tag: number): number;
  /**
   * Looks up every entry of every tree in `trees`. Each entry that is not in
   * `seen` is added to it and appended to `found.trees` or `found.blobs` by
   * its mode; gitlinks are passed over. The order within one call is free:
   * the store reads the trees in the order that suits it.
   *
   * A walk expands every tree that is in `seen`, now or later, with the same
   * `seen`: entries that one of those trees has too may be left to it.
   *
   * Returns a measure of the work: how many bytes of objects were read. The
   * caller asks for fewer trees at a time where that is much.
   */
  expandTrees(trees: Int32Array, seen: ObjectSet, found: TreeEntries): number;
  /**
   * What {@linkcode ObjectGraph.expandTrees} comes to for all of
   * `found.trees`, which are in `seen`, and for the trees that this finds, as
   * far as the store has a way that takes less for all at once. Those that it
   * has not expanded, as many as it likes, are moved to the end of
   * `found.trees`; it returns how many it has. Yields how many trees and blobs
   * `found` holds, after every bounded step. Absent where a store has no such
   * way.
   */
  expandAll?(
    seen: ObjectSet,
    found: TreeEntries,
  ): Generator<number, number, void>;
  /**
   * What git computed before about the objects of one of its packs, or of
   * several; `undefined` where there is nothing of the kind that can be used.
   * Absent where a store never has it. To be asked for anew by each walk.
   */
  bitmaps?(): ReachBitmaps | undefined;
}

/**
 * Sets of all objects that some commits reach, each complete: objects that are
 * covered reach objects that are covered, and nothing else.
 */
export interface ReachBitmaps {
  /**
   * The kind of object `number` if it is one of those that the bitmaps are
   * about, else `undefined`.
   */
  kind(number: number): Kind | undefined;
  /** An empty set of such objects. */
  reached(): ReachedSet;
  /**
   * Appends the covered members of `set` to the lists of their kinds, each
   * ascending. Yields the number appended so far, every some hundred thousand.
   */
  sort(set: ObjectSet, into: KindLists): Generator<number, void, void>;
}

/** Covered objects that are reached. */
export interface ReachedSet {
  /** Whether object `number` is among them. */
  has(number: number): boolean;
  /**
   * Adds all that `commit` reaches, itself included; false where there is no
   * bitmap of it. Yields 0 between pieces of work. Throws StorageError
   * "corrupt-bitmap" where the bitmaps turn out to be unusable: the set is then
   * lost, and the next walk does without them.
   */
  add(commit: number): Generator<number, boolean, void>;
  /** Adds all of them to `set`. Yields 0 between pieces of work. */
  addTo(set: ObjectSet): Generator<number, void, void>;
}

/** Objects by their kinds. */
export interface KindLists {
  /** Commits. */
  readonly commits: NumberList;
  /** Tags. */
  readonly tags: NumberList;
  /** Trees. */
  readonly trees: NumberList;
  /** Blobs. */
  readonly blobs: NumberList;
}

/** Where {@linkcode ObjectGraph.expandTrees} puts what it found. */
export interface TreeEntries {
  /** Sub-trees. */
  readonly trees: NumberList;
  /** Blobs, symlinks included. */
  readonly blobs: NumberList;
}

/** The objects of a snapshot: the graph, and packs made of them. */
export interface ObjectStore extends ObjectGraph {
  /**
   * Plans a pack. A generator so that the caller can serve others between its
   * steps: it yields the number of objects planned so far.
   */
  planPack(request: PackRequest): Generator<number, PackPlan, void>;
}
