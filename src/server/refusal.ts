/**
 * What a git:// client reads when it may not have what it asked for: daemon.c,
 * `daemon_error`.
 *
 * @module
 */

import { printable } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";

/** Most characters of a path that are repeated to its sender. */
const PATH_LIMIT = 4096;

/** The one message for all refusals, unless errors are informative. */
const UNINFORMATIVE = "access denied or repository not exported";

/** The code of a refusal by `--access-hook`, whose message is the hook's. */
export const HOOK_REFUSED = "access-hook";

/** By the code of a RefusedError; what is not here tells nothing either. */
const INFORMATIVE: Readonly<Record<string, string>> = {
  "no-such-repository": "no such repository",
  "access-denied": "no such repository",
  "not-exported": "repository not exported",
  "service-not-enabled": "service not enabled",
};

/**
 * The message for a refused request for `path`, a binary string, which is made
 * safe for a terminal: it may have come from a link. Paths that do not exist
 * and paths that are not exported read the same unless `informative`.
 */
export function refusalMessage(
  error: RefusedError,
  path: string,
  options: { readonly informative: boolean },
): string {
  const words = !options.informative
    ? undefined
    : error.code === HOOK_REFUSED
    ? printable(error.message, PATH_LIMIT)
    : INFORMATIVE[error.code];
  return `${words ?? UNINFORMATIVE}: ${printable(path, PATH_LIMIT)}`;
}

/** The refusal of a service that is not enabled. */
export function notEnabled(service: string, where: string): RefusedError {
  return new RefusedError(
    "service-not-enabled",
    `'${service}': service not enabled${where}`,
  );
}
