/**
 * One connection that another server has accepted for us: inetd, systemd, or
 * whatever puts a socket on standard input and output.
 *
 * @module
 */

import type { Connection } from "../core/host.ts";
import { host } from "../runtime/detect.ts";
import { currentProcess } from "../runtime/process.ts";
import { runSession } from "../server/session.ts";
import { sessionContext } from "./session.ts";
import type { ServeTcpOptions } from "./tcp.ts";

/** How one connection is served. */
export type ServeInetdOptions = Pick<
  ServeTcpOptions,
  | "backend"
  | "limits"
  | "terms"
  | "services"
  | "accessHook"
  | "createOnPush"
  | "informativeErrors"
  | "logger"
>;

/**
 * Serves the git:// connection on standard input and output. Who is there is
 * what REMOTE_ADDR and REMOTE_PORT say. Resolves to "failed" after a failure
 * that was logged, a refusal among them.
 */
export async function serveInetd(
  options: ServeInetdOptions,
): Promise<"done" | "failed"> {
  const context = sessionContext(options);
  const { env } = currentProcess();
  const address = env("REMOTE_ADDR");
  const port = env("REMOTE_PORT");
  const connection = host().stdio();
  if (address !== undefined) {
    const peer = `${address}:${port ?? ""}`;
    context.logger.log("info", `Connection from ${peer}`);
  }
  return await runSession(
    address === undefined
      ? connection
      : cameFrom(connection, `${address}:${port ?? ""}`, address),
    context,
    { logger: context.logger, signal: new AbortController().signal },
  );
}

/** A connection whose peer is known by other means. */
function cameFrom(
  connection: Connection,
  peer: string,
  address: string,
): Connection {
  return {
    peer,
    address: address.replace(/^\[(.*)\]$/, "$1"),
    get sent() {
      return connection.sent ?? 0;
    },
    read: (into, signal) => connection.read(into, signal),
    write: (bytes, signal) => connection.write(bytes, signal),
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
  };
}
