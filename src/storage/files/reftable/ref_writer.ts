/**
 * Changes the refs of a repository whose `extensions.refStorage` is
 * "reftable": under one lock, as one new table, beside git.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { messageOf, StorageError } from "../../../core/errors.ts";
import type { ObjectFormat, Oid } from "../../../core/oid.ts";
import { once } from "../../../core/once.ts";
import type { Owners } from "../../../core/owner.ts";
import type { WritableFiles } from "../../../core/write_files.ts";
import type { Kernels } from "../../../kernels/types.ts";
import {
  abortedBy,
  observed,
  type RefChanges,
  REFUSED_BY_OBSERVER,
} from "../../ref_changes.ts";
import type { ConfigView } from "../../types.ts";
import type {
  FsyncMode,
  RefFailure,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
} from "../../writes.ts";
import type { Complaints } from "../complaints.ts";
import { refSync } from "../fsync.ts";
import type { Layout } from "../layout.ts";
import { LockJournal } from "../lock_journal.ts";
import type { Peel } from "../packed_refs_writer.ts";
import { logPolicy } from "../reflog.ts";
import { sharedModes } from "../shared_modes.ts";
import { StackAddition } from "./addition.ts";
import { compactStack } from "./compaction.ts";
import type { StackWriting } from "./list_lock.ts";
import { readReftableOptions } from "./options.ts";
import type { ReftableRefStore } from "./refs.ts";
import type { ReftableStack } from "./stack.ts";
import { RefStaging } from "./staging.ts";
import type { LogEntry } from "./table_writer.ts";

/** What a {@linkcode ReftableRefWriter} is made from. */
export interface ReftableRefWriterInit {
  /** Where files are changed. */
  readonly files: WritableFiles;
  /** Where the repository is. */
  readonly layout: Pick<Layout, "commonDir">;
  /** What reads the same stacks. */
  readonly store: Pick<ReftableRefStore, "common" | "worktree">;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Its configuration. */
  readonly config: ConfigView;
  /** For blocks and checksums. */
  readonly kernels: Pick<Kernels, "crc32" | "deflate" | "inflate">;
  /** `gitsrv.fsync`. */
  readonly fsync: FsyncMode;
  /** Tells whose locks are left over. */
  readonly owners: Owners;
  /** Waits, or rejects with the signal's reason. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Where failures of the disk are told. */
  readonly complaints: Complaints;
  /**
   * What ids come to through tags. Without it no ref is stored with that, and
   * readers find it out.
   */
  readonly peel?: Peel;
  /**
   * The kind of an object, "commit" for branches; `undefined` where it is not
   * there. Without it kinds are the caller's business.
   */
  readonly kindOf?: (oid: Oid) => string | undefined;
  /** Between 0 and 1; `Math.random` unless told. */
  readonly random?: () => number;
}

type Outcome = RefFailure | undefined;

/** One caller's updates, and what became of them. */
interface Job {
  readonly updates: readonly RefUpdate[];
  readonly options: RefTransactionOptions;
  readonly outcomes: Outcome[];
}

type StackName = "common" | "worktree";

/** The stacks of a job, locked. */
type LockedStacks = ReadonlyMap<StackName, StackAddition>;

/** A part of a job's updates: `[start, end)`. */
interface Part {
  readonly start: number;
  readonly end: number;
}

/** After so many updates others get their turn. */
const TURN_EVERY = 2048;

const LOCKED: RefFailure = {
  code: "locked",
  message: "cannot lock references",
};

/** Changes refs that are in reftables. */
export class ReftableRefWriter implements RefWriter {
  readonly #init: ReftableRefWriterInit;
  readonly #writing: () => StackWriting;
  #last: Promise<unknown> = Promise.resolve();

  /** Touches nothing yet. */
  constructor(init: ReftableRefWriterInit) {
    this.#init = init;
    this.#writing = once(() => writingOf(init));
  }

  /** As {@linkcode RefWriter.apply}. Its callers take turns. */
  apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly Outcome[]> {
    const turn = this.#last.then(() => this.#apply(updates, options));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly Outcome[]> {
    options.signal?.throwIfAborted();
    if (updates.length === 0) return [];
    const outcomes = updates.map((): Outcome => undefined);
    const job = { updates, options, outcomes };
    // An observer hears of each as if it were alone, and so it is then.
    const isSingly = !options.atomic && options.observe !== undefined;
    for (let start = 0; start < updates.length;) {
      const end = isSingly ? start + 1 : updates.length;
      start = await this.#transact(job, { start, end });
    }
    return outcomes;
  }

