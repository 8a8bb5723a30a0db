/**
 * What programs of ours learn of the client from their environment, as git
 * daemon's children do (daemon.c: handle).
 *
 * @module
 */

import type { Connection } from "../core/host.ts";

/** `REMOTE_ADDR` and `REMOTE_PORT`, as far as they are known. */
export function remoteEnvironment(
  { address, peer }: Pick<Connection, "peer" | "address">,
): Readonly<Record<string, string>> {
  if (address === "") return {};
  const port = /:(\d+)$/.exec(peer)?.[1];
  return {
    REMOTE_ADDR: address.includes(":") ? `[${address}]` : address,
    ...(port === undefined ? {} : { REMOTE_PORT: port }),
  };
}
