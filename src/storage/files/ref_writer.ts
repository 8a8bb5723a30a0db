/**
 * Changes of loose and packed refs, beside git and beside others: which
 * updates go together, and what each came to. The transactions themselves are
 * `ref_transaction.ts` and `ref_commit.ts`.
 *
 * @module
 */

import { messageOf } from "../../core/errors.ts";
import { once } from "../../core/once.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { Owners } from "../../core/owner.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { Kernels } from "../../kernels/types.ts";
import { abortedBy } from "../ref_changes.ts";
import type { ConfigView } from "../types.ts";
import type {
  FsyncMode,
  RefFailure,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
} from "../writes.ts";
import { refSync } from "./fsync.ts";
import type { Layout } from "./layout.ts";
import { type LockTerms, ManyLocks } from "./lock_file.ts";
import { ListedNames } from "./listed_names.ts";
import { LockJournal } from "./lock_journal.ts";
import type { Peel } from "./packed_refs_writer.ts";
import { PackedView } from "./packed_view.ts";
import { joinPath } from "./paths.ts";
import {
  type Asked,
  badName,
  directoriesOf,
  manyCreations,
  manyDeletions,
  NO_INDEXES,
} from "./ref_batches.ts";
import { commitGroup, type CommitTerms } from "./ref_commit.ts";
import { RefPlaces } from "./ref_places.ts";
import { revertSteps } from "./ref_revert.ts";
import { type RefEnvironment, RefTransaction } from "./ref_transaction.ts";
import { logPolicy, Reflogs } from "./reflog.ts";
import { sharedModes } from "./shared_modes.ts";
import { TouchedDirectories } from "./touched_directories.ts";

// refs/files-backend.c and refs/packed-backend.c: their defaults.
const REF_TIMEOUT_MS = 100;
const PACKED_TIMEOUT_MS = 1000;

/** So many transactions of one ref each are committed together. */
const GROUP_SIZE = 32;
/** So many deletions are done by one rewrite of `packed-refs`. */
const BULK_SIZE = 8192;
/** From so many updates on locks without content are one file. */
const MANY_LOCKS = 64;
/** After so many updates others get their turn. */
const TURN_EVERY = 512;

/** What a {@linkcode FileRefWriter} is made from. */
export interface FileRefWriterInit {
  /** Where files are changed. */
  readonly files: WritableFiles;
  /** Where the repository is. */
  readonly layout: Layout;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Its configuration. */
  readonly config: ConfigView;
  /** To index `packed-refs`. */
  readonly kernels: Pick<Kernels, "refLines">;
  /** `gitsrv.fsync`. */
  readonly fsync: FsyncMode;
  /** Tells whose locks are left over. */
  readonly owners: Owners;
  /** Waits, or rejects with the signal's reason. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  /**
   * What ids come to through tags, for `packed-refs`. Without it new refs are
   * loose, however many.
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

/** Changes the refs of one repository. */
export class FileRefWriter implements RefWriter {
  readonly #init: FileRefWriterInit;
  readonly #journal: () => LockJournal;

  /** Touches nothing yet. */
  constructor(init: FileRefWriterInit) {
    this.#init = init;
    this.#journal = once(() =>
      new LockJournal({
        files: init.files,
        root: init.layout.commonDir,
        owners: init.owners,
        shared: sharedModes(init.config),
        ...(init.random === undefined ? {} : { random: init.random }),
      })
    );
  }

  async apply(
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ): Promise<readonly Outcome[]> {
    options.signal?.throwIfAborted();
    this.#journal().sweep();
    const application = new Application(
      this.#init,
      this.#environment(options.signal),
      updates,
      options,
    );
    try {
      return await application.run();
    } finally {
      application.close();
    }
  }

  #environment(signal: AbortSignal | undefined): RefEnvironment {
    const { files, layout, format, config, kernels, pause, random } =
      this.#init;
    const journal = this.#journal();
    const { shared } = journal;
    const places = new RefPlaces({ files, layout, format, shared });
    const terms = (key: string, timeoutMs: number): LockTerms => ({
      journal,
      timeoutMs: config.integer(key) ?? timeoutMs,
      pause,
      signal,
      random,
    });
    return {
      format,
      places,
      packed: new PackedView({
        files,
        path: joinPath(layout.commonDir, "packed-refs"),
        format,
        kernels,
      }),
      reflogs: new Reflogs({
        files,
        places,
        policy: logPolicy(config),
        shared,
      }),
      refLock: terms("core.filesreflocktimeout", REF_TIMEOUT_MS),
      packedLock: terms("core.packedrefstimeout", PACKED_TIMEOUT_MS),
      sync: refSync(this.#init.fsync, config),
      peel: this.#init.peel,
      kindOf: this.#init.kindOf,
    };
  }
}

