/**
 * Resolves the deltas of a pack in the fastest way that there is: families by
 * the kernel that makes many objects per call, in several threads where that
 * pays, and one by one what the kernel leaves out.
 *
 * @module
 */

import type { GatheredFindings } from "../../object/fsck/checker.ts";
import { Resolution } from "./resolution.ts";
import { findingsOf, type HelpOrder, type HelpResult } from "./resolve_help.ts";
import { planResolution, type ResolvePlan } from "./resolve_plan.ts";
import {
  hasJoined,
  isTooDeep,
  joinTeam,
  stopTeam,
  teamBytes,
  teamCount,
  type TeamState,
  teamState,
} from "./resolve_team.ts";
import type {
  HelperChecks,
  Resolved,
  ResolveDeltas,
  ResolveInit,
} from "./resolve_types.ts";
import { FamilyResolver, sumUp } from "./resolver.ts";

/** Fewer deltas are not worth the kernel's memory. */
const FEW_DELTAS = 64;
/** Fewer deltas in fewer bytes are not worth the start of threads. */
const MANY_DELTAS = 10_000;
const MANY_BYTES = 32 * 1024 * 1024;
/** How often one looks what the others have done, at the end. */
const LOOK_MS = 50;

/** A thread that helps to resolve. */
export interface ResolveHelper {
  /**
   * Takes part in a team as one of its threads, over the pack at a path, until
   * nothing is left. Where it fails the others go on, unless there are checks.
   */
  help(order: HelpOrder): Promise<HelpResult>;
  /** Ends it at once. */
  close(): void;
}

/** Where threads come from. */
export interface HelperSource {
  /** How many may help, beside the thread that asks. */
  readonly count: number;
  /** Starts one; `undefined` where others have all that there may be. */
  start(): ResolveHelper | undefined;
}

/** Resolves in this thread: see {@linkcode ResolveDeltas}. */
export function resolveDeltas(init: ResolveInit): Promise<Resolved> {
  return resolve(init, undefined);
}

/** Resolves with helpers where a pack is large and lies in a file. */
export function resolverWith(helpers: HelperSource): ResolveDeltas {
  return (init) => resolve(init, helpers);
}

async function resolve(
  init: ResolveInit,
  helpers: HelperSource | undefined,
): Promise<Resolved> {
  init.signal?.throwIfAborted();
  const plan = planResolution(init.entries, init.wanted);
  const resolution = new Resolution(init, plan.deltas);
  sumUp(resolution, plan);
  if (plan.deltas >= FEW_DELTAS && init.kernels.familyMaker !== undefined) {
    await runFamilies(resolution, plan, helpers);
  }
  if (resolution.resolved < resolution.total) {
    const rest = restOf(resolution, plan);
    await new FamilyResolver(resolution, rest).run();
  }
  return {
    unresolved: resolution.total - resolution.resolved,
    inflatedBytes: resolution.inflated,
  };
}

/** Makes what the kernel takes. */
async function runFamilies(
  resolution: Resolution,
  plan: ResolvePlan,
  source: HelperSource | undefined,
): Promise<void> {
  const { init: { entries, pack, kernels, take, wanted, limits } } = resolution;
  const most = isForMany(resolution, plan) ? source?.count ?? 0 : 0;
  const state = teamState(entries, plan, resolution.done, most + 1, {
    maxObjectBytes: limits.maxObjectBytes || Infinity,
    maxBytes: (limits.maxInflatedBytes || Infinity) - resolution.inflated,
    maxDepth: limits.maxDeltaDepth || Infinity,
  });
  const crew = new Crew(state, resolution.init);
  try {
    for (let i = 0; i < most; i++) {
      const helper = source?.start();
      if (helper === undefined) break;
      crew.add(helper);
    }
    const step = joinTeam(state, {
      thread: 0,
      ...{ kernels, pack },
      ...(take && {
        take: (rank, kind, data) => {
          if (wanted?.[rank] !== 0) take(rank, kind, data);
        },
      }),
    });
    const pause = async (): Promise<void> => {
      resolution.resolved = teamCount(state);
      await resolution.pause();
    };
    while (step()) if (resolution.isDue) await pause();
    while (!await crew.ended(LOOK_MS)) await pause();
  } finally {
    stopTeam(state);
    // They close their files before they end.
    while (!await crew.ended(LOOK_MS));
    crew.close();
  }
  crew.conclude();
  resolution.resolved = teamCount(state);
  resolution.count(teamBytes(state));
  if (isTooDeep(state)) resolution.checkDepth(state.maxDepth + 1);
}

/** Whether it pays, and is possible, to have others help. */
function isForMany(
  { init: { pack, take, helperChecks } }: Resolution,
  { deltas }: ResolvePlan,
): boolean {
  if (pack.path === undefined) return false;
  // What is given away is given in this thread.
  if (take !== undefined && helperChecks === undefined) return false;
  return deltas >= MANY_DELTAS ||
    (pack.size >= MANY_BYTES && deltas >= FEW_DELTAS);
}

/** The threads that help with one pack. */
class Crew {
  readonly #state: TeamState;
  readonly #path: string;
  readonly #checks: HelperChecks | undefined;
  readonly #helpers: ResolveHelper[] = [];
  /** Of each helper that is at work, its thread: settles when it ends. */
  readonly #working = new Map<number, Promise<void>>();
  readonly #found: GatheredFindings[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(state: TeamState, { pack, helperChecks }: ResolveInit) {
    this.#state = state;
    this.#path = pack.path ?? "";
    this.#checks = helperChecks;
  }

  /** Has one more help. Where it fails, what it took is left unresolved. */
  add(helper: ResolveHelper): void {
    this.#helpers.push(helper);
    const thread = this.#helpers.length;
    const state = this.#state;
    const rules = this.#checks?.rules;
    const order: HelpOrder = {
      ...{ state, thread, path: this.#path },
      ...(rules && { rules }),
    };
    const work = helper.help(order).then(findingsOf).then(
      (found) => {
        if (found !== undefined) this.#found.push(found);
      },
      (error) => {
        // Others make up for what it took; for what it has checked nobody can.
        if (this.#checks === undefined || !hasJoined(state, thread)) return;
        this.#failure ??= { error };
        stopTeam(state);
      },
    );
    const end = (): void => void this.#working.delete(thread);
    this.#working.set(thread, work.then(end));
  }

  /**
   * Whether all have ended, as far as they have begun: who begins later finds
   * nothing to do. Waits for that, but not longer than `ms`.
   */
  async ended(ms: number): Promise<boolean> {
    const begun = [...this.#working]
      .filter(([thread]) => hasJoined(this.#state, thread))
      .map(([, end]) => end);
    if (begun.length === 0) return true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      Promise.all(begun),
      new Promise((resolve) => timer = setTimeout(resolve, ms)),
    ]);
    clearTimeout(timer);
    return false;
  }

  /** Takes over what they have found; throws where one was not content. */
  conclude(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (const found of this.#found) this.#checks?.merge(found);
  }

  close(): void {
    for (const helper of this.#helpers) helper.close();
  }
}

/** Links what is still to be resolved, and what that is based on. */
function restOf({ init, done }: Resolution, plan: ResolvePlan): ResolvePlan {
  const wanted = new Uint8Array(init.entries.count);
  for (let rank = 0; rank < wanted.length; rank++) {
    if (done[rank] === 0 && plan.needed?.[rank] !== 0) wanted[rank] = 1;
  }
  return planResolution(init.entries, wanted);
}
