/**
 * What a thread does that helps to resolve: takes part in a team over a pack
 * that it reads by itself, and checks what it makes where that is asked.
 *
 * @module
 */

import { messageOf, StorageError } from "../../core/errors.ts";
import type { Kernels } from "../../kernels/types.ts";
import {
  type GatheredFindings,
  objectChecker,
} from "../../object/fsck/checker.ts";
import { FsckRefusal } from "../../object/fsck/refusal.ts";
import type { FsckRules } from "../../object/fsck/rules.ts";
import type { Kind } from "../../object/kind.ts";
import type { StoredPack } from "./ports.ts";
import { joinTeam, type TeamState } from "./resolve_team.ts";

/** What a helper is told; can be cloned. */
export interface HelpOrder {
  /** What it shares with the others. */
  readonly state: TeamState;
  /** Its place among the threads. */
  readonly thread: number;
  /** Where the pack is. */
  readonly path: string;
  /** Checks of what it makes, if any. */
  readonly rules?: FsckRules;
}

/** What became of a helper's part; can be cloned. */
export interface HelpResult {
  /** What its checks have found, if it was to make any. */
  readonly found?: GatheredFindings;
  /** Why it could not go on; absent where nothing is left to do. */
  readonly failure?: string;
  /** Where an object did not pass: what is said before `failure`. */
  readonly refusedAfter?: readonly string[];
}

/** Takes part until nothing is left. Throws nothing. */
export function helpTeam(
  { state, thread, rules }: HelpOrder,
  kernels: Kernels,
  pack: Pick<StoredPack, "readAt">,
): HelpResult {
  const { entries: { format, ids } } = state;
  const { rawLength } = format;
  const checker = rules && objectChecker(rules, format);
  try {
    const step = joinTeam(state, {
      ...{ thread, kernels, pack },
      ...(checker && {
        take: (rank: number, kind: Kind, data: Uint8Array) => {
          const at = rank * rawLength;
          checker.check(kind, data, ids.subarray(at, at + rawLength));
        },
      }),
    });
    while (step());
    return checker === undefined ? {} : { found: checker.gathered() };
  } catch (error) {
    const failure = messageOf(error);
    return error instanceof FsckRefusal
      ? { failure, refusedAfter: error.lines }
      : { failure };
  }
}

/** What a helper's checks have found; throws where it could not go on. */
export function findingsOf(
  { found, failure, refusedAfter }: HelpResult,
): GatheredFindings | undefined {
  if (failure === undefined) return found;
  if (refusedAfter !== undefined) throw new FsckRefusal(failure, refusedAfter);
  throw new StorageError("helper-failed", failure);
}
