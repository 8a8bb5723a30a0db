/**
 * The keys of upload-pack's configuration whose values can be wrong: looked at
 * before anything is said, as git reads all of them first.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { ConfigView } from "../../storage/types.ts";
import type { ServiceContext } from "../types.ts";
import { wantPolicy } from "./our_refs.ts";

const MAX_INT = 2 ** 31 - 1;

/**
 * Seconds of silence before a sign of life, `uploadpack.keepAlive`; Infinity
 * for 0 and less, which switch it off, and `undefined` where it is not set.
 * Throws a StorageError "bad-config" for what is no C `int`.
 */
export function keepAliveSeconds(config: ConfigView): number | undefined {
  const key = "uploadpack.keepalive";
  const seconds = config.integer(key);
  if (seconds === undefined) return undefined;
  if (Math.abs(seconds) > MAX_INT) {
    throw new StorageError(
      "bad-config",
      `bad numeric config value '${
        config.get(key)
      }' for '${key}': out of range`,
    );
  }
  return seconds > 0 ? seconds : Infinity;
}

/**
 * Throws a StorageError "bad-config" where upload-pack's configuration is
 * wrong (upload-pack.c: upload_pack_config).
 */
export function checkSettings(
  { repository: { config } }: Pick<ServiceContext, "repository">,
): void {
  wantPolicy(config);
  keepAliveSeconds(config);
  config.boolean("transfer.advertisesid");
}
