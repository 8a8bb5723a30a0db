/**
 * What a repository's owner may allow in the v2 command `fetch` beyond its
 * basics: one row each, in git's order (upload-pack.c: upload_pack_advertise).
 *
 * @module
 */

import type { FetchFeature } from "../../wire/v2_fetch.ts";
import type { ServiceContext } from "../types.ts";
import { offersFilters } from "../upload_pack/filter_rules.ts";

/** One feature. */
interface FeatureRow {
  readonly name: FetchFeature;
  isAllowed(context: ServiceContext): boolean;
}

/** A feature that a key of the configuration allows, and nothing else does. */
function configured(name: FetchFeature, key: string): FeatureRow {
  return {
    name,
    isAllowed: ({ repository }) => repository.config.boolean(key) === true,
  };
}

const FEATURES: readonly FeatureRow[] = [
  { name: "filter", isAllowed: offersFilters },
  configured("ref-in-want", "uploadpack.allowrefinwant"),
  configured("sideband-all", "uploadpack.allowsidebandall"),
];

/** The features that are allowed, in the order of the advertisement. */
export function fetchFeatures(
  context: ServiceContext,
): ReadonlySet<FetchFeature> {
  const allowed = FEATURES.filter((row) => row.isAllowed(context));
  return new Set(allowed.map((row) => row.name));
}
