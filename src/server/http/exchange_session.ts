/**
 * One exchange as a session: its time limit, and what services and errands are
 * given.
 *
 * @module
 */

import type { Connection } from "../../core/host.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { ServiceContext } from "../../service/types.ts";
import type { Repository } from "../../storage/types.ts";
import { highestVersion } from "../../wire/protocol_version.ts";
import { termsOfSession } from "../session_ids.ts";
import { TimedConnection } from "../timed_connection.ts";
import { AnswerBody } from "./answer_body.ts";
import { HttpError } from "./http_error.ts";
import type { Exchange } from "./types.ts";

/** `Git-Protocol` of more characters says nothing. */
const MAX_PROTOCOL = 1024;

/** What a session is given whose connection is watched. */
export type ExchangeSession = ServiceContext & {
  readonly connection: TimedConnection;
};

/** The body of the answer, behind `head`; a client that leaves ends the exchange. */
export function answerBody(
  { ending, visit }: Exchange,
  head?: Uint8Array,
): AnswerBody {
  return visit.answer = new AnswerBody(
    (cause) =>
      ending.abort(
        new ProtocolError("disconnected", "the client has left", { cause }),
      ),
    head,
  );
}

/** A session on `repository` over `connection`, which is given to it. */
export function exchangeSession(
  { context, ending, logger, request }: Exchange,
  { repository, path }: {
    readonly repository: Repository;
    readonly path: string;
  },
  connection: Connection,
): ExchangeSession {
  const { clock, limits, errands, answers } = context;
  const { timeoutMs } = limits;
  return {
    repository,
    connection: new TimedConnection(connection, {
      clock,
      idleMs: timeoutMs,
      signal: ending.signal,
      onIdle: () =>
        ending.abort(
          new HttpError(
            408,
            "timeout",
            `timeout: the client was idle for ${timeoutMs / 1000} s`,
          ),
        ),
    }),
    protocol: protocolOf(request),
    clock,
    logger,
    kernels: context.kernels,
    signal: ending.signal,
    limits,
    agent: context.agent,
    terms: termsOfSession(context, repository.config),
    ...(errands === undefined ? {} : { errands }),
    ...(answers === undefined ? {} : { answers }),
    path,
  };
}

/** The protocol version that a request asks for. */
export function protocolOf({ headers }: Request): 0 | 1 | 2 {
  const text = headers.get("git-protocol") ?? "";
  return text.length > MAX_PROTOCOL ? 0 : highestVersion(text);
}
