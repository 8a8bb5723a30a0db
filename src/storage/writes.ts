/**
 * The ports through which repositories are changed: objects come in by a
 * quarantine, refs by transactions. Types alone, as in `types.ts`.
 *
 * @module
 */

import type { Oid } from "../core/oid.ts";
import type { RefName } from "../core/ref_name.ts";
import type { ObjectChecker } from "../object/fsck/checker.ts";
import type { FsckRules } from "../object/fsck/rules.ts";
import type {
  IntakeLimits,
  IntakeProgress,
  PackInput,
} from "../pack/intake/ports.ts";
import type { Snapshot } from "./types.ts";

export type { IntakeLimits, IntakeProgress, PackInput };

/** How far what was acknowledged is pressed to the disk: `gitsrv.fsync`. */
export type FsyncMode =
  /** Everything that a push has changed, directories too, before it is told. */
  | "full"
  /** What git presses unless told otherwise: packs and their indexes. */
  | "git"
  /** Nothing. */
  | "off";

/**
 * What changes a repository, for a program as for a push; absent from those
 * that are only read. Objects come first, by a quarantine, and then the refs
 * that name them: in the other order others would see refs to nothing.
 *
 * @example Take a pack in, and let a branch name what it brought
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryRepository, type Oid, type RefName, SHA1 } from "@gitsrv/gitsrv";
 *
 * // The pack of one commit. Yours comes from a file or a socket.
 * const pack = Uint8Array.from(atob(
 *   "UEFDSwAAAAIAAAAClgZ4nGXJMQ6AIAwAwJ1XdHdpSCGQGKOL/6BQIgMhwfp/3b31" +
 *   "dIoAcbCuZE82sxeOCT2KI66h+GhDqCxCEcmkR68x4YA17bwBwoIfk0fvTVX+Y842" +
 *   "bzUv5uUcVCB4nAMAAAAAAegiTbBfhuk0MxmO+/IoJICOkimB"
 * ), (letter) => letter.charCodeAt(0));
 * const tip = "ad1f93701bbb7921c13937f25766c50e72e767dd" as Oid;
 * let at = 0;
 * const input = {
 *   read(into: Uint8Array): Promise<number> {
 *     const part = pack.subarray(at, at + into.length);
 *     into.set(part);
 *     at += part.length;
 *     return Promise.resolve(part.length);
 *   },
 * };
 *
 * const repository = new MemoryRepository();
 * const writer = await repository.writer();
 * {
 *   await using quarantine = await writer.openQuarantine();
 *   await quarantine.receive(input, {
 *     limits: {
 *       maxInputBytes: 1e6,
 *       maxInflatedBytes: 1e7,
 *       maxObjectBytes: 1e6,
 *       maxObjects: 1000,
 *       maxDeltaDepth: 50,
 *     },
 *     unpackLimit: 100,
 *     keep: "import",
 *     signal: AbortSignal.timeout(10_000),
 *   });
 *   // Nobody sees it yet: look at what quarantine.snapshot() has, then
 *   await quarantine.publish();
 * }
 *
 * const name = "refs/heads/main" as RefName;
 * const [failure] = await writer.refs.apply(
 *   [{ name, old: SHA1.zero, new: tip }],
 *   {
 *     atomic: true,
 *     committer: "A <a@example.com> 1767225600 +0000",
 *     message: "import",
 *   },
 * );
 * assert.equal(failure, undefined);
 * using snapshot = await repository.snapshot();
 * assert.equal(snapshot.refs.get(name)?.oid, tip);
 * ```
 */
