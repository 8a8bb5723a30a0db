/**
 * The reflogs of a stack of reftables: later tables shadow earlier ones.
 *
 * @module
 */

import type { FileSystem } from "../../../core/host.ts";
import type { Kernels } from "../../../kernels/types.ts";
import {
  logIndexOf,
  logNameOf,
  LogSection,
  type RawLog,
} from "./log_section.ts";
import type { Reftable } from "./table.ts";

/** What reading logs takes. */
export interface LogReading {
  /** Where to read. */
  readonly fileSystem: Pick<FileSystem, "open">;
  /** For blocks, which are deflated. */
  readonly kernels: Pick<Kernels, "inflate">;
}

/** The logs of some tables. To be disposed, since files are held open. */
export class StackLogs implements Disposable {
  readonly #sections: readonly LogSection[];

  /** The logs of `tables`, the oldest first. Opens nothing yet. */
  constructor(tables: readonly Reftable[], reading: LogReading) {
    this.#sections = tables.filter(({ shape }) => shape.hasLogs)
      .map(({ path, shape }) => new LogSection({ path, shape, ...reading }));
  }

  /** Whether a ref has a log. Throws StorageError "bad-reftable". */
  has(name: string): boolean {
    const gone = new Set<string>();
    for (let i = this.#sections.length - 1; i >= 0; i--) {
      for (const { key, value } of this.#recordsOf(i, name)) {
        if (value === undefined) gone.add(key);
        else if (!gone.has(key)) return true;
      }
    }
    return false;
  }

  /** The update indexes of a ref's log. Throws StorageError "bad-reftable". */
  indexesOf(name: string): number[] {
    const live = new Map<string, boolean>();
    for (let i = 0; i < this.#sections.length; i++) {
      for (const { key, value } of this.#recordsOf(i, name)) {
        live.set(key, value !== undefined);
      }
    }
    return [...live].filter(([, isLive]) => isLive)
      .map(([key]) => logIndexOf(key));
  }

  /** Every record once, in order, deletions too. Throws "bad-reftable". */
  all(): Generator<RawLog, void, void> {
    return mergeNewest(
      this.#sections.map((section) => section.from("")),
      ({ key }) => key,
    );
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const section of this.#sections) section[Symbol.dispose]();
  }

  *#recordsOf(index: number, name: string): Generator<RawLog, void, void> {
    for (
      const record of (this.#sections[index] as LogSection).from(`${name}\0`)
    ) {
      if (logNameOf(record.key) !== name) return;
      yield record;
    }
  }
}

/**
 * Sorted runs as one; of what has the same key, only that of the last run.
 */
export function* mergeNewest<T>(
  runs: readonly Iterator<T, void, void>[],
  keyOf: (value: T) => string,
): Generator<T, void, void> {
  const heads = runs.map((run) => run.next());
  for (;;) {
    let first: string | undefined;
    let newest = -1;
    for (const [i, head] of heads.entries()) {
      if (head.done === true) continue;
      const key = keyOf(head.value);
      if (first === undefined || key < first) first = key;
      else if (key !== first) continue;
      newest = i;
    }
    if (first === undefined) return;
    yield (heads[newest] as IteratorYieldResult<T>).value;
    for (const [i, head] of heads.entries()) {
      if (head.done !== true && keyOf(head.value) === first) {
        heads[i] = (runs[i] as Iterator<T, void, void>).next();
      }
    }
  }
}
