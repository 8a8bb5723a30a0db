/**
 * Bundles of what is exported: all refs and objects in one file, and the list
 * by which git's clients find it. Pure.
 *
 * @see https://git-scm.com/docs/gitformat-bundle
 * @see https://git-scm.com/docs/bundle-uri
 * @module
 */

import { type ObjectFormat, SHA1 } from "../../core/oid.ts";
import type { ExportedRefs } from "./export_selection.ts";

/**
 * What stands before the pack of a bundle, a binary string: version 2, or 3
 * where the format of object names has to be told. `undefined` where there are
 * no refs, of which git makes no bundle.
 */
export function bundleHeader(
  { listing, head }: Pick<ExportedRefs, "listing" | "head">,
  format: ObjectFormat,
): string | undefined {
  const lines: string[] = [];
  const oids = new Map<string, string>();
  for (const line of listing.split("\n")) {
    const [oid = "", name] = line.split("\t");
    if (name === undefined || name.endsWith("^{}")) continue;
    oids.set(name, oid);
    lines.push(`${oid} ${name}\n`);
  }
  const target = /^ref: (.*)\n$/.exec(head)?.[1];
  const own = target === undefined ? head.trim() : oids.get(target);
  // As `git bundle create --all` has it.
  if (own !== undefined) lines.push(`${own} HEAD\n`);
  if (lines.length === 0) return undefined;
  const signature = format === SHA1
    ? "# v2 git bundle\n"
    : `# v3 git bundle\n@object-format=${format.name}\n`;
  return `${signature}${lines.join("")}\n`;
}

/**
 * The list of one bundle, in the format of git's configuration, which a server
 * can include, and clients read by `--bundle-uri`.
 */
export function bundleList(uri: string): string {
  const value = `"${uri.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
  return "[bundle]\n\tversion = 1\n\tmode = all\n" +
    `[bundle "all"]\n\turi = ${value}\n`;
}
