/**
 * The second half of transactions: what was decided under locks becomes what
 * everybody sees, in git's order (refs/files-backend.c:
 * files_transaction_finish), with one rewrite of `packed-refs` for all.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { WritableFile, WritableFiles } from "../../core/write_files.ts";
import {
  cannotLock,
  observed,
  reflogLine,
  REFUSED_BY_OBSERVER,
  unavailable,
} from "../ref_changes.ts";
import type {
  RefFailure,
  RefPhase,
  RefTransactionOptions,
  RefUpdate,
} from "../writes.ts";
import { settleAll } from "./settle_all.ts";
import { type LockFile, lockWords, takeLock } from "./lock_file.ts";
import { ListedNames } from "./listed_names.ts";
import { type PackedRewrite, rewritePackedRefs } from "./packed_refs_writer.ts";
import { parentPath } from "./paths.ts";
import {
  isDeletion,
  MAX_OPEN_FILES,
  packedNames,
  type RefEnvironment,
  type RefStep,
  type RefTransaction,
} from "./ref_transaction.ts";
import { revertSteps } from "./ref_revert.ts";
import { hasCode, systemWords } from "./system_words.ts";
import type { TouchedDirectories } from "./touched_directories.ts";

/** How a group is committed. */
export interface CommitTerms extends
  Pick<
    RefTransactionOptions,
    "committer" | "message" | "observe" | "secure"
  > {
  /** Where files are changed. */
  readonly files: WritableFiles;
  /** Directories to be synced before anything is told. */
  readonly touched: TouchedDirectories;
}

/**
 * Commits what is prepared and has not failed, and lets go of all locks. Those
 * that fail say so in {@linkcode RefTransaction.failed}. With an observer the
 * group is one transaction, and durable before it is called committed.
 */
export async function commitGroup(
  group: readonly RefTransaction[],
  environment: RefEnvironment,
  terms: CommitTerms,
): Promise<void> {
  const commit = new GroupCommit(group, environment, terms);
  try {
    await commit.run();
  } finally {
    commit.release();
  }
  for (const transaction of group) {
    if (transaction.failed === undefined) continue;
    await revertSteps(transaction.steps, environment, terms);
  }
  await commit.tellCommitted();
}

const INSECURE = {
  code: "failed",
  message: "unable to migrate objects to permanent storage",
} as const;

class GroupCommit {
  readonly #group: readonly RefTransaction[];
  readonly #environment: RefEnvironment;
  readonly #terms: CommitTerms;
  #packedLock: LockFile | undefined;
  #rewrite: PackedRewrite | undefined;
  #packedPath: string;
  #isPackedObserved = false;
  /** Whose changes the rewrite holds. */
  #inRewrite: readonly RefTransaction[] = [];

  constructor(
    group: readonly RefTransaction[],
    environment: RefEnvironment,
    terms: CommitTerms,
  ) {
    this.#group = group;
    this.#environment = environment;
    this.#terms = terms;
    this.#packedPath = environment.packed.name;
  }

