/**
 * How many threads resolve the deltas of packs.
 *
 * @module
 */

import { processorCount } from "../runtime/workers.ts";

/**
 * How many threads resolve a pack: as builtin/index-pack.c: cmd_index_pack
 * takes them for a number of processors.
 */
export function resolveThreads(processors: number): number {
  if (processors < 4) return Math.max(1, processors);
  if (processors < 6) return 3;
  return processors < 40 ? Math.floor(processors / 2) : 20;
}

/**
 * How many may help at a time beside the threads that take packs in, however
 * many of these there are.
 */
export function mostHelpers(processors: number = processorCount()): number {
  return resolveThreads(processors) - 1;
}
