/**
 * What `receive.fsckObjects` and its kin come to for one repository, as a
 * value that can be cloned.
 *
 * @see https://git-scm.com/docs/git-fsck#_fsck_messages
 * @module
 */

import type { Oid } from "../../core/oid.ts";

/** What becomes of a finding. */
export type FsckLevel = "error" | "warn" | "ignore";

/** How objects are checked. */
export interface FsckRules {
  /** Levels that differ from git's, by message id in lower case. */
  readonly levels: ReadonlyMap<string, FsckLevel>;
  /** Objects whose findings do not count: `receive.fsck.skipList`. */
  readonly skip: ReadonlySet<Oid>;
}
