/**
 * Answers requests: what is asked for, who asks, whether they may, and who
 * answers. Free of sockets, files and the runtime.
 *
 * @module
 */

import { messageOf, ProtocolError, RefusedError } from "../../core/errors.ts";
import type { AnswerHttp, HttpPeer } from "../../core/http_host.ts";
import { messageForPeer } from "../../service/failure.ts";
import { withFields } from "../log.ts";
import { admit, identityOf, WRONG_CREDENTIALS } from "./admission.ts";
import { answerFile } from "./files.ts";
import { isForeign } from "./foreign.ts";
import { HttpError } from "./http_error.ts";
import { refuseLfs } from "./lfs.ts";
import { logFailure } from "./log.ts";
import { type OpenedService, openPlain, openService } from "./opening.ts";
import { reply } from "./replies.ts";
import { requestUrl } from "./request_url.ts";
import { findRoute, type PlainRoute, type ServiceRoute } from "./routes.ts";
import { advertise, callService } from "./smart.ts";
import type { Exchange, HttpContext } from "./types.ts";
import { Visit } from "./visit.ts";

/** When those who find the server busy may come again, seconds. */
const RETRY_S = "5";

/** Answers requests with what `context` has. */
export function httpHandler(context: HttpContext): AnswerHttp {
  const { clock, closing, seats } = context;
  let count = 0;
  return async (request, peer) => {
    const logger = withFields(context.logger, { session: ++count });
    const visit = new Visit();
    if (closing !== undefined) visit.endWith(closing);
    // Not the request's own signal: some hosts abort that after every answer.
    if (peer.gone !== undefined) visit.endWith(peer.gone, clientLeft);
    const { ending } = visit;
    // Who waits for a password to be checked is in nobody's way.
    const identity = await identityOf(request, peer, context);
    const asked = { request, peer, context, logger };
    const exchange = { ...asked, identity, visit, ending };
    const leave = seats.take(peer.address);
    const begun = clock.monotonic();
    let line = lineOf(request, 500);
    try {
      const response = await answerOrStatus(
        exchange,
        leave === undefined ? refuseBusy : answer,
      );
      line = lineOf(request, response.status);
      return request.method === "HEAD" ? await headOf(response) : response;
    } finally {
      void visit.over().then(() => {
        leave?.();
        const { user, answer } = visit;
        const ms = Math.round(clock.monotonic() - begun);
        logger.log("info", line, { user, bytes: answer?.sent, ms });
      });
    }
  };
}

async function answerOrStatus(
  exchange: Exchange,
  answer: (exchange: Exchange) => Promise<Response>,
): Promise<Response> {
  const { ending: { signal }, identity, request } = exchange;
  const logger = withFields(exchange.logger, {
    request: targetOf(request),
    user: identity.type === "user" ? identity.name : undefined,
  });
  try {
    return await answer(exchange);
  } catch (error) {
    const refusal = statusOf(error);
    if (refusal === undefined) {
      logFailure(logger, error);
      return reply(500, "");
    }
    // Clients of git's ask without credentials first, each time.
    const isAsked = refusal.status === 401 &&
      refusal.code !== WRONG_CREDENTIALS;
    if (!isAsked && !signal.aborted) logFailure(logger, error);
    return reply(refusal.status, refusal.message, refusal.headers);
  }
}

/** The status that an error is told by, if there is a better one than 500. */
function statusOf(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof ProtocolError) {
    const words = messageForPeer(error);
    return new HttpError(400, error.code, words, { cause: error.cause });
  }
  if (!(error instanceof RefusedError)) return undefined;
  const { code, message } = error;
  return code === "aborted" || code === "closing"
    ? new HttpError(503, code, message, { headers: { "Retry-After": RETRY_S } })
    : undefined;
}

function refuseBusy(): Promise<Response> {
  return Promise.reject(
    new HttpError(503, "busy", "Too many requests, try later", {
      headers: { "Retry-After": RETRY_S },
    }),
  );
}

async function answer(exchange: Exchange): Promise<Response> {
  const { request, peer, context } = exchange;
  const url = requestUrl(request);
  if (url === undefined) {
    throw new HttpError(400, "bad-url", "Bad request: no such URL can be");
  }
  const route = findRoute(request.method, url);
  switch (route.kind) {
    case "unknown":
      throw new HttpError(404, "no-such-request", "Not found");
    case "wrong-method":
      // http-backend.c: bad_request.
      return peer.protocol === "HTTP/1.0"
        ? reply(400, "")
        : reply(405, "", { Allow: route.allow });
    case "plain":
      return await answerPlain(exchange, route);
    case "info-refs":
      return await withService(exchange, route, advertise);
    case "service":
      if (isForeign(request, context.cors ?? [])) {
        throw new HttpError(403, "foreign", "Forbidden: another site's page");
      }
      return await withService(exchange, route, callService);
    case "lfs":
      return refuseLfs();
    case "index":
    case "page":
      if (context.pages !== undefined) {
        return await context.pages(exchange, route);
      }
      throw new HttpError(404, "no-such-request", "Not found");
  }
}

/** Gives a file to somebody who may have it. */
async function answerPlain(
  exchange: Exchange,
  { path, thing }: PlainRoute,
): Promise<Response> {
  const admitted = await admit(exchange, path, "files");
  const opened = await openPlain(admitted, path);
  return await answerFile(admitted, { ...opened, path, thing });
}

/** Has a service answer somebody who may have it. */
async function withService(
  exchange: Exchange,
  { service, path }: ServiceRoute,
  serve: (exchange: Exchange, opened: OpenedService) => Promise<Response>,
): Promise<Response> {
  const row = exchange.context.services.find(({ name }) =>
    `git-${name}` === service
  );
  const admitted = await admit(exchange, path, row?.name ?? "files");
  const opened = await openService(admitted, row, path);
  try {
    return await serve(admitted, opened);
  } catch (error) {
    opened.done();
    throw error;
  }
}

function clientLeft(): ProtocolError {
  return new ProtocolError("disconnected", "the client has left");
}

/** The line of the log for one request. */
function lineOf(request: Request, status: number): string {
  return `${targetOf(request)} ${status}`;
}

/** Method and path, which is as it is in the URL. */
function targetOf(request: Request): string {
  return `${request.method} ${requestUrl(request)?.pathname ?? "?"}`;
}

/** The same answer without its body. */
async function headOf({ body, status, headers }: Response): Promise<Response> {
  if (body === null) return new Response(null, { status, headers });
  await body.cancel().catch((error) => messageOf(error));
  const rest = headers.has("content-length") ? null : unknownBody();
  return new Response(rest, { status, headers });
}

/** Nothing, of which runtimes do not say that its length is 0. */
function unknownBody(): ReadableStream<Uint8Array> {
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) =>
    controller.close();
  return new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
}

/** For those who embed us: nothing is known of the peer. */
export const UNKNOWN_PEER: HttpPeer = {
  peer: "http",
  address: "",
  isSecure: false,
};
