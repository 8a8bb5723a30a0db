/**
 * One git:// connection from its first byte to its close: the request line,
 * the repository, the service.
 *
 * @see https://git-scm.com/docs/git-daemon
 * @module
 */

import { binaryToUtf8, printable, utf8ToBinary } from "../core/bytes.ts";
import {
  GitsrvError,
  messageOf,
  ProtocolError,
  RefusedError,
} from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import { messageForPeer } from "../service/failure.ts";
import type { Service } from "../service/types.ts";
import type { Repository } from "../storage/types.ts";
import { type GitRequest, parseGitRequest } from "../wire/git_request.ts";
import { highestVersion } from "../wire/protocol_version.ts";
import { decide, kindOf, withGrant } from "./access/decide.ts";
import { closeGently, sendError } from "./farewell.ts";
import { askedHost } from "./host_names.ts";
import { openTarget, type Target } from "./push_target.ts";
import { HOOK_REFUSED, notEnabled, refusalMessage } from "./refusal.ts";
import { readRequestLine } from "./request_line.ts";
import type { ServiceRow } from "./services.ts";
import type { SessionContext } from "./session_context.ts";
import { termsOfSession } from "./session_ids.ts";
import { TimedConnection } from "./timed_connection.ts";

/** What one session is given beside what all share. */
export interface SessionOptions {
  /** The log, whose lines say which session this is. */
  readonly logger: Logger;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** Called once the request is known and the work begins. */
  readonly onRequest?: () => void;
}

/**
 * Serves one connection, which it takes and closes. Never rejects: resolves to
 * "done", or to "failed" after the failure was logged.
 */
export async function runSession(
  accepted: Connection,
  context: SessionContext,
  options: SessionOptions,
): Promise<"done" | "failed"> {
  const ending = new AbortController();
  const abort = () => ending.abort(options.signal.reason);
  options.signal.addEventListener("abort", abort, { once: true });
  if (options.signal.aborted) abort();
  const { timeoutMs } = context.limits;
  const connection = new TimedConnection(accepted, {
    clock: context.clock,
    idleMs: timeoutMs,
    signal: ending.signal,
    onIdle: () =>
      ending.abort(
        new ProtocolError(
          "timeout",
          `timeout: the client was idle for ${timeoutMs / 1000} s`,
        ),
      ),
  });
  const session = new Session(connection, context, options, ending);
  try {
    await session.run();
    await closeGently(connection, ending.signal);
    return "done";
  } catch (error) {
    logFailure(options.logger, error);
    await closeGently(connection, ending.signal);
    return "failed";
  } finally {
    options.signal.removeEventListener("abort", abort);
    connection.close();
  }
}

interface Opened {
  readonly service: Service;
  readonly target: Target;
}

class Session {
  #connection: TimedConnection;
  #context: SessionContext;
  #options: SessionOptions;
  #ending: AbortController;

  constructor(
    connection: TimedConnection,
    context: SessionContext,
    options: SessionOptions,
    ending: AbortController,
  ) {
    this.#connection = connection;
    this.#context = context;
    this.#options = options;
    this.#ending = ending;
  }

  async run(): Promise<void> {
    const request = await this.#request();
    if (request === undefined) return;
    this.#options.onRequest?.();
    const opened = await this.#open(request);
    try {
      await this.#serve(request, opened);
    } finally {
      opened.target.done();
    }
  }

  async #serve(request: GitRequest, opened: Opened): Promise<void> {
    const { service, target: { repository } } = opened;
    const { clock, kernels, limits, agent } = this.#context;
    const { errands, answers, hooks, origin } = this.#context;
    await service({
      repository,
      connection: this.#connection,
      protocol: highestVersion(request.protocol),
      clock,
      logger: this.#options.logger,
      kernels,
      signal: this.#ending.signal,
      limits,
      agent,
      terms: termsOfSession(this.#context, repository.config),
      ...(errands === undefined ? {} : { errands }),
      ...(answers === undefined ? {} : { answers }),
      path: binaryToUtf8(request.path),
      ...(hooks === undefined ? {} : { hooks }),
      ...(origin === undefined ? {} : { origin }),
    });
  }

