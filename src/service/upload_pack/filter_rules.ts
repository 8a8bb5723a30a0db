/**
 * Which filters the clients of a repository may use.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-uploadpackfilterallow
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ConfigView } from "../../storage/types.ts";
import type { FilterRules } from "../../wire/filter.ts";
import { parseUnsigned } from "../../wire/number.ts";
import type { ServiceContext } from "../types.ts";

const ANY_DEPTH = 2n ** 64n - 1n;

type FilterContext = Pick<ServiceContext, "repository" | "terms">;

/** Whether filters are advertised: `uploadpack.allowFilter`, or the terms. */
export function offersFilters({ repository, terms }: FilterContext): boolean {
  return repository.config.boolean("uploadpack.allowfilter") ?? terms.filters;
}

/**
 * The rules of a session; `undefined` where filters are not advertised. Throws
 * a StorageError "bad-config" for values that are none.
 */
export function filterRules(context: FilterContext): FilterRules | undefined {
  return offersFilters(context)
    ? readRules(context.repository.config)
    : undefined;
}

/** upload-pack.c: parse_object_filter_config, where what comes last counts. */
function readRules(config: ConfigView): FilterRules {
  const allowed = new Map<string, "yes" | "no">();
  let maxTreeDepth = ANY_DEPTH;
  for (const [key, value] of config.entries()) {
    if (key === "uploadpackfilter.tree.maxdepth") {
      allowed.set("tree", "yes");
      maxTreeDepth = readDepth(key, value);
      continue;
    }
    const type = /^uploadpackfilter\.(.*)\.allow$/s.exec(key)?.[1];
    if (type === undefined) continue;
    allowed.set(type, config.boolean(key) === false ? "no" : "yes");
  }
  const others = config.boolean("uploadpackfilter.allow") === false
    ? "no"
    : "yes";
  return {
    maxTreeDepth,
    allows: (type) => (allowed.get(type) ?? others) === "yes",
  };
}

function readDepth(key: string, value: string): bigint {
  const depth = parseUnsigned(value);
  if (depth !== undefined) return depth;
  throw new StorageError(
    "bad-config",
    `bad numeric config value '${value}' for '${key}'`,
  );
}
