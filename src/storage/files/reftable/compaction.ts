/**
 * Keeps a stack short, as git does: tables that break the geometric sequence
 * of sizes become one.
 *
 * @module
 */

import { type LockFile, tryLock } from "../lock_file.ts";
import { removeFile } from "../lock_journal.ts";
import { joinPath } from "../paths.ts";
import { type Segment, segmentToCompact, sizesToCompare } from "./geometry.ts";
import { writeJoined } from "./joining.ts";
import { ListLock, type StackWriting } from "./list_lock.ts";
import { NewTable } from "./new_table.ts";
import type { ReftableStack, StackTables } from "./stack.ts";
import type { Reftable } from "./table.ts";

/**
 * Joins what breaks the sequence. Where somebody else is at it, or has changed
 * the stack, nothing is done. Throws StorageErrors; the stack is sound then
 * too.
 */
export async function compactStack(
  stack: ReftableStack,
  writing: StackWriting,
): Promise<void> {
  const tables = stack.read();
  const segment = segmentToCompact(
    sizesToCompare(tables),
    writing.options.geometricFactor,
  );
  if (segment === undefined) return;
  const locks: LockFile[] = [];
  try {
    const first = await lockTables(stack, tables, segment, writing, locks);
    if (first === undefined) return;
    await replaceTables(
      stack,
      tables,
      { start: first, end: segment.end },
      writing,
    );
  } finally {
    for (const lock of locks) lock.release();
  }
}

/**
 * Locks the tables, the last first, and gives the first that could be had;
 * `undefined` where those are fewer than two.
 */
async function lockTables(
  stack: ReftableStack,
  tables: StackTables,
  { start, end }: Segment,
  writing: StackWriting,
  locks: LockFile[],
): Promise<number | undefined> {
  const list = await ListLock.take(stack, writing);
  if (list === undefined) return undefined;
  try {
    if (stack.read().id !== tables.id) return undefined;
    let first = end;
    while (first > start) {
      const { path } = tables.tables[first - 1] as Reftable;
      const lock = tryLock(path, writing.journal);
      if (lock === undefined) break;
      locks.push(lock);
      // Many files would be open at once.
      lock.close();
      first--;
    }
    return end - first < 2 ? undefined : first;
  } finally {
    list.release();
  }
}

async function replaceTables(
  stack: ReftableStack,
  tables: StackTables,
  { start, end }: Segment,
  writing: StackWriting,
): Promise<void> {
  const old = tables.tables.slice(start, end);
  const range = {
    min: (old[0] as Reftable).shape.minUpdateIndex,
    max: (old.at(-1) as Reftable).shape.maxUpdateIndex,
  };
  const reading = {
    fileSystem: writing.journal.files,
    kernels: writing.kernels,
  };
  const table = await NewTable.write(
    stack.directory,
    range,
    writing,
    (writer) =>
      writeJoined(writer, { tables: old, isBottom: start === 0 }, reading),
  );
  let list: ListLock | undefined;
  try {
    list = await ListLock.take(stack, writing);
    if (list === undefined) return;
    const { names } = stack.read();
    const gone = tables.names.slice(start, end);
    const at = names.indexOf(gone[0] as string);
    const isThere = at >= 0 && gone.every((name, i) => names[at + i] === name);
    if (!isThere) return;
    table?.place();
    const next = [
      ...names.slice(0, at),
      ...(table === undefined ? [] : [table.name]),
      ...names.slice(at + gone.length),
    ];
    await list.replace(next);
    // Whoever reads them now has them open, or looks at the list once more.
    for (const name of gone) {
      removeFile(writing.journal.files, joinPath(stack.directory, name));
    }
  } finally {
    if (list?.isReplaced !== true) table?.discard();
    list?.release();
  }
}
