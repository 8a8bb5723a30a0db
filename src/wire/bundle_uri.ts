/**
 * The answer of the v2 command `bundle-uri`: lines of configuration that tell
 * a client where bundles are. Where the configuration comes from, and whether
 * it is told at all, is elsewhere.
 *
 * @see https://git-scm.com/docs/gitprotocol-v2#_bundle_uri
 * @module
 */

import { LARGE_PACKET_DATA_MAX } from "../pktline/packet.ts";

/** What a configuration says about bundles. */
export interface BundleLines {
  /** One `<key>=<value>` for each value of `bundle.*`, in its order. */
  readonly lines: readonly string[];
  /** The keys of those values that no such line can carry. */
  readonly unfit: readonly string[];
}

/** The lines that a configuration's `entries` come to. */
export function bundleLines(
  entries: Iterable<readonly [key: string, value: string]>,
): BundleLines {
  const lines: string[] = [];
  const unfit: string[] = [];
  for (const [key, value] of entries) {
    if (!key.startsWith("bundle.")) continue;
    if (isFit(key, value)) lines.push(`${key}=${value}`);
    else unfit.push(key);
  }
  return { lines, unfit };
}

/**
 * Whether a client reads the line back as it is meant: it splits at the first
 * equals sign and takes no empty value (bundle-uri.c: bundle_uri_parse_line).
 */
function isFit(key: string, value: string): boolean {
  return value !== "" && !key.includes("=") &&
    !/[\0\n]/.test(key + value) &&
    key.length + 1 + value.length <= LARGE_PACKET_DATA_MAX;
}
