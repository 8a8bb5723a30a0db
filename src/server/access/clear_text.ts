/**
 * Whether passwords would go over a network as they are.
 *
 * @module
 */

/** Somewhere that is listened. */
export interface ListenedPlace {
  /** How it is spoken to. */
  readonly scheme: "git" | "http" | "https";
  /** The address. */
  readonly hostname: string;
}

/**
 * The warning for a server that asks for passwords where others can listen;
 * `undefined` where there is nothing to warn of.
 */
export function clearTextWarning(
  places: readonly ListenedPlace[],
): string | undefined {
  const open = places.filter(({ scheme, hostname }) =>
    scheme === "http" && !isLoopback(hostname)
  );
  const [first] = open;
  return first === undefined
    ? undefined
    : `passwords and tokens go over the network unencrypted at http://${
      first.hostname.includes(":") ? `[${first.hostname}]` : first.hostname
    }: use --tls-cert and --tls-key, or a server in front that speaks TLS`;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(hostname);
}