  /** The request; `undefined` where the peer left without one. */
  async #request(): Promise<GitRequest | undefined> {
    const { initTimeoutMs, timeoutMs } = this.#context.limits;
    const limit = initTimeoutMs === 0 ? timeoutMs : initTimeoutMs;
    const timer = limit === 0 ? undefined : setTimeout(() => {
      this.#ending.abort(
        new ProtocolError(
          "init-timeout",
          `init-timeout: no request within ${limit / 1000} s`,
        ),
      );
    }, limit);
    try {
      const line = await readRequestLine(
        this.#connection,
        this.#ending.signal,
      );
      return line === undefined ? undefined : this.#parse(line);
    } catch (error) {
      if (error instanceof ProtocolError) {
        await sendError(
          this.#connection,
          messageForPeer(error),
        );
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #parse(line: Uint8Array): GitRequest {
    const request = parseGitRequest(line);
    const { logger } = this.#options;
    const { host, protocol } = request;
    if (host !== undefined) {
      const port = host.port === "" ? "" : `:${host.port}`;
      logger.log("info", `Extended attribute "host": ${host.name}${port}`);
    }
    if (protocol !== "") {
      logger.log("info", `Extended attribute "protocol": ${protocol}`);
    }
    logger.log("info", `Request ${request.service} for '${request.path}'`);
    return request;
  }

  /** The service and the repository that were asked for, or a refusal. */
  async #open(
    request: GitRequest,
  ): Promise<Opened> {
    const row = this.#context.services.find(({ name }) =>
      name === request.service
    );
    try {
      if (row === undefined || (!row.isEnabled && !row.isOverridable)) {
        throw notEnabled(request.service, ".");
      }
      const { lookUpHost, accessHook } = this.#context;
      const host = request.host && askedHost(request.host, lookUpHost);
      const path = textOf(request.path);
      const asked = this.#granted(row, path);
      const target = await openTarget(asked, this.#context, path, host);
      try {
        const { repository } = target;
        const granted = this.#granted(row, path, repository);
        const service = enabledService(granted, repository, request.path);
        await accessHook?.({
          service: row.name,
          path,
          address: repository.address,
          host,
          connection: this.#connection,
          signal: this.#ending.signal,
          logger: this.#options.logger,
        });
        return { service, target };
      } catch (error) {
        target.done();
        throw error;
      }
    } catch (error) {
      await sendError(this.#connection, this.#messageFor(error, request.path));
      throw forLog(error, request.path);
    }
  }

  /** The row as rules have it. Throws where they refuse: nobody is known here. */
  #granted(row: ServiceRow, path: string, repository?: Repository): ServiceRow {
    const said = decide(this.#context, {
      path,
      kind: kindOf(row),
      ...(repository === undefined ? {} : { repository }),
    });
    if (said !== false) return withGrant(row, said);
    throw new RefusedError(
      "access-denied",
      `'${printable(path, 4096)}': no rule allows ${kindOf(row)} to everybody`,
    );
  }

  #messageFor(error: unknown, path: string): string {
    if (error instanceof RefusedError) {
      return refusalMessage(error, path, {
        informative: this.#context.informativeErrors,
      });
    }
    return messageForPeer(error);
  }
}

function enabledService(
  row: ServiceRow,
  repository: Repository,
  path: string,
): Service {
  const isEnabled = row.isOverridable
    ? repository.config.boolean(row.configKey) ?? row.isEnabled
    : row.isEnabled;
  if (!isEnabled || row.run === undefined) {
    throw notEnabled(row.name, ` for '${path}'`);
  }
  return row.run;
}

/** A refusal as daemon.c logs it: which repository, and what git says why. */
function forLog(error: unknown, path: string): unknown {
  if (!(error instanceof RefusedError)) return error;
  if (error.cause instanceof RefusedError) return error.cause;
  return error.code === "not-exported"
    ? new RefusedError(error.code, `'${path}': repository not exported.`)
    : error;
}

/** A path as text. What is not UTF-8 names no repository that we can open. */
function textOf(path: string): string {
  const text = binaryToUtf8(path);
  if (utf8ToBinary(text) === path) return text;
  throw new RefusedError(
    "no-such-repository",
    `'${printable(path)}' does not appear to be a git repository`,
  );
}

function logFailure(logger: Logger, error: unknown): void {
  // Why is the hook's own business; daemon.c logs nothing of it either.
  if (error instanceof RefusedError && error.code === HOOK_REFUSED) return;
  if (error instanceof GitsrvError) {
    const prefix = error instanceof RefusedError ? "" : "fatal: ";
    const cause = error.cause === undefined
      ? ""
      : `: ${messageOf(error.cause)}`;
    const level = error.code === "closing" ? "info" : "error";
    logger.log(level, `${prefix}${error.message}${cause}`);
    return;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  logger.log("error", `BUG: ${stack ?? messageOf(error)}`);
}
