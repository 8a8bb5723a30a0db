/**
 * Who asks, as services and their hooks are told of it: http-backend.c,
 * run_service.
 *
 * @module
 */

import { NO_ORIGIN } from "../../service/receive_pack/identity.ts";
import type { Caller, ServiceContext } from "../../service/types.ts";
import type { Repository } from "../../storage/types.ts";
import type { Exchange } from "./types.ts";

type Origin = NonNullable<ServiceContext["origin"]>;

/** Who has pushed, as far as the environment does not say. */
export function namedOrigin(exchange: Exchange): Origin {
  const { origin } = exchange.context;
  const { name, email } = committer(exchange);
  return async (config) => ({
    name,
    email,
    ...(await origin?.(config) ?? NO_ORIGIN),
  });
}

/** Who asks, with what hooks find in their environment. */
export async function callerOf(
  exchange: Exchange,
  { config }: Repository,
): Promise<Caller> {
  const { user, peer: { address } } = exchange;
  const { name = "", email = "" } = await namedOrigin(exchange)(config);
  const environment = {
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    ...(user === undefined ? {} : { REMOTE_USER: user }),
    // As web servers have it: without brackets.
    ...(address === "" ? {} : { REMOTE_ADDR: address }),
  };
  return {
    ...(user === undefined ? {} : { user }),
    environment: withoutNul(environment),
  };
}

function committer({ user, peer }: Exchange): { name: string; email: string } {
  const name = user === undefined || user === "" ? "anonymous" : user;
  const address = peer.address === "" ? "(none)" : peer.address;
  return { name, email: `${name}@http.${address}` };
}

function withoutNul(
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      value.replaceAll("\0", ""),
    ]),
  );
}
