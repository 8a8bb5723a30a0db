/**
 * What changing refs presses to the disk: `gitsrv.fsync` over git's own
 * `core.fsync`.
 *
 * @see https://git-scm.com/docs/git-config
 * @module
 */

import type { ConfigView } from "../types.ts";
import type { FsyncMode } from "../writes.ts";

/** What is synced before a change of refs is told. */
export interface RefSync {
  /** The content of refs and of `packed-refs`, before it takes its place. */
  readonly content: boolean;
  /** Directories whose names have changed, and reflogs. */
  readonly names: boolean;
}

// cache.h: those of FSYNC_COMPONENT_* that hold references.
const WITH_REFERENCES = ["reference", "committed", "added", "all"];

/** What a mode comes to. */
export function refSync(mode: FsyncMode, config: ConfigView): RefSync {
  if (mode === "full") return { content: true, names: true };
  if (mode === "off") return { content: false, names: false };
  // By default git leaves refs to the system.
  const components = config.get("core.fsync")?.split(/[, \t\n\r]+/) ?? [];
  const content = components.some((each) => WITH_REFERENCES.includes(each));
  return { content, names: false };
}

/** Runs tasks side by side, so many at a time; gives what each came to. */
export async function settleAll<T>(
  tasks: readonly (() => Promise<T>)[],
  limit: number,
): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  for (let at = 0; at < tasks.length; at += limit) {
    const some = tasks.slice(at, at + limit).map((task) => task());
    results.push(...await Promise.allSettled(some));
  }
  return results;
}
