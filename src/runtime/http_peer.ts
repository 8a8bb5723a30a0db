/**
 * Who sent a request, from what both runtimes tell.
 *
 * @module
 */

import type { HttpPeer } from "../core/http_host.ts";

/** IPv4 as a socket for both families names it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** A peer by its address and port; IPv4 is named as such. */
export function peerOf(
  hostname: string,
  port: number,
  isSecure: boolean,
): HttpPeer {
  const address = MAPPED.exec(hostname)?.[1] ?? hostname;
  const host = address.includes(":") ? `[${address}]` : address;
  return { peer: `${host}:${port}`, address, isSecure };
}
