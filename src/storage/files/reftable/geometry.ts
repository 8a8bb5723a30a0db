/**
 * Which tables of a stack are to be joined, so that there are few and each is
 * much larger than the next. Pure.
 *
 * @module
 */

import type { StackTables } from "./stack.ts";
import type { Reftable } from "./table.ts";

/** Some tables in a row: `[start, end)`. */
export interface Segment {
  /** The first. */
  readonly start: number;
  /** Behind the last. */
  readonly end: number;
}

/**
 * The tables to join, by their sizes, the oldest first (stack.c:
 * suggest_compaction_segment); `undefined` where each is large enough beside
 * those after it.
 */
export function segmentToCompact(
  sizes: readonly number[],
  factor: number,
): Segment | undefined {
  const size = (index: number): number => sizes[index] as number;
  let i = sizes.length - 1;
  while (i > 0 && size(i - 1) >= size(i) * factor) i--;
  if (i <= 0) return undefined;
  const end = i + 1;
  let start = i;
  let bytes = size(i);
  for (; i > 0; i--) {
    const isSmall = size(i - 1) < bytes * factor;
    bytes += size(i - 1);
    if (isSmall) start = i - 1;
  }
  return { start, end };
}

/** The sizes that count (stack.c: stack_table_sizes_for_compaction). */
export function sizesToCompare(
  { sizes, tables }: Pick<StackTables, "sizes" | "tables">,
): number[] {
  return sizes.map((size, i) =>
    size - ((tables[i] as Reftable).shape.headerLength - 1)
  );
}