  async run(): Promise<void> {
    await this.#preparePacked();
    for (const each of this.#sound()) await each.syncContent();
    if (!await this.#tell("prepared")) return;
    await this.#writeLogs();
    const { secure } = this.#terms;
    // Nothing is waited for between this and the names.
    if (secure !== undefined && !await secure()) {
      for (const each of this.#sound()) each.fail(-1, INSECURE);
      return;
    }
    for (const each of this.#sound()) this.#renameLoose(each);
    await this.#commitPacked();
    const listed = this.#listed();
    for (const each of this.#sound()) this.#unlinkLoose(each, listed);
    await secure?.();
  }

  release(): void {
    const { places } = this.#environment;
    const tidied = new Set<string>();
    const names = this.#group.flatMap((each) => each.unlock());
    for (const name of names) {
      const directory = parentPath(name);
      if (tidied.has(directory)) continue;
      tidied.add(directory);
      places.removeEmptyParents(name, "ref");
    }
    this.#rewrite?.release();
    this.#packedLock?.release();
  }

  async tellCommitted(): Promise<void> {
    const { observe, touched } = this.#terms;
    const [only] = this.#group;
    if (observe === undefined || only === undefined) return;
    if (only.failed !== undefined) return;
    const why = await touched.sync();
    if (why !== undefined) {
      only.isUnsure = true;
      only.fail(-1, { code: "failed", message: why });
      await revertSteps(only.steps, this.#environment, this.#terms);
      return;
    }
    await observe("committed", observed(only.changes));
  }

  #sound(): readonly RefTransaction[] {
    return this.#group.filter((each) => each.failed === undefined);
  }

  /** Steps whose refs go into `packed-refs`, or out of it. */
  #packedSteps(): { readonly of: RefTransaction; readonly step: RefStep }[] {
    const found: { of: RefTransaction; step: RefStep }[] = [];
    for (const of of this.#sound()) {
      for (const step of of.steps) {
        if (isDeletion(step.change) || (step.isPacked && step.needsCommit)) {
          found.push({ of, step });
        }
      }
    }
    return found;
  }

  async #preparePacked(): Promise<void> {
    const steps = this.#packedSteps();
    if (steps.length === 0) return;
    const { packed, packedLock } = this.#environment;
    const failAll = (failure: RefFailure) => {
      for (const { of, step } of steps) of.fail(step.change.index, failure);
    };
    let path = this.#packedPath;
    try {
      this.#packedPath = path = packed.path;
      this.#packedLock = await takeLock(path, packedLock);
      this.#packedLock.close();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const code = error.code === "EEXIST" ? "locked" : "failed";
      failAll({ code, message: lockWords(path, error) });
      return;
    }
    try {
      packed.forget();
      await this.#rewritePacked(path, steps);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      failAll(
        error.code === "bad-packed-refs"
          ? { code: "broken", message: error.message }
          : {
            code: "failed",
            message: `error writing to ${path}.new: ${systemWords(error)}`,
          },
      );
    }
  }

  async #rewritePacked(
    path: string,
    steps: readonly { readonly of: RefTransaction; readonly step: RefStep }[],
  ): Promise<void> {
    const { packed, format, peel, packedLock, sync } = this.#environment;
    const old = packed.now();
    const names = packedNames(old.refs);
    const changes = new Map<string, Oid | undefined>();
    for (const { of, step: { change } } of steps) {
      const { name, index } = change;
      if (isDeletion(change)) {
        if (names.has(name)) changes.set(name, undefined);
        continue;
      }
      const failure = names.has(name)
        ? cannotLock(name, "exists", "reference already exists")
        : blocked(unavailable(name, names, of.changes.names), name);
      if (failure === undefined) changes.set(name, change.new);
      else of.fail(index, failure);
    }
    for (const { of, step } of steps) {
      if (of.failed !== undefined) changes.delete(step.change.name);
    }
    const removed = steps.filter(({ of, step }) =>
      of.failed === undefined && isDeletion(step.change)
    ).map(({ step: { change } }) => ({ name: change.name, new: change.new }));
    if (changes.size === 0) {
      // git begins a transaction of packed refs, and finds it of no use.
      if (removed.length > 0) await this.#terms.observe?.("aborted", removed);
      return;
    }
    const { journal } = packedLock;
    const terms = { format, journal, peel };
    this.#rewrite = rewritePackedRefs(path, old, changes, terms);
    this.#inRewrite = this.#sound();
    if (sync.content) await this.#rewrite.sync();
    if (removed.length > 0) await this.#observePacked(removed);
  }

  /** git's transaction of packed refs has a life of its own for hooks. */
  async #observePacked(removed: readonly RefUpdate[]): Promise<void> {
    const { observe } = this.#terms;
    if (observe === undefined) return;
    this.#isPackedObserved = true;
    if (await observe("prepared", removed)) return;
    await observe("aborted", removed);
    for (const each of this.#sound()) each.fail(-1, REFUSED_BY_OBSERVER);
  }

  /** Whether the transaction that is observed may go on. */
  async #tell(phase: RefPhase): Promise<boolean> {
    const { observe } = this.#terms;
    const [only] = this.#sound();
    if (observe === undefined || only === undefined) return true;
    const updates = observed(only.changes);
    if (await observe(phase, updates)) return true;
    await observe("aborted", updates);
    only.fail(-1, REFUSED_BY_OBSERVER);
    return false;
  }

