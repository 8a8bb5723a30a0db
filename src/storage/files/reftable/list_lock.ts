/**
 * The lock of a stack's list, `tables.list.lock`: git's, and what becomes of
 * the list.
 *
 * @module
 */

import { fromUtf8 } from "../../../core/bytes.ts";
import type { ObjectFormat } from "../../../core/oid.ts";
import type { Kernels } from "../../../kernels/types.ts";
import type { RefSync } from "../fsync.ts";
import { type LockFile, type LockTerms, takeLock } from "../lock_file.ts";
import { hasCode } from "../system_words.ts";
import type { ReftableOptions } from "./options.ts";
import type { ReftableStack } from "./stack.ts";

/** What writing to stacks takes. */
export interface StackWriting extends Omit<LockTerms, "timeoutMs"> {
  /** The format of ids. */
  readonly format: ObjectFormat;
  /** For blocks and checksums. */
  readonly kernels: Pick<Kernels, "crc32" | "deflate" | "inflate">;
  /** How tables are written. */
  readonly options: ReftableOptions;
  /** What is pressed to the disk: tables and lists, their directory. */
  readonly sync: RefSync;
}

/** A list that nobody else changes. */
export class ListLock {
  readonly #stack: ReftableStack;
  readonly #writing: StackWriting;
  readonly #lock: LockFile;
  #isReplaced = false;

  private constructor(
    stack: ReftableStack,
    writing: StackWriting,
    lock: LockFile,
  ) {
    this.#stack = stack;
    this.#writing = writing;
    this.#lock = lock;
  }

  /**
   * Locks a stack's list; `undefined` where others have it for too long.
   * Rejects with the system's StorageError.
   */
  static async take(
    stack: ReftableStack,
    writing: StackWriting,
  ): Promise<ListLock | undefined> {
    const timeoutMs = writing.options.lockTimeoutMs;
    try {
      const lock = await takeLock(stack.listPath, { ...writing, timeoutMs });
      return new ListLock(stack, writing, lock);
    } catch (error) {
      if (hasCode(error, "EEXIST")) return undefined;
      throw error;
    }
  }

  /** Whether the list is the new one, durable or not. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Lets the stack be made of `names`, and ends the lock. */
  async replace(names: readonly string[]): Promise<void> {
    const { sync, journal } = this.#writing;
    const text = names.map((name) => `${name}\n`).join("");
    this.#lock.write(fromUtf8(text));
    if (sync.content) await this.#lock.sync();
    this.#lock.commit();
    this.#isReplaced = true;
    if (sync.names) {
      await journal.files.syncDirectory(this.#stack.directory);
    }
  }

  /** Ends the lock, unless that was done. Never throws. */
  release(): void {
    this.#lock.release();
  }
}
