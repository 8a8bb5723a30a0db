/**
 * What `GIT_NAMESPACE` means.
 *
 * @see https://git-scm.com/docs/gitnamespaces
 * @module
 */

import { printable } from "../core/bytes.ts";
import { UsageError } from "../core/errors.ts";
import { parseRefName } from "../core/ref_name.ts";

/**
 * The prefix of a namespace's refs, as `SessionTerms.namespace` has it. Throws
 * a UsageError in git's words (environment.c: expand_namespace).
 */
export function expandNamespace(value: string): string {
  if (value === "") return "";
  const parts = value.split(/(?<=\/)/).filter((part) => part !== "/");
  const prefix = parts.map((part) => `refs/namespaces/${part}`).join("");
  if (parseRefName(prefix) !== undefined) return `${prefix}/`;
  throw new UsageError(
    "bad-namespace",
    `bad git namespace path "${printable(value)}"`,
  );
}
