/**
 * Resolves the deltas of a pack in the fastest way that there is: families by
 * the kernel that makes many objects per call, what that leaves out one by one.
 *
 * @module
 */

import type { MadeObjects } from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import { FamilyRunner } from "./family_runner.ts";
import { Resolution } from "./resolution.ts";
import { isDelta, planResolution, type ResolvePlan } from "./resolve_plan.ts";
import type { Resolved, ResolveInit } from "./resolve_types.ts";
import { FamilyResolver, sumUp } from "./resolver.ts";

/** Fewer deltas are not worth the kernel's memory. */
const FEW_DELTAS = 64;

/** Resolves in this thread: see {@linkcode ResolveDeltas}. */
export async function resolveDeltas(init: ResolveInit): Promise<Resolved> {
  init.signal?.throwIfAborted();
  const plan = planResolution(init.entries, init.wanted);
  const resolution = new Resolution(init, plan.deltas);
  sumUp(resolution, plan);
  if (plan.deltas >= FEW_DELTAS) await runFamilies(resolution, plan);
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
): Promise<void> {
  const { init } = resolution;
  const { entries, pack, kernels, limits } = init;
  const maker = kernels.familyMaker?.();
  if (maker === undefined) return;
  const { ids, kinds, format } = entries;
  const mode = format.name === "sha1" && hasUnnamed(entries) ? "hash" : "make";
  const runner = new FamilyRunner({
    entries,
    links: plan,
    pack,
    maker,
    mode,
    maxObjectBytes: limits.maxObjectBytes || Infinity,
    nextRoot: rootsOf(entries, plan),
    checkDepth: (depth) => resolution.checkDepth(depth),
    deliver(made: MadeObjects, at, rank, kind: Kind): void {
      resolution.count(made.sizeOf(at));
      if (mode === "hash") {
        made.copyId(at, ids, rank * format.rawLength);
        kinds[rank] = kind;
      }
      resolution.deliver(rank, kind, made.contentOf(at));
    },
  });
  while (runner.step()) {
    if (resolution.isDue) await resolution.pause();
  }
}

function hasUnnamed(
  { count, types, kinds }: ResolveInit["entries"],
): boolean {
  for (let rank = 0; rank < count; rank++) {
    if (kinds[rank] === 0 && isDelta(types[rank] as number)) return true;
  }
  return false;
}

/** The whole objects that deltas are based on, one after another. */
function rootsOf(
  { count, types }: ResolveInit["entries"],
  { firsts }: ResolvePlan,
): () => number {
  let next = 0;
  return () => {
    while (next < count) {
      const rank = next++;
      if (firsts[rank] !== 0 && !isDelta(types[rank] as number)) return rank;
    }
    return -1;
  };
}

/** Links what is still to be resolved, and what that is based on. */
function restOf({ init, done }: Resolution, plan: ResolvePlan): ResolvePlan {
  const wanted = new Uint8Array(init.entries.count);
  for (let rank = 0; rank < wanted.length; rank++) {
    if (done[rank] === 0 && plan.needed?.[rank] !== 0) wanted[rank] = 1;
  }
  return planResolution(init.entries, wanted);
}
