/**
 * Smart HTTP: the services behind `info/refs?service=` and POST, each run as a
 * session whose connection is one exchange.
 *
 * @see https://git-scm.com/docs/gitprotocol-http
 * @module
 */

import { concatBytes, fromBinary } from "../../core/bytes.ts";
import { type GitsrvError, RefusedError } from "../../core/errors.ts";
import { encodePacket } from "../../pktline/packet.ts";
import type { Service, SessionTerms } from "../../service/types.ts";
import { kindOf } from "../access/decide.ts";
import { refuseSilence } from "../silent_peer.ts";
import { callerOf, namedOrigin } from "./caller.ts";
import {
  ExchangeConnection,
  NO_INPUT,
  type SessionInput,
} from "./exchange_connection.ts";
import { answerBody, exchangeSession, protocolOf } from "./exchange_session.ts";
import { HttpError } from "./http_error.ts";
import { logFailure } from "./log.ts";
import type { OpenedService } from "./opening.ts";
import { saysWhy } from "./last_words.ts";
import { NO_CACHE } from "./replies.ts";
import { type BodyLimits, RequestBody } from "./request_body.ts";
import type { Exchange } from "./types.ts";

/** Requests are ids in hex and words: less than half of it is left. */
const MAX_EXPANSION = 4;
const NOTHING = new Uint8Array(0);

/** The refs and what can be done: `info/refs?service=git-...`. */
export async function advertise(
  exchange: Exchange,
  opened: OpenedService,
): Promise<Response> {
  const { name } = opened.row;
  const isPlain = protocolOf(exchange.request) === 2;
  return await run(exchange, opened, {
    input: NO_INPUT,
    terms: { stateless: true, advertiseOnly: true },
    // http-backend.c, get_info_refs: whatever the service.
    head: isPlain ? NOTHING : serviceHead(name),
    type: `application/x-git-${name}-advertisement`,
    // It has nothing to say before it was asked for something.
    ...(name === "upload-archive" ? { service: nothing } : {}),
  });
}

async function nothing(): Promise<void> {}

function serviceHead(name: string): Uint8Array {
  const line = encodePacket(fromBinary(`# service=git-${name}\n`));
  return concatBytes([line, fromBinary("0000")]);
}

/** One request to a service, and its answer. Throws an HttpError. */
export async function callService(
  exchange: Exchange,
  opened: OpenedService,
): Promise<Response> {
  const { name } = opened.row;
  checkType(exchange.request, `application/x-git-${name}-request`);
  const body = new RequestBody(exchange.request, bodyLimits(exchange, opened));
  return await run(exchange, opened, {
    input: body,
    body,
    terms: { stateless: true, advertiseOnly: false },
    head: NOTHING,
    type: `application/x-git-${name}-result`,
  });
}

/** http-backend.c: check_content_type. */
function checkType(request: Request, expected: string): void {
  const given = request.headers.get("content-type") ?? "";
  if (given === expected) return;
  throw new HttpError(
    415,
    "content-type",
    `Expected POST with Content-Type '${expected}', ` +
      `but received '${given}' instead.`,
  );
}

/** What bodies may come to: pushes are bounded by receive.maxInputSize. */
function bodyLimits(
  { context }: Exchange,
  { row, settings }: OpenedService,
): BodyLimits {
  const { maxBodyBytes } = context.limits;
  const most = maxBodyBytes === 0 ? Infinity : maxBodyBytes;
  if (row.name === "receive-pack") return { raw: most, decoded: most };
  const buffer = context.maxRequestBuffer ?? settings.maxRequestBuffer;
  const raw = Math.min(most, buffer);
  return { raw, decoded: raw * MAX_EXPANSION };
}

interface Run {
  readonly input: SessionInput;
  readonly body?: RequestBody;
  readonly terms: Pick<SessionTerms, "stateless" | "advertiseOnly">;
  /** What the answer begins with. */
  readonly head: Uint8Array;
  readonly type: string;
  /** Other than what the row runs. */
  readonly service?: Service;
}

async function run(
  exchange: Exchange,
  opened: OpenedService,
  { input, body, terms, head, type, service = opened.row.run }: Run,
): Promise<Response> {
  const { context: { hooks, origin }, ending, visit, logger } = exchange;
  const answer = answerBody(exchange, head);
  const given = exchangeSession(
    exchange,
    opened,
    new ExchangeConnection(exchange.peer, input, answer),
  );
  const asked = { ...terms, service: opened.row.name };
  const session = async () => {
    try {
      await service({
        ...given,
        terms: { ...given.terms, ...terms },
        ...(hooks === undefined ? {} : { hooks }),
        ...(origin === undefined ? {} : { origin: namedOrigin(exchange) }),
        // Nobody else tells of who asks, and it takes looks at the machine.
        ...(kindOf(opened.row) === "write"
          ? { caller: await callerOf(exchange, opened.repository) }
          : {}),
      });
      refuseSilence(given.connection, { ...asked, protocol: given.protocol });
      answer.end();
      // A client may send what nobody wants, and read only then.
      input.close();
      await given.connection.watch(answer.taken(ending.signal));
    } catch (error) {
      const status = statusOf(error, body, ending.signal);
      const isTold = saysWhy(answer.last);
      // What is held becomes a status, which is logged as such.
      if (answer.isHeld && (status !== undefined || !isTold)) {
        return answer.fail(status ?? error);
      }
      logFailure(logger, error);
      // Whoever was told why reads an answer that ends, and nobody else does.
      if (isTold) answer.end();
      else answer.fail(error);
    } finally {
      given.connection[Symbol.dispose]();
      input.close();
      opened.done();
    }
  };
  visit.keep(session());
  return await answer.response({
    headers: { ...NO_CACHE, "Content-Type": type },
  });
}

/** What is better told by a status than by what the service has said. */
function statusOf(
  error: unknown,
  body: RequestBody | undefined,
  signal: AbortSignal,
): GitsrvError | undefined {
  if (body?.failure !== undefined) return body.failure;
  // Our own limits, and the server's end; not a client that has left.
  const { reason } = signal;
  if (reason instanceof HttpError || reason instanceof RefusedError) {
    return reason;
  }
  return error instanceof HttpError ? error : undefined;
}
