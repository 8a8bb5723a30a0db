/**
 * Smart HTTP: the services behind `info/refs?service=` and POST, each run as a
 * session whose connection is one exchange.
 *
 * @see https://git-scm.com/docs/gitprotocol-http
 * @module
 */

import { fromBinary } from "../../core/bytes.ts";
import { GitsrvError, ProtocolError } from "../../core/errors.ts";
import { encodePacket } from "../../pktline/packet.ts";
import { NO_ORIGIN } from "../../service/receive_pack/identity.ts";
import type {
  Service,
  ServiceContext,
  SessionTerms,
} from "../../service/types.ts";
import type { Repository } from "../../storage/types.ts";
import { highestVersion } from "../../wire/protocol_version.ts";
import type { ServiceRow } from "../services.ts";
import { termsOfSession } from "../session_ids.ts";
import { TimedConnection } from "../timed_connection.ts";
import { AnswerBody } from "./answer_body.ts";
import {
  ExchangeConnection,
  NO_INPUT,
  type SessionInput,
} from "./exchange_connection.ts";
import { HttpError } from "./http_error.ts";
import { logFailure } from "./log.ts";
import { NO_CACHE } from "./replies.ts";
import { type BodyLimits, RequestBody } from "./request_body.ts";
import type { Exchange } from "./types.ts";

/** `Git-Protocol` of more characters says nothing. */
const MAX_PROTOCOL = 1024;
/** Most bytes of a request for upload-pack unless told: http-backend.c. */
const MAX_BUFFER = 10 * 1024 * 1024;
/** Requests are ids in hex and words: less than half of it is left. */
const MAX_EXPANSION = 4;

/** A service that may be used, and what it is used on. */
export interface OpenedService {
  /** The service. */
  readonly row: ServiceRow & { readonly run: Service };
  /** The repository. */
  readonly repository: Repository;
  /** Its path, as the client has named it. */
  readonly path: string;
  /** To be called when the session is over. */
  done(): void;
}

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
    prefix: isPlain ? "" : `# service=git-${name}\n`,
    type: `application/x-git-${name}-advertisement`,
  });
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
    prefix: "",
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
  { context: { limits } }: Exchange,
  { row, repository }: OpenedService,
): BodyLimits {
  const most = limits.maxBodyBytes === 0 ? Infinity : limits.maxBodyBytes;
  if (row.name === "receive-pack") return { raw: most, decoded: most };
  const buffer = repository.config.integer("http.maxrequestbuffer") ??
    MAX_BUFFER;
  const raw = Math.min(most, buffer);
  return { raw, decoded: raw * MAX_EXPANSION };
}

interface Run {
  readonly input: SessionInput;
  readonly body?: RequestBody;
  readonly terms: Pick<SessionTerms, "stateless" | "advertiseOnly">;
  readonly prefix: string;
  readonly type: string;
}

async function run(
  exchange: Exchange,
  opened: OpenedService,
  { input, body, terms, prefix, type }: Run,
): Promise<Response> {
  const { context, ending, peer, logger, request } = exchange;
  const { repository, row, path } = opened;
  const answer = new AnswerBody((reason) =>
    ending.abort(
      new ProtocolError("disconnected", "the client has left", {
        cause: reason,
      }),
    )
  );
  const { timeoutMs } = context.limits;
  const connection = new TimedConnection(
    new ExchangeConnection(peer, input, answer),
    {
      clock: context.clock,
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
    },
  );
  const { errands, answers, hooks, origin } = context;
  const session = async () => {
    try {
      if (prefix !== "") {
        await answer.write(encodePacket(fromBinary(prefix)));
        await answer.write(fromBinary("0000"));
      }
      await row.run({
        repository,
        connection,
        protocol: protocolOf(request),
        clock: context.clock,
        logger,
        kernels: context.kernels,
        signal: ending.signal,
        limits: context.limits,
        agent: context.agent,
        terms: { ...termsOfSession(context, repository.config), ...terms },
        ...(errands === undefined ? {} : { errands }),
        ...(answers === undefined ? {} : { answers }),
        path,
        ...(hooks === undefined ? {} : { hooks }),
        ...(origin === undefined ? {} : { origin: namedOrigin(exchange) }),
      });
      answer.end();
    } catch (error) {
      logFailure(logger, error);
      const status = statusOf(error, body, ending.signal);
      if (status !== undefined && answer.isHeld) answer.fail(status);
      // Whoever was told why reads an answer that ends.
      else if (error instanceof GitsrvError) answer.end();
      else answer.fail(error);
    } finally {
      connection[Symbol.dispose]();
      input.close();
      opened.done();
    }
  };
  void session();
  return await answer.response({
    headers: { ...NO_CACHE, "Content-Type": type },
  });
}

/** What is better told by a status than by what the service has said. */
function statusOf(
  error: unknown,
  body: RequestBody | undefined,
  signal: AbortSignal,
): HttpError | undefined {
  if (body?.failure !== undefined) return body.failure;
  if (signal.reason instanceof HttpError) return signal.reason;
  return error instanceof HttpError ? error : undefined;
}

function protocolOf({ headers }: Request): 0 | 1 | 2 {
  const text = headers.get("git-protocol") ?? "";
  return text.length > MAX_PROTOCOL ? 0 : highestVersion(text);
}

/** Who has pushed, as far as nobody has said: http-backend.c, run_service. */
function namedOrigin(
  { context: { origin }, user, peer }: Exchange,
): NonNullable<ServiceContext["origin"]> {
  const name = user ?? "anonymous";
  const address = peer.address === "" ? "(none)" : peer.address;
  return async (config) => ({
    name,
    email: `${name}@http.${address}`,
    ...(await origin?.(config) ?? NO_ORIGIN),
  });
}
