/**
 * Listening in several places at once, as daemon.c does: what cannot be
 * listened on is logged, and the rest goes on.
 *
 * @module
 */

import { messageOf, UsageError } from "../core/errors.ts";
import type { Listener, ListenOptions } from "../core/host.ts";
import type { AnswerHttp, HttpListener, TlsPair } from "../core/http_host.ts";
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

/** Where to listen for HTTP. */
export interface HttpPlaces {
  /** Host names and addresses. */
  readonly hostnames: readonly string[];
  /** The TCP port of all; 0 lets the system choose one for all. */
  readonly port: number;
  /** Makes it HTTPS. */
  readonly tls?: TlsPair;
}

/** As {@linkcode listenEverywhere}, for HTTP. */
export async function listenHttpEverywhere(
  places: HttpPlaces,
  answer: AnswerHttp,
  logger: Logger,
): Promise<readonly HttpListener[]> {
  const listeners: HttpListener[] = [];
  let first: UsageError | undefined;
  const report = (error: unknown) =>
    logger.log("error", `accept: ${messageOf(error)}`);
  const { tls } = places;
  for (const hostname of places.hostnames) {
    try {
      for (const address of await host().addressesOf(hostname)) {
        const chosen = listeners[0]?.port ?? 0;
        const port = places.port === 0 ? chosen : places.port;
        const where = { hostname: address, port };
        listeners.push(
          await host().listenHttp(
            tls === undefined ? where : { ...where, tls },
            answer,
            report,
          ),
        );
      }
    } catch (error) {
      if (!(error instanceof UsageError)) {
        for (const listener of listeners) listener.abort();
        throw error;
      }
      first ??= error;
      logger.log("error", error.message);
    }
  }
  if (listeners.length === 0 && first !== undefined) throw first;
  return listeners;
}
