/**
 * One session over a connection that another program has opened for us, such
 * as ssh: the service and the repository come as arguments, not as a request
 * line.
 *
 * @module
 */

import { ProtocolError, RefusedError } from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import type { ServiceName } from "../wire/git_request.ts";
import { highestVersion } from "../wire/protocol_version.ts";
import type { SessionContext } from "./session_context.ts";
import { termsOfSession } from "./session_ids.ts";
import { TimedConnection } from "./timed_connection.ts";

/** What is asked for. */
export interface CommandSession {
  /** The service. */
  readonly service: ServiceName;
  /** The repository, as the backend takes it. */
  readonly path: string;
  /** The value of `GIT_PROTOCOL`, or "". */
  readonly protocol: string;
  /** Ends the session. */
  readonly signal?: AbortSignal;
}

/**
 * Serves one session over `connection`, which stays open. Rejects where the
 * repository cannot be opened, before anything was sent, and where the service
 * failed, after the peer was told.
 */
export async function runCommandSession(
  connection: Connection,
  context: SessionContext,
  asked: CommandSession,
): Promise<void> {
  const row = context.services.find(({ name }) => name === asked.service);
  if (row?.run === undefined) {
    throw new RefusedError(
      "service-not-enabled",
      `'git-${asked.service}' is not served`,
    );
  }
  const repository = await context.backend.openRepository(asked.path);
  const idle = new AbortController();
  const signal = asked.signal === undefined
    ? idle.signal
    : AbortSignal.any([asked.signal, idle.signal]);
  const { timeoutMs } = context.limits;
  using timed = new TimedConnection(connection, {
    clock: context.clock,
    idleMs: timeoutMs,
    signal,
    onIdle: () =>
      idle.abort(
        new ProtocolError(
          "timeout",
          `timeout: the client was idle for ${timeoutMs / 1000} s`,
        ),
      ),
  });
  await row.run({
    repository,
    connection: timed,
    protocol: highestVersion(asked.protocol),
    clock: context.clock,
    logger: context.logger,
    kernels: context.kernels,
    signal,
    limits: context.limits,
    agent: context.agent,
    terms: termsOfSession(context),
  });
}
