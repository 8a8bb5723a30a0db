/**
 * Several tables of a stack as one, and new records upon them.
 *
 * @module
 */

import type { Oid } from "../../../core/oid.ts";
import { VALUE } from "./block.ts";
import type { RawLog } from "./log_section.ts";
import { type LogReading, mergeNewest, StackLogs } from "./logs.ts";
import type { Reftable } from "./table.ts";
import type { RefEntry, TableWriter } from "./table_writer.ts";

/** Records, each kind in the order of its keys. */
export interface TableRecords {
  /** Refs. */
  readonly refs: readonly RefEntry[];
  /** Logs. */
  readonly logs: readonly RawLog[];
}

/** What is joined. */
export interface Joined {
  /** Tables in a row, the oldest first. */
  readonly tables: readonly Reftable[];
  /** Whether nothing lies below them: deletions need not be kept then. */
  readonly isBottom: boolean;
  /** What is newer than all of them. */
  readonly records?: TableRecords;
}

/** Writes what is joined. Throws StorageErrors of reading and writing. */
export function writeJoined(
  writer: TableWriter,
  { tables, isBottom, records }: Joined,
  reading: LogReading,
): void {
  const refs = mergeNewest(
    [...tables.map(refsOf), (records?.refs ?? []).values()],
    ({ name }) => name,
  );
  for (const ref of refs) {
    const isDeletion = ref.oid === undefined && ref.symref === undefined;
    if (!isBottom || !isDeletion) writer.addRef(ref);
  }
  using old = new StackLogs(tables, reading);
  const logs = mergeNewest(
    [old.all(), (records?.logs ?? []).values()],
    ({ key }) => key,
  );
  for (const { key, value } of logs) {
    if (!isBottom || value !== undefined) writer.addLog(key, value);
  }
}

/** Every record of a table, deletions too. Throws "bad-reftable". */
function* refsOf(table: Reftable): Generator<RefEntry, void, void> {
  for (
    let placed = table.blockAt(0);
    placed !== undefined;
    placed = table.blockAt(placed.next)
  ) {
    const { block } = placed;
    const updateIndexes = table.updateIndexes(placed);
    for (let i = 0; i < block.count; i++) {
      const kind = block.kind(i);
      const entry = {
        name: block.name(i),
        updateIndex: updateIndexes[i] as number,
      };
      if (kind === VALUE.symref) yield { ...entry, symref: block.symref(i) };
      else if (kind === VALUE.deletion) yield entry;
      else {
        const oid: Oid = block.oid(i);
        yield kind === VALUE.peeled
          ? { ...entry, oid, peeled: block.peeled(i) }
          : { ...entry, oid };
      }
    }
  }
}
