/**
 * The server on git://.
 *
 * @module
 */

import type { ListenPlaces } from "./listen.ts";
import {
  type RunningServer,
  type ServeOptions,
  startServer,
} from "./server.ts";

/** How {@linkcode serveTcp} serves. */
export interface ServeTcpOptions extends ServeOptions {
  /**
   * Addresses to listen on, or host names, which stand for all of theirs;
   * "127.0.0.1" unless told, or none where there are `socketPaths`.
   */
  readonly hostname?: string | readonly string[];
  /** Port to listen on; 9418 unless told, 0 lets the system choose. */
  readonly port?: number;
  /**
   * Unix domain sockets to listen on, by their absolute paths. A socket that
   * nobody listens on any more is replaced.
   */
  readonly socketPaths?: readonly string[];
  /** The mode of these sockets: who may connect; 0o600 unless told. */
  readonly socketMode?: number;
}

/**
 * Serves git:// on TCP, and on Unix domain sockets. Resolves once it listens;
 * rejects with a UsageError (code "EADDRINUSE", "EACCES"...) where it cannot
 * in any of the places; others that it cannot are logged.
 *
 * @example Serve one repository, and stop
 * ```ts
 * import assert from "node:assert/strict";
 * import { DictBackend, MemoryRepository, serveTcp } from "@gitsrv/gitsrv";
 *
 * const backend = new DictBackend({ "hello.git": new MemoryRepository() });
 * const server = await serveTcp({ backend, port: 0 });
 * assert.equal(server.hostname, "127.0.0.1");
 * // Now: git clone git://127.0.0.1:<server.port>/hello.git
 * await server.close();
 * ```
 */
export async function serveTcp(
  options: ServeTcpOptions,
): Promise<RunningServer> {
  return await startServer(options, { git: placesOf(options) });
}

function placesOf(options: ServeTcpOptions): ListenPlaces {
  const { hostname, socketPaths = [] } = options;
  const usual = socketPaths.length > 0 ? [] : ["127.0.0.1"];
  return {
    hostnames: typeof hostname === "string" ? [hostname] : hostname ?? usual,
    port: options.port ?? 9418,
    socketPaths,
    socketMode: options.socketMode ?? 0o600,
  };
}
