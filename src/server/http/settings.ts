/**
 * What a repository's configuration says of HTTP: http-backend.c, http_config.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ConfigView } from "../../storage/types.ts";
import type { ServiceRow } from "../services.ts";

/** Most bytes of a request for upload-pack unless told. */
const MAX_BUFFER = 10 * 1024 * 1024;

/** The configuration, all of it read. */
export interface HttpSettings {
  /** `http.getanyfile`: whether dumb clients are served, where that is said. */
  readonly getAnyFile: boolean | undefined;
  /** `http.maxrequestbuffer`: bytes of a request that is no push. */
  readonly maxRequestBuffer: number;
  /** What it says of services, by their names. */
  readonly services: ReadonlyMap<string, boolean>;
}

/**
 * Reads it, whatever is asked for: a value that cannot be understood fails
 * every request, as in git. Throws a StorageError for one.
 */
export function httpSettings(
  config: ConfigView,
  services: readonly ServiceRow[],
): HttpSettings {
  const said = new Map<string, boolean>();
  for (const { name, httpKey } of services) {
    const value = config.boolean(httpKey);
    if (value !== undefined) said.set(name, value);
  }
  const maxRequestBuffer = config.integer("http.maxrequestbuffer") ??
    MAX_BUFFER;
  if (maxRequestBuffer < 0) {
    throw new StorageError(
      "bad-config",
      `bad numeric config value '${maxRequestBuffer}' for ` +
        "'http.maxrequestbuffer': out of range",
    );
  }
  return {
    getAnyFile: config.boolean("http.getanyfile"),
    maxRequestBuffer,
    services: said,
  };
}

/**
 * Whether `user` gets a service: select_service, over what the operator says.
 */
export function isServed(
  row: ServiceRow,
  { services }: HttpSettings,
  user: string | undefined,
): boolean {
  if (row.run === undefined) return false;
  if (!row.isOverridable) return row.isEnabled;
  return services.get(row.name) ?? isOffered(row, user);
}

/**
 * The same where the repository's configuration is silent: known users have
 * what is not enabled for everybody, unless the operator disables it.
 */
export function isOffered(
  { name, isEnabled, isDisabled }: ServiceRow,
  user: string | undefined,
): boolean {
  return isEnabled ||
    (isDisabled !== true && user !== undefined && name !== "upload-pack");
}

/**
 * Whether plain files are served. Where the repository says nothing, they are
 * where the operator lets upload-pack be: they give the same.
 */
export function servesFiles(
  services: readonly ServiceRow[],
  { getAnyFile }: HttpSettings,
): boolean {
  const row = services.find(({ name }) => name === "upload-pack");
  const isEnabled = row?.isEnabled === true;
  return row?.isOverridable === true ? getAnyFile ?? isEnabled : isEnabled;
}
