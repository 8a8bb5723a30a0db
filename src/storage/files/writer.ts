/**
 * Changes a repository on disk.
 *
 * @module
 */

import type { ObjectFormat, Oid } from "../../core/oid.ts";
import type { Owners } from "../../core/owner.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { PackIntake } from "../intake.ts";
import type { ConfigView, Snapshot } from "../types.ts";
import type {
  Quarantine,
  QuarantineOptions,
  RefWriter,
  RepositoryWriter,
  ServerInfoOptions,
  ServerInfoOutcome,
} from "../writes.ts";
import { fsyncPlan } from "./fsync.ts";
import { canHold } from "./held_objects.ts";
import type { Layout } from "./layout.ts";
import { LockJournal } from "./lock_journal.ts";
import type { ObjectWriting } from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import {
  FileQuarantine,
  type FileQuarantineInit,
  type ObjectsView,
} from "./quarantine.ts";
import { quietly } from "./quietly.ts";
import { sweepKeeps, sweepQuarantines } from "./quarantine_directory.ts";
import { writeServerInfo } from "./server_info.ts";
import { addShallow } from "./shallow_writer.ts";
import { sharedModes } from "./shared_modes.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

// builtin/gc.c: lock_repo_for_gc believes an older gc.pid no more.
const GC_PID_MS = 12 * 3600 * 1000;

/** What it takes to change repositories on disk. */
export interface FileWrites {
  /** Through which everything is changed. */
  readonly files: WritableFiles;
  /** Tells whose processes live. */
  readonly owners: Owners;
  /** Takes packs in. */
  intake(format: ObjectFormat): PackIntake;
  /** Waits, or rejects with the signal's reason. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What a {@linkcode FileWriter} is made from. */
export interface FileWriterInit {
  /** What changes files. */
  readonly writes: FileWrites;
  /** Where the repository's parts are. */
  readonly layout: Layout;
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** Its configuration. */
  readonly config: ConfigView;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** The time. */
  readonly now: Now;
  /** Changes its refs. */
  readonly refs: RefWriter;
  /** The repository now. */
  snapshot(): Promise<Snapshot>;
  /** The repository's own objects, and those that are held beside them. */
  readonly repository: FileQuarantineInit["repository"];
  /** Sees what is in a quarantine, too. */
  view(quarantine: string): ObjectsView;
}

/** The writer of one repository on disk. */
export class FileWriter implements RepositoryWriter {
  readonly refs: RefWriter;
  readonly #init: FileWriterInit;
  #hasLooked = false;
  /** The object directory, when there was no quarantine in it. */
  #swept: Stamp | undefined;

  /** Reads nothing yet. */
  constructor(init: FileWriterInit) {
    this.#init = init;
    this.refs = init.refs;
  }

  // deno-lint-ignore require-await -- what it throws is a rejection
  async openQuarantine(
    { seenBy = "programs" }: QuarantineOptions = {},
  ): Promise<Quarantine> {
    const { writes, layout, format, config, repository, view } = this.#init;
    const writing = this.#writing();
    // Keeps are looked for where something was left, and once in any case.
    const hasLeftovers = this.#sweep(writing);
    if (hasLeftovers || !this.#hasLooked) sweepKeeps(writing);
    this.#hasLooked = true;
    return new FileQuarantine({
      writing,
      // git's own name of a directory that is "." to it.
      toldObjectsDir: layout.gitDir === layout.commonDir
        ? `${layout.gitDir}/./objects`
        : layout.objectsDir,
      intake: writes.intake(format),
      repository,
      view,
      seenBy,
      journal: canHold(writing, layout.commonDir)
        ? this.#journal(writing)
        : undefined,
      reverseIndex: config.boolean("pack.writereverseindex") ?? true
        ? "written"
        : "none",
      isCollecting: () => this.#isCollecting(),
    });
  }

  snapshot(): Promise<Snapshot> {
    return this.#init.snapshot();
  }

  async updateServerInfo(
    options: ServerInfoOptions = {},
  ): Promise<ServerInfoOutcome> {
    using snapshot = await this.#init.snapshot();
    const { commonDir } = this.#init.layout;
    const writing = this.#writing();
    const journal = this.#journal(writing);
    journal.sweep();
    const place = { writing, commonDir, journal };
    return await writeServerInfo(place, snapshot, options);
  }

  async addShallow(commits: readonly Oid[]): Promise<void> {
    const { commonDir } = this.#init.layout;
    const writing = this.#writing();
    const journal = this.#journal(writing);
    await addShallow({ writing, commonDir, journal }, commits);
  }

  /** Whether anything was left over; where nothing has changed, nothing is. */
  #sweep(writing: ObjectWriting): boolean {
    const taken = this.#init.now();
    const stat = quietly(() => writing.files.stat(writing.objectsDir));
    if (stat !== undefined && isFresh(this.#swept, stat)) return false;
    const found = sweepQuarantines(writing);
    this.#swept = stat && found === "none" ? { stat, taken } : undefined;
    return found === "swept";
  }

  #journal({ files, owners, shared }: ObjectWriting): LockJournal {
    const root = this.#init.layout.commonDir;
    return new LockJournal({ files, owners, shared, root });
  }

  #writing(): ObjectWriting {
    const { writes, layout, format, config, kernels } = this.#init;
    return {
      files: writes.files,
      objectsDir: layout.objectsDir,
      format,
      kernels,
      owners: writes.owners,
      fsync: fsyncPlan(config),
      shared: sharedModes(config),
      naming: config.get("core.createobject") === "rename" ? "rename" : "link",
    };
  }

  /** Whether `git gc` is at work, as far as its lock tells. */
  #isCollecting(): boolean {
    const { writes, layout, now } = this.#init;
    const path = joinPath(layout.commonDir, "gc.pid");
    const stat = quietly(() => writes.files.lstat(path));
    return stat !== undefined && now() - stat.mtimeMs <= GC_PID_MS;
  }
}