export interface RepositoryWriter {
  /** Changes refs. */
  readonly refs: RefWriter;
  /**
   * Makes a place for objects that nobody sees before they are published.
   * What dead processes have left of such places is removed first.
   */
  openQuarantine(options?: QuarantineOptions): Promise<Quarantine>;
  /**
   * The repository now, for those who look at single objects, where that can
   * be had for less than `Repository.snapshot`.
   */
  snapshot?(): Promise<Snapshot>;
  /**
   * Writes `info/refs` and `objects/info/packs`, those that would change,
   * where a store has such files. Rejects where the refs cannot be read.
   */
  updateServerInfo?(options?: ServerInfoOptions): Promise<ServerInfoOutcome>;
  /**
   * Adds roots to the repository's `shallow` file, where a store has one:
   * commits whose parents a push said it does not bring.
   */
  addShallow?(commits: readonly Oid[]): Promise<void>;
}

/** How {@linkcode RepositoryWriter.updateServerInfo} works. */
export interface ServerInfoOptions {
  /** Writes both anew, and forgets in which order packs were listed. */
  readonly force?: boolean;
  /**
   * What a ref does whose object is lost: it is left out unless told, or it
   * "fails" the file, which then stays as it was; so has git it.
   */
  readonly lost?: "skipped" | "fails";
}

/** What {@linkcode RepositoryWriter.updateServerInfo} came to. */
export interface ServerInfoOutcome {
  /** The files that were written, of those in git's order. */
  readonly written: readonly ServerInfoFile[];
  /** The files that could not be written, and why in the system's words. */
  readonly failures: readonly {
    readonly file: ServerInfoFile;
    readonly why: string;
  }[];
  /** What was found wrong and cost no file, in git's words. */
  readonly complaints: readonly string[];
}

/** The files that let a repository be fetched as plain files. */
export type ServerInfoFile = "info/refs" | "objects/info/packs";

/** One ref that is to change. */
export interface RefUpdate {
  /** Its full name as it is stored; of a symref, what it names changes. */
  readonly name: RefName;
  /**
   * What it must be until the change is made: the zero id for "not there".
   * Absent: whatever it is.
   */
  readonly old?: Oid;
  /** What it is to be; the zero id takes it away. */
  readonly new: Oid;
}

/** Why a ref did not change. */
export interface RefFailure {
  /**
   * "locked": somebody else holds its lock; "changed": it is not what it had
   * to be, or not there; "exists": it is there and had not to be; "conflict":
   * another ref's name is a directory of its name, or the other way round;
   * "broken": what is stored cannot be read; "aborted": another of an atomic
   * transaction failed, or an observer said no; "failed": the disk.
   */
  readonly code:
    | "locked"
    | "changed"
    | "exists"
    | "conflict"
    | "broken"
    | "aborted"
    | "failed";
  /** In git's words, as behind "error: ". A binary string. */
  readonly message: string;
}

/** Where a transaction stands when an observer is asked. */
export type RefPhase = "prepared" | "committed" | "aborted";

/**
 * Hears of every transaction, as git's hook `reference-transaction` does:
 * "prepared" with all locks held, where `false` aborts it, then "committed" or
 * "aborted".
 */
export type RefObserver = (
  phase: RefPhase,
  updates: readonly RefUpdate[],
) => Promise<boolean>;

/** How refs are to change. */
export interface RefTransactionOptions {
  /** All of them or none; else each as if it were alone. */
  readonly atomic: boolean;
  /** Who reflogs name: "Name <mail> 1700000000 +0100", a binary string. */
  readonly committer: string;
  /** What reflogs say: "push". A binary string. */
  readonly message: string;
  /** Hears of each transaction: of every ref's own where not `atomic`. */
  readonly observe?: RefObserver;
  /**
   * Asked right before refs change and right afterwards, where a store can
   * tell when that is: whether their objects are there to stay. `false` before
   * it keeps them from changing.
   */
  readonly secure?: () => Promise<boolean>;
  /** Ends waiting for locks. What was committed stays so. */
  readonly signal?: AbortSignal;
}

