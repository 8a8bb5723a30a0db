/**
 * Adds a table to a stack: while it is open nobody else changes the list.
 *
 * @module
 */

import { StorageError } from "../../../core/errors.ts";
import { removeFile } from "../lock_journal.ts";
import { joinPath } from "../paths.ts";
import { hasCode } from "../system_words.ts";
import { segmentToCompact, sizesToCompare } from "./geometry.ts";
import { type TableRecords, writeJoined } from "./joining.ts";
import { ListLock, type StackWriting } from "./list_lock.ts";
import { NewTable } from "./new_table.ts";
import type { ReftableStack, StackTables } from "./stack.ts";
import { TableWriter } from "./table_writer.ts";

/** Tables that come to no more are joined with the new one at once. */
const MAX_JOINED_BYTES = 1024 * 1024;

/** The size of more records is estimated. */
const MAX_MEASURED = 1000;
const REF_BYTES = 14;
const LOG_BYTES = 40;

/** A stack that is locked, and read since. */
export class StackAddition {
  readonly #writing: StackWriting;
  readonly #lock: ListLock;
  #table: NewTable | undefined;
  #isTakenBack = false;
  /** The stack. */
  readonly stack: ReftableStack;
  /** The tables that are listed. */
  readonly now: StackTables;
  /** The update index of what is added. */
  readonly updateIndex: number;

  private constructor(
    stack: ReftableStack,
    writing: StackWriting,
    lock: ListLock,
  ) {
    this.stack = stack;
    this.#writing = writing;
    this.#lock = lock;
    this.now = stack.read();
    const last = this.now.tables.at(-1);
    this.updateIndex = (last?.shape.maxUpdateIndex ?? 0) + 1;
  }

  /**
   * Locks a stack, `undefined` where somebody else has it for too long.
   * Rejects with StorageErrors of the system, and those of reading the stack.
   */
  static async open(
    stack: ReftableStack,
    writing: StackWriting,
  ): Promise<StackAddition | undefined> {
    const lock = await ListLock.take(stack, writing);
    if (lock === undefined) return undefined;
    try {
      return new StackAddition(stack, writing, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Lists a table of `records`, joined with those before it that would have to
   * be joined next, where they are small; false where there are no records.
   * Where it rejects, it is not listed; where the directory could not be
   * synced, it was for a moment.
   */
  async commit(records: TableRecords): Promise<boolean> {
    if (records.refs.length + records.logs.length === 0) return false;
    const { names } = this.now;
    const { files } = this.#writing.journal;
    let start = this.#joinedFrom(records);
    try {
      this.#table = await this.#write(records, start);
    } catch (error) {
      // Older tables may not be fit to be joined; they can stay.
      const isTheirs = hasCode(error, "entry-too-large", "bad-reftable");
      if (start === names.length || !isTheirs) throw error;
      start = names.length;
      this.#table = await this.#write(records, start);
    }
    if (start < names.length) this.#removeUnlisted();
    this.#table?.place();
    const added = this.#table === undefined ? [] : [this.#table.name];
    await this.#replace([...names.slice(0, start), ...added]);
    // Whoever reads them now has them open, or looks at the list once more.
    for (const name of names.slice(start)) {
      removeFile(files, joinPath(this.stack.directory, name));
    }
    return true;
  }

  /** Ends the lock; what was not listed is removed. Never throws. */
  close(): void {
    if (!this.#lock.isReplaced || this.#isTakenBack) this.#table?.discard();
    this.#lock.release();
  }

  /** Lists `names`; where that may not last, what was listed before. */
  async #replace(names: readonly string[]): Promise<void> {
    try {
      await this.#lock.replace(names);
    } catch (error) {
      if (this.#lock.isReplaced) await this.#takeBack(names);
      throw error;
    }
  }

  /** Unless somebody has built on it meanwhile. */
  async #takeBack(listed: readonly string[]): Promise<void> {
    let lock: ListLock | undefined;
    try {
      // The end of the session must not leave half of this.
      const writing = { ...this.#writing, signal: undefined };
      lock = await ListLock.take(this.stack, writing);
      const now = this.stack.read().names;
      if (lock === undefined || now.join() !== listed.join()) return;
      await lock.replace(this.now.names);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    } finally {
      this.#isTakenBack = lock?.isReplaced === true;
      lock?.release();
    }
  }

  /**
   * Removes tables that writers have left who died before they listed them:
   * who lives places tables only while holding our lock.
   */
  #removeUnlisted(): void {
    const { files } = this.#writing.journal;
    const listed = new Set(this.now.names);
    for (const name of files.list(this.stack.directory)?.names ?? []) {
      const max = /^0x[0-9a-f]{12,}-0x([0-9a-f]{12,})-[0-9a-f]{8}\.ref$/
        .exec(name)?.[1];
      if (max === undefined || listed.has(name)) continue;
      // stack.c: remove_maybe_stale_table spares those of the future.
      if (parseInt(max, 16) > this.updateIndex) continue;
      removeFile(files, joinPath(this.stack.directory, name));
    }
  }

  #write(records: TableRecords, start: number): Promise<NewTable | undefined> {
    const { journal, kernels } = this.#writing;
    const tables = this.now.tables.slice(start);
    const isBottom = start === 0 && tables.length > 0;
    return NewTable.write(
      this.stack.directory,
      {
        min: tables[0]?.shape.minUpdateIndex ?? this.updateIndex,
        max: this.updateIndex,
      },
      this.#writing,
      (writer) =>
        writeJoined(writer, { tables, isBottom, records }, {
          fileSystem: journal.files,
          kernels,
        }),
    );
  }

  /** The first table that is joined with the new one; all of them stay else. */
  #joinedFrom(records: TableRecords): number {
    const { tables, sizes } = this.now;
    const none = tables.length;
    const segment = segmentToCompact(
      [...sizesToCompare(this.now), this.#measure(records)],
      this.#writing.options.geometricFactor,
    );
    if (segment === undefined || segment.end !== none + 1) return none;
    const bytes = sizes.slice(segment.start).reduce((sum, size) => sum + size);
    if (bytes > MAX_JOINED_BYTES) return none;
    // Whoever compacts tables has locked them while holding our lock.
    const { files } = this.#writing.journal;
    const isTaken = tables.slice(segment.start)
      .some(({ path }) => files.lstat(`${path}.lock`) !== undefined);
    return isTaken ? none : segment.start;
  }

  /** How large a table of `records` is, its header not counted. */
  #measure(records: TableRecords): number {
    const { refs, logs } = records;
    const { format, kernels, options } = this.#writing;
    if (refs.length + logs.length > MAX_MEASURED) {
      return refs.length * (format.rawLength + REF_BYTES) +
        logs.length * LOG_BYTES;
    }
    let size = 0;
    const writer = new TableWriter({
      ...options,
      format,
      kernels,
      minUpdateIndex: this.updateIndex,
      maxUpdateIndex: this.updateIndex,
      sink: (bytes) => size += bytes.length,
    });
    writeJoined(writer, { tables: [], isBottom: false, records }, {
      fileSystem: this.#writing.journal.files,
      kernels,
    });
    writer.finish();
    return size - (format.rawLength === 20 ? 23 : 27);
  }
}
