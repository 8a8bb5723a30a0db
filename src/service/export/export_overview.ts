/**
 * What the page of an exported repository says of it, by what is shown.
 *
 * @module
 */

import { binaryToUtf8 } from "../../core/bytes.ts";
import type { Repository, Snapshot } from "../../storage/types.ts";
import { commitLine, type Overview } from "../overview.ts";
import type { ExportedRefs } from "./export_selection.ts";

/** The same as a server's page has. */
export function exportedOverview(
  repository: Repository,
  { objects }: Snapshot,
  { listing, head, branch }: ExportedRefs,
): Overview {
  const oids = new Map<string, string>();
  for (const line of listing.split("\n")) {
    const [oid = "", name] = line.split("\t");
    if (name !== undefined && !name.endsWith("^{}")) oids.set(name, oid);
  }
  const count = (prefix: string) => ({
    count: [...oids.keys()].filter((name) => name.startsWith(prefix)).length,
    isAll: true,
  });
  const isDetached = !head.startsWith("ref: ");
  const oid = isDetached ? head.trim() : oids.get(branch ?? "");
  const commit = oid === undefined ? undefined : commitLine(
    objects,
    objects.find(
      oid as Parameters<
        typeof objects.find
      >[0],
    ),
  );
  const description = repository.description?.();
  return {
    ...(description === undefined ? {} : { description }),
    head: isDetached
      ? "detached"
      : branch === undefined
      ? "missing"
      : oid === undefined
      ? "unborn"
      : "branch",
    ...(branch === undefined || isDetached
      ? {}
      : { branch: binaryToUtf8(branch.replace(/^refs\/heads\//, "")) }),
    branches: count("refs/heads/"),
    tags: count("refs/tags/"),
    ...(commit === undefined ? {} : { commit }),
  };
}