/** Changes refs, safely beside git and beside other writers. */
export interface RefWriter {
  /**
   * Changes refs; resolves when what has changed is as durable as the
   * repository's `gitsrv.fsync` asks. Gives, in the order of `updates`, why
   * each did not change, `undefined` for those that did. No two updates may
   * come to the same ref. Rejects only where the session was ended before
   * anything changed. A ref that is deleted and is not there is no failure.
   */
  apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly (RefFailure | undefined)[]>;
}

/** How a pack is to be taken in. */
export interface ReceiveOptions {
  /** Bounds. */
  readonly limits: IntakeLimits;
  /** Packs of fewer objects are stored as loose ones; 0: none are. */
  readonly unpackLimit: number;
  /** Checks of every object; without them, only that they are whole. */
  readonly fsck?: FsckRules;
  /** What the pack's `.keep` says, while nothing names its objects yet. */
  readonly keep: string;
  /** Hears how far it has come, now and then. May be slow: it is waited for. */
  readonly onProgress?: (progress: IntakeProgress) => void | Promise<void>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What was taken in. */
export interface ReceivedPack {
  /** Objects in the pack as it was sent. */
  readonly objects: number;
  /** Its bytes as it was sent. */
  readonly bytes: number;
  /** Deltas in it, where they were counted. */
  readonly deltas?: number;
  /** Objects that were added to it as bases of thin deltas. */
  readonly completed: number;
  /** Whether it is stored as a pack, not as loose objects. */
  readonly isPack: boolean;
  /** Where its objects were checked: what is left of that. */
  readonly checks?: PendingChecks;
}

/**
 * The checks of a pack that take objects which can be looked up: they are the
 * receiver's, once the quarantine gives a snapshot.
 */
export interface PendingChecks {
  /** The raw ids of the objects that were sent, in a row. */
  readonly ids: Uint8Array;
  /** The kind of each. */
  readonly kinds: Uint8Array;
  /** In whose words it is refused: as whom git would take such a pack in. */
  readonly as: "index-pack" | "unpack-objects";
  /** What has seen every object, and is yet to finish. */
  readonly checker: Pick<ObjectChecker, "finish" | "lines">;
}

/** How a quarantine is made. */
export interface QuarantineOptions {
  /**
   * "programs" where hooks may look into it, as unless told; a few objects
   * that nobody is to see take less time.
   */
  readonly seenBy?: "programs" | "nobody";
}

/** Finds objects of a push that it did not bring: see `Quarantine.secure`. */
export type FindReached = (
  isBrought: (oid: Oid) => boolean,
  limit: number,
) => Promise<readonly Oid[]>;

/**
 * Objects that have arrived and that nobody else sees. Disposing of it removes
 * all that was not published, and never throws.
 */
export interface Quarantine extends AsyncDisposable {
  /**
   * What a hook needs in its environment to see the objects; empty where no
   * program can see them.
   */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Takes one pack from its header to its trailer, and nothing behind it. What
   * {@linkcode PendingChecks} leaves is for the caller, before he publishes.
   * Rejects with a ProtocolError (a pack that is broken) or a RefusedError (a
   * limit, a check), whose message is what git's `index-pack` says behind
   * "fatal: ", and with a StorageError where our own disk is at fault.
   */
  receive(input: PackInput, options: ReceiveOptions): Promise<ReceivedPack>;
  /** The repository as it is now, with what was received. */
  snapshot(): Promise<Snapshot>;
  /** Shows the objects to everybody, durably. Once; then hooks see them too. */
  publish(): Promise<void>;
  /**
   * Sees to it that what was published stays, whoever removes objects that no
   * ref names: to be asked before refs change and once more when they have,
   * before that is told. Rejects with a StorageError where it cannot. Absent
   * where nobody removes objects. `reached` finds, where it is asked to, which
   * of the objects that were not brought are reached by the new tips, and not
   * by refs; it stops at `limit`.
   */
  secure?(reached: FindReached): Promise<void>;
  /** Hears that a ref did not change that was to name published objects. */
  unnamed?(): void;
}
