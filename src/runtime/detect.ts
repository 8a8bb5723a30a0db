/**
 * Which runtime this is, decided once, at run time. Sockets are loaded when
 * they are first listened on: one session on stdin and stdout needs none.
 *
 * @module
 */

import { bunGlobal } from "./bun_types.ts";
import { denoClock, IMMEDIATE_CLOCK } from "./clock.ts";
import type { Host } from "./host.ts";
import { stdioConnection } from "./stdio.ts";

const DENO: Host = {
  name: "deno",
  addressesOf: addresses,
  async listen(options, report) {
    const { listenDeno } = await import("./deno.ts");
    return await listenDeno(options, report);
  },
  async listenHttp(options, answer, report) {
    const { listenDenoHttp } = await import("./deno_http.ts");
    return await listenDenoHttp(options, answer, report);
  },
  stdio: stdioConnection,
  clock: denoClock(),
};

const BUN: Host = {
  name: "bun",
  addressesOf: addresses,
  async listen(options, report) {
    const { listenBun } = await import("./bun.ts");
    return await listenBun(options, report);
  },
  async listenHttp(options, answer, report) {
    const { listenBunHttp } = await import("./bun_http.ts");
    return await listenBunHttp(options, answer, report);
  },
  stdio: stdioConnection,
  clock: IMMEDIATE_CLOCK,
};

async function addresses(hostname: string): Promise<readonly string[]> {
  const { addressesOf } = await import("./addresses.ts");
  return await addressesOf(hostname);
}

/** The runtime that runs this. Throws a TypeError under any other. */
export function host(): Host {
  if (bunGlobal() !== undefined) return BUN;
  if ("Deno" in globalThis) return DENO;
  throw new TypeError("Cannot run here: neither Deno nor Bun");
}
