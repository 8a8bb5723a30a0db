/**
 * Whether somebody may do something with a repository, by every name that it
 * has: the one that was asked for, and those by which the backend knows it.
 *
 * @module
 */

import type { Backend, Repository } from "../../storage/types.ts";
import type { ServiceRow } from "../services.ts";
import { strictest } from "./rules.ts";
import type { AccessKind, AccessRules } from "./types.ts";

/** What is to be decided. */
export interface AccessQuestion {
  /** The path that was asked for, with its leading slash. */
  readonly path: string;
  /** What for. */
  readonly kind: AccessKind;
  /** By whom; nobody, if by nobody who is known. */
  readonly user?: string | undefined;
  /** What the backend opened there, once it has. */
  readonly repository?: Repository;
}

/** Who decides. */
export interface Deciders {
  /** Knows other names. */
  readonly backend: Backend;
  /** What the operator says. */
  readonly access?: AccessRules;
}

/**
 * What the rules say; `undefined` where they say nothing, or say yes of one
 * name and nothing of another. To be asked twice: before the repository is
 * opened, so that nothing is touched, and with it, so that no spelling, link or
 * second name leads around a rule.
 */
export function decide(
  { backend, access }: Deciders,
  { path, kind, user, repository }: AccessQuestion,
): boolean | undefined {
  if (access === undefined) return undefined;
  const others = repository === undefined
    ? []
    : backend.pathsOf?.(repository) ?? [];
  const said = [path, ...others].map((name) => access.allows(name, kind, user));
  return strictest(said);
}

/** What a service does to a repository; none reads it. */
export function kindOf(row: Pick<ServiceRow, "name"> | undefined): AccessKind {
  return row?.name === "receive-pack" ? "write" : "read";
}

/**
 * The row where rules have said `said`: whom they allow to write may push,
 * unless the repository's configuration or the operator forbids the service.
 */
export function withGrant(
  row: ServiceRow,
  said: boolean | undefined,
): ServiceRow {
  return said === true && kindOf(row) === "write" && row.isOverridable &&
      row.isDisabled !== true
    ? { ...row, isEnabled: true }
    : row;
}
