/**
 * Listening in several places at once, as daemon.c does: what cannot be
 * listened on is logged, and the rest goes on.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Listener, ListenOptions } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";

/** Where to listen. */
export interface ListenPlaces {
  /** Host names and addresses, each for TCP. */
  readonly hostnames: readonly string[];
  /** The TCP port of all; 0 lets the system choose one for all. */
  readonly port: number;
  /** Paths of Unix domain sockets. */
  readonly socketPaths: readonly string[];
  /** The mode of those. */
  readonly socketMode: number;
}

/**
 * Listens in every place where that is possible. Rejects with the first
 * UsageError where it is in none.
 */
export async function listenEverywhere(
  places: ListenPlaces,
  logger: Logger,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = [];
  let first: UsageError | undefined;
  const fail = (error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    first ??= error;
    logger.log("error", error.message);
  };
  const listen = async (options: ListenOptions) => {
    const report = (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      logger.log("error", `accept: ${why}`);
    };
    try {
      listeners.push(await host().listen(options, report));
    } catch (error) {
      fail(error);
    }
  };
  try {
    for (const hostname of places.hostnames) {
      const before = listeners.length;
      const addresses = await host().addressesOf(hostname).catch((error) => {
        fail(error);
        return [];
      });
      for (const address of addresses) {
        // One port for all, also where the system chose it.
        const chosen = listeners[0]?.port ?? 0;
        const port = places.port === 0 ? chosen : places.port;
        await listen({ hostname: address, port, reuseAddress: true });
      }
      if (listeners.length === before && places.hostnames.length > 1) {
        logger.log(
          "error",
          "unable to allocate any listen sockets for host " +
            `${hostname} on port ${places.port}`,
        );
      }
    }
    for (const path of places.socketPaths) {
      await listen({ path, mode: places.socketMode });
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  if (listeners.length === 0 && first !== undefined) throw first;
  return listeners;
}
