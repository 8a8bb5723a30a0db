/**
 * What the name service says of the host names that clients send.
 *
 * @module
 */

import type { Clock } from "../core/host.ts";
import type { AskedHost, HostFacts } from "../storage/types.ts";
import type { RequestHost } from "../wire/git_request.ts";
import { remembered } from "./remembered.ts";

/** Looks one host name up, a binary string. Never rejects. */
export type LookUpHost = (name: string) => Promise<HostFacts>;

/** Where nothing is known of a host. */
export const NO_FACTS: HostFacts = { canonicalName: "", address: "" };

/** RFC 1035: longer names exist nowhere. */
const MAX_NAME_BYTES = 253;

/**
 * A look-up by `ask`, whose answers are remembered. What is no name at all is
 * not asked for: a client may send anything.
 */
export function hostLookUp(
  ask: LookUpHost,
  clock: Pick<Clock, "monotonic">,
): LookUpHost {
  const find = remembered({
    ask,
    none: NO_FACTS,
    monotonic: () => clock.monotonic(),
  });
  return (name) =>
    /^[\w:][\w.:%-]*$/.test(name) && name.length <= MAX_NAME_BYTES
      ? find(name)
      : Promise.resolve(NO_FACTS);
}

/**
 * The host of a request for those who want to know more of it: daemon.c,
 * lookup_hostname. The canonical name is made as safe for a path as the name.
 */
export function askedHost(
  host: RequestHost,
  lookUp: LookUpHost | undefined,
): AskedHost {
  let facts: Promise<HostFacts> | undefined;
  return {
    name: host.name,
    port: host.port,
    look() {
      facts ??= host.name === "" || lookUp === undefined
        ? Promise.resolve(NO_FACTS)
        : lookUp(host.name).then(({ canonicalName, address }) => ({
          canonicalName: safeForPath(canonicalName),
          address,
        }));
      return facts;
    },
  };
}

/** daemon.c: sanitize_client. No slashes, no runs of dots, none at the ends. */
function safeForPath(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[/\0-\x1f]/g, "").replace(/^\.+/, "")
    .replace(/\.+/g, ".").replace(/\.$/, "");
}
