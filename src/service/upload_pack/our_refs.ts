/**
 * Which objects a v0 or v1 client may ask for by their id: what was advertised,
 * and what the repository's owner allows besides. In v2 it may ask for every
 * object, as its specification says.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-uploadpackallowTipSHA1InWant
 * @module
 */

import type { ConfigView, Snapshot } from "../../storage/types.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import type { ServiceContext } from "../types.ts";

/** What may be wanted though it was not advertised: upload-pack.c, allow_uor. */
export interface WantPolicy {
  /** `uploadpack.allowTipSHA1InWant`: what hidden refs resolve to. */
  readonly tip: boolean;
  /** `uploadpack.allowReachableSHA1InWant`: what any ref reaches. */
  readonly reachable: boolean;
  /** Every object, under `uploadpack.allowAnySHA1InWant`. */
  readonly any: boolean;
}

/** The keys, and the parts of the policy that each one sets. */
const KEYS: ReadonlyMap<string, readonly (keyof WantPolicy)[]> = new Map([
  ["uploadpack.allowtipsha1inwant", ["tip"]],
  ["uploadpack.allowreachablesha1inwant", ["reachable"]],
  ["uploadpack.allowanysha1inwant", ["tip", "reachable", "any"]],
]);

/**
 * A repository's policy. The keys overlap, so that what comes last counts
 * (upload-pack.c: upload_pack_config). Throws a StorageError "bad-config" for
 * a value that is no boolean.
 */
export function wantPolicy(config: ConfigView): WantPolicy {
  // A key that is set again moves behind the others.
  const last = new Set<string>();
  for (const [key] of config.entries()) {
    if (!KEYS.has(key)) continue;
    last.delete(key);
    last.add(key);
  }
  const policy = { tip: false, reachable: false, any: false };
  for (const key of last) {
    const allowed = config.boolean(key) ?? false;
    for (const part of KEYS.get(key) ?? []) policy[part] = allowed;
  }
  return {
    ...policy,
    // git takes it for its three bits together: a later "no" to one ends it.
    any: policy.any && policy.tip && policy.reachable,
  };
}

/**
 * Tells of a ref's name whether what it resolves to may be wanted: hidden refs
 * count where wants of tips or of what they reach are allowed (upload-pack.c:
 * is_our_ref).
 */
export function ourRefs(context: ServiceContext): (name: string) => boolean {
  const { tip, reachable } = wantPolicy(context.repository.config);
  if (tip || reachable) return () => true;
  const hidden = hiddenRefs(context);
  return (name) => !hidden.hides(name);
}

/** What HEAD and the refs of {@linkcode ourRefs} resolve to. */
export function* ourTips(
  context: ServiceContext,
  { refs, objects }: Snapshot,
): Generator<number, void, void> {
  const isOurs = ourRefs(context);
  const head = refs.head?.oid;
  if (head !== undefined && isOurs("HEAD")) {
    const number = objects.find(head);
    if (number >= 0) yield number;
  }
  for (const { name, oid } of refs.list("refs/")) {
    if (!isOurs(name)) continue;
    const tip = objects.find(oid);
    if (tip >= 0) yield tip;
  }
}
