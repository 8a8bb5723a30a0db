/**
 * The services that a git:// request can name, one row each: daemon.c,
 * `daemon_service`. A service that is not served yet has no `run` and stays
 * "not enabled", whatever a repository's configuration says.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { uploadPack } from "../service/upload_pack/service.ts";
import type { Service } from "../service/types.ts";
import type { ServiceName } from "../wire/git_request.ts";

/** One service. */
export interface ServiceRow {
  /** As requests spell it, behind "git-". */
  readonly name: ServiceName;
  /** Key in a repository's configuration: "daemon.uploadpack". */
  readonly configKey: string;
  /** Whether it is served where the repository says nothing. */
  readonly isEnabled: boolean;
  /** Whether the repository's configuration can change that. */
  readonly isOverridable: boolean;
  /** The service itself. */
  readonly run?: Service;
}

/** git daemon's services with git daemon's defaults. */
export const SERVICES: readonly ServiceRow[] = [
  {
    name: "upload-archive",
    configKey: "daemon.uploadarch",
    isEnabled: false,
    isOverridable: true,
  },
  {
    name: "upload-pack",
    configKey: "daemon.uploadpack",
    isEnabled: true,
    isOverridable: true,
    run: uploadPack,
  },
  {
    name: "receive-pack",
    configKey: "daemon.receivepack",
    isEnabled: false,
    isOverridable: true,
  },
];

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
  "enable": { isEnabled: true },
  "disable": { isEnabled: false },
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