  /** Appends to reflogs; a ref whose log fails does not change. */
  async #writeLogs(): Promise<void> {
    const { reflogs, places, sync } = this.#environment;
    const { committer, message, touched } = this.#terms;
    let open: { file: WritableFile; fail: (error: unknown) => void }[] = [];
    const flush = async () => {
      const results = await settleAll(
        open.map(({ file }) => () => sync.names ? file.sync() : NOTHING),
        MAX_OPEN_FILES,
      );
      results.forEach((result, i) => {
        const { file, fail } = open[i] as (typeof open)[number];
        if (result.status === "rejected") fail(result.reason);
        try {
          file.close();
        } catch (error) {
          fail(error);
        }
      });
      open = [];
    };
    for (const transaction of this.#sound()) {
      for (const { change, needsCommit } of transaction.steps) {
        if (!needsCommit && !change.isLogOnly) continue;
        const { name, index } = change;
        const fail = (why: string) =>
          transaction.fail(index, {
            code: "failed",
            message: `cannot update the ref '${name}': ${why}`,
          });
        const line = reflogLine(change, committer, message);
        const { file, why, isNew } = reflogs.append(name, line);
        if (why !== undefined) fail(why);
        if (file === undefined) continue;
        if (isNew === true) touched.add(parentPath(places.logPath(name)), name);
        open.push({
          file,
          fail: (error) =>
            fail(
              `unable to append to '${places.logPath(name)}': ` +
                systemWords(error),
            ),
        });
        if (open.length >= MAX_OPEN_FILES) await flush();
        if (transaction.failed !== undefined) break;
      }
    }
    await flush();
  }

  #renameLoose(transaction: RefTransaction): void {
    const { places } = this.#environment;
    const { files, touched } = this.#terms;
    for (const step of transaction.steps) {
      if (!step.needsCommit || step.isPacked) continue;
      const { change, lock } = step;
      const { name, index } = change;
      try {
        if (files.lstat(lock.path)?.kind === "directory") {
          places.removeEmptyTree(lock.path);
        }
        lock.commit();
        step.isDone = true;
        touched.add(parentPath(lock.path), step.madeDirectories ? name : "");
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        transaction.fail(index, {
          code: "failed",
          message: `couldn't set '${name}'`,
        });
        return;
      }
    }
  }

  async #commitPacked(): Promise<void> {
    const { reflogs, packed, places } = this.#environment;
    const { observe, touched } = this.#terms;
    const steps = this.#packedSteps();
    const removed: RefUpdate[] = [];
    const listed = this.#listed();
    for (const { step: { change } } of steps) {
      if (!isDeletion(change)) continue;
      removed.push({ name: change.name, new: change.new });
      const log = places.logPath(change.name);
      if (listed?.has(log) === false) continue;
      touched.add(parentPath(log));
      reflogs.remove(change.name);
    }
    if (this.#rewrite === undefined || steps.length === 0) return;
    const path = this.#packedPath;
    try {
      // Of transactions that failed since it was made nothing may be in it.
      await this.#remake(path);
      this.#rewrite.commit();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      for (const { of, step } of steps) {
        of.fail(step.change.index, {
          code: "failed",
          message: `error replacing ${path}: ${systemWords(error)}`,
        });
      }
      return;
    } finally {
      packed.forget();
    }
    for (const { step } of steps) if (step.isPacked) step.isDone = true;
    touched.add(parentPath(path));
    if (this.#isPackedObserved) await observe?.("committed", removed);
  }

  /** Writes `packed-refs` once more where less is to be changed. */
  async #remake(path: string): Promise<void> {
    const { packed, format, peel, packedLock, sync } = this.#environment;
    if (this.#inRewrite.every(({ failed }) => failed === undefined)) return;
    const old = packed.now();
    const changes = new Map<string, Oid | undefined>();
    for (const { step: { change } } of this.#packedSteps()) {
      if (!isDeletion(change)) changes.set(change.name, change.new);
      else if (old.refs.get(change.name) !== undefined) {
        changes.set(change.name, undefined);
      }
    }
    this.#rewrite?.release();
    const { journal } = packedLock;
    const terms = { format, journal, peel };
    this.#rewrite = rewritePackedRefs(path, old, changes, terms);
    if (sync.content) await this.#rewrite.sync();
  }

  /** Of many refs the files that are not there are not asked for. */
  #listed(): ListedNames | undefined {
    if (this.#group.length < MANY_TRANSACTIONS) return undefined;
    return new ListedNames(this.#terms.files, this.#environment.packed);
  }

  #unlinkLoose(
    transaction: RefTransaction,
    listed: ListedNames | undefined,
  ): void {
    const { files, touched } = this.#terms;
    for (const step of transaction.steps) {
      const { change, lock } = step;
      if (!isDeletion(change)) continue;
      // It may be gone from packed-refs already.
      step.isDone = true;
      try {
        if (listed?.has(lock.path) === false) continue;
        files.unlink(lock.path);
        touched.add(parentPath(lock.path));
      } catch (error) {
        // Names below it, of refs that are there or were.
        if (hasCode(error, "EISDIR")) continue;
        if (!(error instanceof StorageError)) throw error;
        transaction.fail(change.index, {
          code: "failed",
          message: `unable to unlink '${lock.path}': ${systemWords(error)}`,
        });
        return;
      }
    }
  }
}

/** From so many on it pays to list directories. */
const MANY_TRANSACTIONS = 64;
const NOTHING = Promise.resolve();

function blocked(why: string | undefined, name: string) {
  return why === undefined ? undefined : cannotLock(name, "conflict", why);
}