  /** Does a part, or its first updates, as one table; gives where it ended. */
  async #transact(job: Job, part: Part): Promise<number> {
    let stacks: LockedStacks | undefined;
    try {
      stacks = await this.#lock(job, part);
    } catch (error) {
      if (job.options.signal?.aborted !== true) {
        return failAll(job, part, this.#failure("prepare", error));
      }
      // What was committed stays so, and is told.
      if (part.start === 0) throw error;
      const rest = { ...part, end: job.updates.length };
      return failAll(job, rest, { ...LOCKED, code: "aborted" });
    }
    if (stacks === undefined) return failAll(job, part, LOCKED);
    let units: readonly RefChanges[] = [];
    let next = part.end;
    const changed: ReftableStack[] = [];
    try {
      using staging = this.#staging(job, stacks);
      const turn = () => this.#init.pause(0);
      ({ units, next } = await prepare(job, part, staging, turn));
      if (await ask(job, units)) {
        changed.push(...await this.#commit(job, stacks, staging));
      }
    } catch (error) {
      next = failAll(job, part, this.#failure("prepare", error));
    } finally {
      for (const addition of stacks.values()) addition.close();
    }
    await tell(job, units);
    for (const stack of changed) await this.#compact(stack);
    return next;
  }

  /** Both stacks, the worktree's first, since HEAD leads from it. */
  async #lock(job: Job, part: Part): Promise<LockedStacks | undefined> {
    const { store } = this.#init;
    const writing = { ...this.#writing(), signal: job.options.signal };
    if (part.start === 0) writing.journal.sweep();
    const locked = new Map<StackName, StackAddition>();
    let isLocked = false;
    try {
      for (const name of ["worktree", "common"] as const) {
        const stack = store[name];
        if (stack === undefined) continue;
        const addition = await StackAddition.open(stack, writing);
        if (addition === undefined) return undefined;
        locked.set(name, addition);
      }
      isLocked = true;
      return locked;
    } finally {
      if (!isLocked) {
        for (const addition of locked.values()) addition.close();
      }
    }
  }

  #staging(job: Job, stacks: LockedStacks): RefStaging {
    const { format, files, kernels, config, peel, kindOf } = this.#init;
    const { blockSize } = this.#writing().options;
    return new RefStaging({
      common: stacks.get("common")?.now.tables ?? [],
      worktree: stacks.get("worktree")?.now.tables,
      format,
      policy: logPolicy(config),
      blockSize,
      reading: { fileSystem: files, kernels },
      log: logOf(job.options, blockSize),
      peel,
      kindOf,
    });
  }

  /** Lists one table in each stack that changes; gives those stacks. */
  async #commit(
    job: Job,
    stacks: LockedStacks,
    staging: RefStaging,
  ): Promise<ReftableStack[]> {
    const changed: ReftableStack[] = [];
    // The refs before the log of a worktree's HEAD that tells of them.
    for (const name of ["common", "worktree"] as const) {
      const addition = stacks.get(name);
      if (addition === undefined) continue;
      try {
        const records = staging.records(name, addition.updateIndex);
        if (await addition.commit(records)) changed.push(addition.stack);
      } catch (error) {
        const failure = this.#failure("failure", error);
        const failed = staging.indexesIn(name);
        if (name === "common") {
          // Nothing else is tried.
          for (const index of staging.indexesIn("worktree")) failed.add(index);
        }
        for (const index of failed) job.outcomes[index] = failure;
        return changed;
      }
    }
    return changed;
  }

