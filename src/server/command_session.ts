/**
 * One session over a connection that another program has opened for us, such
 * as ssh: the service and the repository come as arguments, not as a request
 * line.
 *
 * @module
 */

import { ProtocolError, RefusedError, UsageError } from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import type { ServiceName } from "../wire/git_request.ts";
import { highestVersion } from "../wire/protocol_version.ts";
import type { SessionContext } from "./session_context.ts";
import { termsOfSession } from "./session_ids.ts";
import { messageForPeer } from "../service/failure.ts";
import { PacketWriter } from "../pktline/writer.ts";
import { openTarget, type Target } from "./push_target.ts";
import type { ServiceRow } from "./services.ts";
import { refuseSilence } from "./silent_peer.ts";
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
 * repository cannot be opened, before anything was sent but for archives, and
 * where the service failed, after the peer was told.
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
  let target: Target;
  try {
    // Whoever may start the program may use it.
    const allowed = { ...row, isEnabled: ALLOWED };
    target = await openTarget(allowed, context, asked.path);
  } catch (error) {
    if (row.name !== "upload-archive") throw error;
    throw await toldArchiver(connection, error);
  }
  try {
    await serve(connection, context, asked, row, target);
  } finally {
    target.done();
  }
}

const ALLOWED = true;

async function serve(
  connection: Connection,
  context: SessionContext,
  asked: CommandSession,
  { name, run }: ServiceRow,
  { repository }: Target,
): Promise<void> {
  if (run === undefined) return;
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
  const protocol = highestVersion(asked.protocol);
  const { terms } = context;
  await run({
    repository,
    connection: timed,
    protocol,
    clock: context.clock,
    logger: context.logger,
    kernels: context.kernels,
    signal,
    limits: context.limits,
    agent: context.agent,
    terms: termsOfSession(context, repository.config),
    path: asked.path,
    ...(context.hooks === undefined ? {} : { hooks: context.hooks }),
    ...(context.origin === undefined ? {} : { origin: context.origin }),
  });
  refuseSilence(timed, { ...terms, service: name, protocol });
}

const ARCHIVER_DIED = "git upload-archive: archiver died with error";

/**
 * Tells a client of `upload-archive` why there is no repository, and gives the
 * error for our own side. git looks for it in a process of its own, once the
 * service has been agreed to (builtin/upload-archive.c).
 */
async function toldArchiver(
  connection: Connection,
  error: unknown,
): Promise<RefusedError> {
  const writer = new PacketWriter(connection);
  writer.put("ACK\n");
  writer.putFlush();
  const why = error instanceof UsageError
    ? error.message
    : `fatal: ${messageForPeer(error)}`;
  writer.putBand(2, `${why}\n`);
  writer.putBand(3, ARCHIVER_DIED);
  await writer.send();
  return new RefusedError(
    "no-such-repository",
    `sent error to the client: ${ARCHIVER_DIED}`,
    { cause: error },
  );
}
