/**
 * Answers requests: what is asked for, who asks, whether they may, and who
 * answers. Free of sockets, files and the runtime.
 *
 * @module
 */

import { messageOf, RefusedError } from "../../core/errors.ts";
import type { AnswerHttp, HttpPeer } from "../../core/http_host.ts";
import { withFields } from "../log.ts";
import { openTarget } from "../push_target.ts";
import type { ServiceRow } from "../services.ts";
import { admit, couldHelp, isServed, unauthorized } from "./admission.ts";
import { HttpError } from "./http_error.ts";
import { logFailure } from "./log.ts";
import { reply } from "./replies.ts";
import { findRoute, type RepositoryRoute } from "./routes.ts";
import { advertise, callService, type OpenedService } from "./smart.ts";
import type { Exchange, HttpContext } from "./types.ts";

/** Answers requests with what `context` has. */
export function httpHandler(context: HttpContext): AnswerHttp {
  let count = 0;
  return async (request, peer) => {
    const logger = withFields(context.logger, { session: ++count });
    const ending = endingWith(context.closing);
    const exchange = { request, peer, context, logger, ending };
    const response = await answerOrStatus(exchange);
    logger.log(
      "info",
      `${request.method} ${new URL(request.url).pathname} ${response.status}`,
    );
    return request.method === "HEAD" ? await headOf(response) : response;
  };
}

async function answerOrStatus(exchange: Exchange): Promise<Response> {
  try {
    return await answer(exchange);
  } catch (error) {
    if (error instanceof HttpError) {
      exchange.logger.log("error", error.message);
      return reply(error.status, error.message, error.headers);
    }
    logFailure(exchange.logger, error);
    return reply(500, "");
  }
}

async function answer(exchange: Exchange): Promise<Response> {
  const { request } = exchange;
  const route = findRoute(request.method, new URL(request.url));
  switch (route.kind) {
    case "unknown":
      throw new HttpError(404, "no-such-request", "Not found");
    case "wrong-method":
      return reply(405, "", { Allow: route.allow });
    case "info-refs":
    case "service":
      return await answerService(exchange, route);
  }
}

async function answerService(
  exchange: Exchange,
  route: RepositoryRoute,
): Promise<Response> {
  const { service, path } = route;
  if (service === undefined) {
    throw new HttpError(404, "no-such-request", "Not found");
  }
  const row = exchange.context.services.find(({ name }) =>
    `git-${name}` === service
  );
  const admitted = await admit(exchange, path, row?.name ?? "files");
  const opened = await open(admitted, row, path);
  try {
    return route.kind === "info-refs"
      ? await advertise(admitted, opened)
      : await callService(admitted, opened);
  } catch (error) {
    opened.done();
    throw error;
  }
}

/** In git's order: first whether there is a repository, then the service. */
async function open(
  exchange: Exchange,
  row: ServiceRow | undefined,
  path: string,
): Promise<OpenedService> {
  const { context } = exchange;
  const target = row === undefined
    ? await openFor(() => context.backend.openRepository(path))
      .then((repository) => ({ repository, done() {} }))
    : await openFor(() => openTarget(row, context, path));
  try {
    if (row === undefined) {
      throw new HttpError(
        403,
        "no-such-service",
        "Unsupported service",
      );
    }
    const { run } = row;
    const { repository } = target;
    if (run === undefined || !isServed(row, repository, exchange.user)) {
      if (couldHelp(exchange, row, repository)) throw unauthorized(exchange);
      throw new HttpError(
        403,
        "service-not-enabled",
        `Service not enabled: '${row.name}'`,
      );
    }
    return {
      row: { ...row, run },
      repository,
      path,
      done: target.done,
    };
  } catch (error) {
    target.done();
    throw error;
  }
}

/** What a client may not have is not there. */
async function openFor<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof RefusedError)) throw cause;
    throw new HttpError(404, cause.code, "Not found", {
      cause: cause.cause ?? cause,
    });
  }
}

/** A controller that aborts with `closing`. */
function endingWith(closing: AbortSignal | undefined): AbortController {
  const ending = new AbortController();
  if (closing === undefined) return ending;
  if (closing.aborted) ending.abort(closing.reason);
  const abort = () => ending.abort(closing.reason);
  closing.addEventListener("abort", abort, {
    once: true,
    signal: ending.signal,
  });
  return ending;
}

/** The same answer without its body. */
async function headOf(response: Response): Promise<Response> {
  const { status, headers } = response;
  await response.body?.cancel().catch((error) => messageOf(error));
  return new Response(null, { status, headers });
}

/** For those who embed us: nothing is known of the peer. */
export const UNKNOWN_PEER: HttpPeer = {
  peer: "http",
  address: "",
  isSecure: false,
};