  /** Keeps the stack short. What is committed stays so if that fails. */
  async #compact(stack: ReftableStack): Promise<void> {
    try {
      await compactStack(stack, this.#writing());
    } catch (error) {
      this.#init.complaints.warn("cannot compact reftables", {
        directory: stack.directory,
        error: messageOf(error),
      });
    }
  }

  /** git's words, without those of the system; the log has them. */
  #failure(step: "prepare" | "failure", error: unknown): RefFailure {
    this.#init.complaints.warn("cannot change refs", {
      error: messageOf(error),
    });
    const code = error instanceof StorageError ? error.code : "";
    const words = {
      "bad-reftable": "corrupt reftable file",
      "entry-too-large": "entry too large",
      "bad-config": "bad configuration",
    }[code] ?? "I/O error";
    return {
      code: code === "bad-reftable" ? "broken" : "failed",
      message: `reftable: transaction ${step}: ${words}`,
    };
  }
}

/** Throws StorageError "bad-config". */
function writingOf(init: ReftableRefWriterInit): StackWriting {
  const { files, layout, format, config, kernels, fsync, owners } = init;
  const { pause, random } = init;
  return {
    format,
    kernels,
    options: readReftableOptions(config),
    sync: refSync(fsync, config),
    journal: new LockJournal({
      files,
      root: layout.commonDir,
      owners,
      shared: sharedModes(config),
      ...(random === undefined ? {} : { random }),
    }),
    pause,
    random,
  };
}

/** Checks updates until one comes to what is staged already. */
async function prepare(
  job: Job,
  part: Part,
  staging: RefStaging,
  turn: () => Promise<void>,
): Promise<{ units: RefChanges[]; next: number }> {
  const units: RefChanges[] = [];
  const { updates, options, outcomes } = job;
  const step = options.atomic ? part.end - part.start : 1;
  for (let start = part.start; start < part.end; start += step) {
    if ((start + 1) % TURN_EVERY === 0) await turn();
    const those = updates.slice(start, start + step)
      .map((update, i) => ({ update, index: start + i }));
    const changes = staging.changesOf(those);
    const found = check(changes, staging);
    if (found === "again") return { units, next: start };
    if (found === undefined) {
      staging.stage(changes);
      units.push(changes);
      continue;
    }
    for (const { index } of those) {
      outcomes[index] = index === found.index
        ? found.failure
        : abortedBy(found.failure);
    }
  }
  return { units, next: part.end };
}

/** What is wrong with some changes; "again": they come to what is staged. */
function check(
  changes: RefChanges,
  staging: RefStaging,
): { index: number; failure: RefFailure } | "again" | undefined {
  const twice = changes.duplicate();
  if (twice !== undefined) return { index: -1, failure: twice };
  // It grows on the way.
  for (const change of changes.all) {
    if (staging.has(change.name)) return "again";
    const failure = staging.check(change, changes);
    if (failure !== undefined) return { index: change.index, failure };
  }
  return undefined;
}

/** Asks an observer; false where it refuses, which is then told. */
async function ask(job: Job, units: readonly RefChanges[]): Promise<boolean> {
  const { observe } = job.options;
  if (observe === undefined) return true;
  for (const changes of units) {
    if (await observe("prepared", observed(changes))) continue;
    for (const { index } of changes.all) {
      job.outcomes[index] = REFUSED_BY_OBSERVER;
    }
    return false;
  }
  return true;
}

/** Tells an observer how those ended that it was asked of. */
async function tell(job: Job, units: readonly RefChanges[]): Promise<void> {
  const { observe } = job.options;
  if (observe === undefined) return;
  for (const changes of units) {
    const isDone = changes.all.every(({ index }) =>
      job.outcomes[index] === undefined
    );
    await observe(isDone ? "committed" : "aborted", observed(changes));
  }
}

function failAll(job: Job, part: Part, failure: RefFailure): number {
  for (let i = part.start; i < part.end; i++) job.outcomes[i] = failure;
  return part.end;
}

/** What reflogs say, as records have it. */
function logOf(
  { committer, message }: RefTransactionOptions,
  blockSize: number,
): Pick<LogEntry, "name" | "mail" | "seconds" | "zone" | "message"> {
  const match = /^([^<]*?) ?<([^>]*)> (\d+) ([+-]\d{4})$/.exec(committer);
  const [, name = "", mail = "", seconds = "0", zone = "0"] = match ?? [];
  const words = message.replace(/[ \t\n\r\f\v]+/g, " ").trim();
  return {
    name,
    mail,
    seconds: Number(seconds),
    zone: Number(zone),
    // reftable-backend.c cuts it to half a block.
    message: `${words.slice(0, Math.floor(blockSize / 2))}\n`,
  };
}
