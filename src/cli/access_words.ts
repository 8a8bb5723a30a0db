/**
 * Who can push and who can clone, in a few words for who starts the daemon.
 * Pure.
 *
 * @module
 */

import type { RulesOfPushing } from "../server/access/rules.ts";

/** What is known of who may what. */
export interface AccessFacts {
  /** Whether pushes are switched on for whoever connects. */
  readonly takesPushes: boolean;
  /** Whether they are switched off for everybody: `--disable`. */
  readonly refusesPushes?: boolean;
  /** Whether anybody can say who they are: by credentials, over HTTP. */
  readonly knowsUsers: boolean;
  /** What the rules say of pushes, where there are some. */
  readonly rules?: RulesOfPushing | undefined;
}

/** Who can push, as far as the options say; repositories may differ. */
export function pushWords(
  { takesPushes, refusesPushes = false, knowsUsers, rules }: AccessFacts,
): string {
  if (refusesPushes) return "read-only";
  if (takesPushes) {
    if (rules?.areThere !== true) return "whoever connects can push";
    return rules.areForAll
      ? "rules say who can push"
      : "whoever connects can push where no rule says otherwise";
  }
  // Over git://, and without credentials, everybody is anyone.
  if (rules?.nameAnyone === true) return "rules say who can push";
  if (!knowsUsers) return "read-only";
  return rules?.areThere === true
    ? "rules say which users can push"
    : "users can push";
}

/** Who can clone the repository that the words at the start name. */
export type Readers = "anyone" | "users" | "nobody";

/** The same of those who may read it, as far as that is known. */
export function readersOf(
  { anyone, users }: { readonly anyone: boolean; readonly users: boolean },
): Readers {
  return anyone ? "anyone" : users ? "users" : "nobody";
}
