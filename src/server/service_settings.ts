/**
 * What the operator says of services: daemon.c, enable_service and
 * make_service_overridable.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { ServiceRow } from "./services.ts";

/** What can be said of a service: `--enable` and its kin. */
export type ServiceChange =
  | "enable"
  | "disable"
  | "allow-override"
  | "forbid-override";

/** One thing that is said of one service. */
export interface ServiceSetting {
  /** The service, as requests spell it behind "git-". */
  readonly service: string;
  /** What is said. */
  readonly change: ServiceChange;
}

const CHANGES: Readonly<Record<ServiceChange, Partial<ServiceRow>>> = {
  "enable": { isEnabled: true, isDisabled: false },
  "disable": { isEnabled: false, isDisabled: true },
  "allow-override": { isOverridable: true },
  "forbid-override": { isOverridable: false },
};

/**
 * The services after `settings`, of which the last counts. Throws a UsageError
 * for a service that git does not have, in its words, and for one that cannot
 * be served at all.
 */
export function withSettings(
  services: readonly ServiceRow[],
  settings: readonly ServiceSetting[],
): readonly ServiceRow[] {
  let rows = services;
  for (const { service, change } of settings) {
    const row = rows.find(({ name }) => name === service);
    if (row === undefined) {
      throw new UsageError("no-such-service", `No such service ${service}`);
    }
    if (change === "enable" && row.run === undefined) {
      throw new UsageError(
        "not-served",
        `cannot enable ${service}: it is not served yet`,
      );
    }
    rows = rows.map((each) =>
      each === row ? { ...row, ...CHANGES[change] } : each
    );
  }
  return rows;
}
