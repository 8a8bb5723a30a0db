/**
 * When something that was read may be believed to be unchanged: git's rule for
 * racy files. What was changed shortly before it was read may be changed again
 * without a trace in its times, and is read anew.
 *
 * @see https://git-scm.com/docs/racy-git
 * @module
 */

import type { FileStat } from "../../core/host.ts";

/**
 * A file or directory must have rested for so long before it was read, in
 * milliseconds: the coarsest clock of a file system in use (FAT's 2 s).
 */
export const RACY_MS = 2000;

/** The time, milliseconds since 1970. */
export type Now = () => number;

/** A stat, and when it was taken. */
export interface Stamp {
  /** What the file system said. */
  readonly stat: FileStat;
  /** When, milliseconds since 1970, before the content was read. */
  readonly taken: number;
}

/** Whether `stat` tells the same content that was read after `stamp`. */
export function isFresh(stamp: Stamp | undefined, stat: FileStat): boolean {
  return stamp !== undefined && isSameStat(stamp.stat, stat) &&
    stat.mtimeMs + RACY_MS < stamp.taken &&
    stat.ctimeMs + RACY_MS < stamp.taken;
}

/** Whether two stats are of one unchanged thing, as far as times can tell. */
export function isSameStat(a: FileStat, b: FileStat): boolean {
  return a.ino === b.ino && a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs && a.size === b.size && a.dev === b.dev &&
    a.kind === b.kind;
}