/** One call of {@linkcode FileRefWriter.apply}. */
class Application {
  readonly #init: FileRefWriterInit;
  readonly #environment: RefEnvironment;
  readonly #updates: readonly RefUpdate[];
  readonly #options: RefTransactionOptions;
  readonly #terms: CommitTerms;
  readonly #outcomes: Outcome[];
  readonly #locks: ManyLocks;
  readonly #isBulk: boolean;
  readonly #committed: RefTransaction[] = [];
  #group: RefTransaction[] = [];
  /** What HEAD names, read once for each group. */
  #head: { readonly target: RefName | undefined } | undefined;
  /** Names of the group, and directories of names. */
  #names = new Set<string>();
  #directories = new Set<string>();

  constructor(
    init: FileRefWriterInit,
    environment: RefEnvironment,
    updates: readonly RefUpdate[],
    options: RefTransactionOptions,
  ) {
    this.#init = init;
    this.#environment = environment;
    this.#updates = updates;
    this.#options = options;
    this.#outcomes = updates.map(() => undefined);
    this.#isBulk = updates.length >= MANY_LOCKS;
    this.#locks = new ManyLocks(environment.refLock.journal);
    const { gitDir, commonDir } = init.layout;
    this.#terms = {
      ...options,
      files: init.files,
      touched: new TouchedDirectories(
        init.files,
        [gitDir, commonDir],
        environment.sync.names,
      ),
    };
  }

  async run(): Promise<readonly Outcome[]> {
    const asked = this.#updates.map((update, index) => ({ update, index }));
    if (this.#options.atomic) await this.#runTogether(asked);
    else await this.#runEach(asked);
    const why = await this.#terms.touched.sync();
    if (why !== undefined) await this.#failUnsynced(why);
    return this.#outcomes;
  }

  close(): void {
    for (const each of this.#group) each.release();
    this.#locks.end();
    this.#environment.packed.forget();
  }

  async #runTogether(asked: readonly Asked[]): Promise<void> {
    for (const { update, index } of asked) {
      const failure = badName(update);
      if (failure === undefined) continue;
      this.#outcomes.fill(abortedBy(failure));
      this.#outcomes[index] = failure;
      return;
    }
    await this.#prepare(asked, "all", this.#packs(asked));
    await this.#flush();
  }

  async #runEach(asked: readonly Asked[]): Promise<void> {
    let done = 0;
    try {
      const left = await this.#runBulk(asked);
      for (const each of left) {
        await this.#add(each);
        if (++done % TURN_EVERY === 0) await this.#turn();
      }
      await this.#flush();
    } catch (error) {
      const { signal } = this.#options;
      const isOver = signal?.aborted === true && error === signal.reason;
      for (const each of this.#group) each.release();
      this.#group = [];
      if (!isOver || !this.#committed.some(isVisible)) throw error;
      this.#giveUp(messageOf(error));
    }
  }

  /** Of what the end of the session has left undone. */
  #giveUp(message: string): void {
    const settled = new Set(this.#committed.map(indexOf));
    this.#outcomes.forEach((outcome, index) => {
      if (outcome !== undefined || settled.has(index)) return;
      this.#outcomes[index] = { code: "aborted", message };
    });
  }

  /**
   * Does what needs no order by a few rewrites of `packed-refs`; gives what is
   * to be done one by one.
   */
  async #runBulk(asked: readonly Asked[]): Promise<readonly Asked[]> {
    const packs = this.#packs(asked);
    const deletions = this.#options.observe === undefined
      ? manyDeletions(asked, () => this.#environment.places.headTarget())
      : NO_INDEXES;
    const left = asked.filter(({ index }) =>
      !packs.has(index) && !deletions.has(index)
    );
    const creations = asked.filter(({ index }) => packs.has(index));
    await this.#runMany(creations, packs, left);
    const removed = asked.filter(({ index }) => deletions.has(index));
    for (let at = 0; at < removed.length; at += BULK_SIZE) {
      await this.#runMany(removed.slice(at, at + BULK_SIZE), NO_INDEXES, left);
    }
    return left.sort((a, b) => a.index - b.index);
  }

  /** The indexes of creations that go into `packed-refs`. */
  #packs(asked: readonly Asked[]): ReadonlySet<number> {
    const { atomic, observe } = this.#options;
    const { peel, places } = this.#environment;
    return observe === undefined && peel !== undefined
      ? manyCreations(asked, () => places.headTarget(), { atomic })
      : NO_INDEXES;
  }

  /** Locks all, then looks, then commits; what others hold is left. */
  async #runMany(
    asked: readonly Asked[],
    packs: ReadonlySet<number>,
    left: Asked[],
  ): Promise<void> {
    let done = 0;
    for (const each of asked) {
      const transaction = this.#begin([each], packs);
      this.#group.push(transaction);
      const state = await transaction.lockFirst("none");
      this.#leave(transaction, state, each, left);
      if (++done % TURN_EVERY === 0) await this.#turn();
    }
    const locked = this.#group;
    this.#group = [];
    // Each stays in the hands of the group or of `locked` until it is let go.
    try {
      const { packed } = this.#environment;
      const listed = new ListedNames(this.#init.files, packed);
      const byIndex = new Map(asked.map((each) => [each.index, each]));
      for (let next = locked.pop(); next !== undefined; next = locked.pop()) {
        this.#group.push(next);
        const state = await next.prepare("none", listed);
        const each = byIndex.get(indexOf(next)) as Asked;
        this.#leave(next, state, each, left);
        if (++done % TURN_EVERY === 0) await this.#turn();
      }
      await this.#flush();
    } finally {
      for (const each of locked) each.release();
    }
  }

  /** Takes the last of the group out of it, where it failed or must wait. */
  #leave(
    transaction: RefTransaction,
    state: "ready" | "contended",
    asked: Asked,
    left: Asked[],
  ): void {
    const code = transaction.failed?.failure.code;
    if (state === "ready" && code === undefined) return;
    this.#group.pop();
    transaction.release();
    if (code === "changed" || code === "exists") this.#settle(transaction);
    else left.push(asked);
  }

  /** One more transaction of one ref, in or behind the group at hand. */
  async #add(asked: Asked): Promise<void> {
    const { update, index } = asked;
    const failure = badName(update);
    if (failure !== undefined) {
      this.#outcomes[index] = failure;
      return;
    }
    if (this.#isRelated(update.name)) await this.#flush();
    const isAlone = this.#group.length === 0;
    let transaction = await this.#prepare([asked], isAlone ? "all" : "none");
    if (transaction === undefined) {
      // Nobody is to wait for us while we wait, and what stands in the way
      // may be one of the group, by a symref.
      await this.#flush();
      transaction = await this.#prepare([asked], "all");
    }
    if (transaction?.failed !== undefined || transaction === undefined) return;
    for (const { name } of transaction.changes.all) {
      this.#names.add(name);
      for (const above of directoriesOf(name)) this.#directories.add(above);
    }
    const isFull = this.#group.length >= GROUP_SIZE ||
      this.#options.observe !== undefined;
    if (isFull) await this.#flush();
  }

  #isRelated(name: string): boolean {
    return this.#names.has(name) || this.#directories.has(name) ||
      directoriesOf(name).some((above) => this.#names.has(above));
  }

  /**
   * Prepares a transaction and adds it to the group, unless it has failed:
   * that is told at once. With patience "none" `undefined` is what may go
   * better once the group is committed.
   */
  async #prepare(
    asked: readonly Asked[],
    patience: "none" | "all",
    packs: ReadonlySet<number> = NO_INDEXES,
  ): Promise<RefTransaction | undefined> {
    const transaction = this.#begin(asked, packs);
    this.#group.push(transaction);
    const state = await transaction.prepare(patience);
    const code = transaction.failed?.failure.code;
    if (state === "ready" && code === undefined) return transaction;
    this.#group.pop();
    transaction.release();
    const mayGoBetter = state === "contended" ||
      (patience === "none" && code !== "changed" && code !== "exists");
    if (mayGoBetter) return undefined;
    this.#settle(transaction);
    return transaction;
  }

  #begin(
    asked: readonly Asked[],
    packs: ReadonlySet<number>,
  ): RefTransaction {
    this.#head ??= { target: this.#environment.places.headTarget() };
    return new RefTransaction(
      this.#environment,
      asked,
      this.#head.target,
      { many: this.#isBulk ? this.#locks : undefined, packs },
    );
  }

  #settle(transaction: RefTransaction): void {
    this.#report(transaction);
    this.#committed.push(transaction);
  }

  /** Commits the group at hand. */
  async #flush(): Promise<void> {
    const group = this.#group;
    if (group.length === 0) return;
    await commitGroup(group, this.#environment, this.#terms);
    this.#group = [];
    this.#head = undefined;
    this.#names = new Set();
    this.#directories = new Set();
    for (const each of group) this.#settle(each);
  }

  #report({ changes, failed, isUnsure, steps }: RefTransaction): void {
    if (failed === undefined) return;
    const standing = new Set(
      steps.filter(({ isDone }) => isDone).map(({ change }) => change.index),
    );
    for (const { index } of changes.all) {
      // What could not be undone has happened.
      if (standing.has(index) && !isUnsure) continue;
      this.#outcomes[index] = failed.index === index || failed.index < 0
        ? failed.failure
        : abortedBy(failed.failure);
    }
  }

  /** A directory could not be synced: nothing of this call is sure. */
  async #failUnsynced(message: string): Promise<void> {
    for (const each of this.#committed) {
      if (each.failed !== undefined || !isVisible(each)) continue;
      each.fail(-1, { code: "failed", message });
      each.isUnsure = true;
      await revertSteps(each.steps, this.#environment, this.#terms);
      this.#report(each);
    }
  }

  async #turn(): Promise<void> {
    await this.#init.pause(0, this.#options.signal);
    this.#options.signal?.throwIfAborted();
  }
}

function isVisible({ steps }: RefTransaction): boolean {
  return steps.some(({ isDone }) => isDone);
}

function indexOf({ changes }: RefTransaction): number {
  return changes.all[0]?.index ?? -1;
}
