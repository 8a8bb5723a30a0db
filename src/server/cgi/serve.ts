/**
 * One request that a web server hands over by CGI, answered as by
 * `git http-backend`: it decides what is asked for and whether it is there in
 * git's order and words; everything else is the HTTP server's.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @module
 */

import {
  GitsrvError,
  messageOf,
  RefusedError,
  StorageError,
} from "../../core/errors.ts";
import type { Connection } from "../../core/host.ts";
import type { Logger } from "../../core/logger.ts";
import type { Repository } from "../../storage/types.ts";
import { httpHandler } from "../http/handler.ts";
import { HttpError } from "../http/http_error.ts";
import { reply } from "../http/replies.ts";
import { findRoute, type Route } from "../http/routes.ts";
import type { HttpContext } from "../http/types.ts";
import type { ServiceRow } from "../services.ts";
import { writeAnswer } from "./answer.ts";
import {
  type CgiTarget,
  contentLength,
  maxRequestBuffer,
  requestHeaders,
  requestUrl,
  targetOf,
  type Variables,
} from "./environment.ts";
import { CgiLog } from "./log.ts";
import { CgiBody } from "./request_body.ts";

/** What a request is served with. */
export interface CgiInit {
  /** The environment. */
  readonly env: Variables;
  /** Standard input and output. */
  readonly connection: Pick<Connection, "read" | "write">;
  /**
   * Opens the repository at `path` below the target's root. Rejects as
   * `Backend.openRepository`.
   */
  open(target: CgiTarget, path: string, logger: Logger): Promise<Repository>;
  /** The context of its sessions, for one repository. */
  context(repository: Repository, logger: Logger): HttpContext;
  /** Takes lines for standard error. */
  readonly tell: (text: string) => void;
}

/** How it ended. */
export type CgiEnd =
  /** With an answer, which may say that something was wrong. */
  | "answered"
  /** With a service that failed behind an answer that had begun. */
  | "failed";

/** Serves one request. Never rejects but for bugs. */
export async function serveCgi(init: CgiInit): Promise<CgiEnd> {
  const log = new CgiLog(init.tell);
  const response = await answerOrFault(init, log);
  log.release(response.status);
  const written = await writeAnswer(response, init.connection);
  return written === "whole" && !(response.status === 200 && log.hasFailed)
    ? "answered"
    : "failed";
}

async function answerOrFault(init: CgiInit, log: CgiLog): Promise<Response> {
  try {
    return await answer(init, log);
  } catch (error) {
    if (!(error instanceof GitsrvError)) throw error;
    log.log("error", error.message);
    return error instanceof HttpError
      ? reply(error.status, "", error.headers)
      : reply(500, "");
  }
}

async function answer(init: CgiInit, log: CgiLog): Promise<Response> {
  const { env, connection } = init;
  const method = env("REQUEST_METHOD");
  if (method === undefined) throw new Fault("No REQUEST_METHOD from server");
  const target = targetOf(env);
  const url = requestUrl(env, target);
  const route = findRoute(method, url);
  if (route.kind === "wrong-method") {
    // http-backend.c: bad_request.
    throw env("SERVER_PROTOCOL") === "HTTP/1.1"
      ? new HttpError(405, "wrong-method", "", {
        headers: { Allow: route.allow },
      })
      : new HttpError(400, "wrong-method", "");
  }
  if (!isOfGit(route)) {
    throw notFound(`Request not supported: '${target.whole}'`);
  }
  const repository = await openRepository(init, target, route, url, log);
  const context = init.context(repository, log);
  const buffer = maxRequestBuffer(env);
  checkService(route, context.services);
  const length = lengthOrFault(env);
  const isFault = length instanceof GitsrvError;
  const isPost = method === "POST";
  const body = isPost
    ? new CgiBody(connection, isFault ? 0 : length)
    : undefined;
  const request = new Request(url, {
    // A web server leaves the body of an answer to HEAD out.
    method: isPost ? "POST" : "GET",
    headers: requestHeaders(env, isFault ? undefined : length),
    ...(body === undefined ? {} : { body: body.stream, duplex: "half" }),
  } as RequestInit);
  const user = env("REMOTE_USER") ?? "";
  const answerHttp = httpHandler({
    ...context,
    ...(buffer === undefined ? {} : { maxRequestBuffer: buffer }),
    services: isFault
      ? context.services.map((row) => unable(row, length))
      : context.services,
  });
  const response = await answerHttp(request, {
    peer: env("REMOTE_ADDR") ?? "cgi",
    address: env("REMOTE_ADDR") ?? "",
    isSecure: (env("HTTPS") ?? "") !== "",
    ...(user === "" ? {} : { user }),
  });
  // http-backend.c: send_local_file. All else that is absent was told of.
  if (response.status === 404) {
    const name = target.whole.slice(1 - restLength(route, url));
    log.log("error", `Cannot open '${name}': No such file or directory`);
  }
  return response;
}

/** What http-backend.c says of its environment before it dies. */
class Fault extends GitsrvError {
  constructor(message: string) {
    super("cgi", message);
  }
}

/** What git knows of: a server has more for people and for other clients. */
const GITS: readonly string[] = ["info-refs", "service", "plain"];

type GitRoute = Extract<Route, { readonly path: string }>;

function isOfGit(route: Route): route is GitRoute {
  return GITS.includes(route.kind);
}

/** http-backend.c: select_service, in its words. */
function checkService(route: GitRoute, rows: readonly ServiceRow[]): void {
  if (route.kind !== "info-refs" || route.service === undefined) return;
  if (rows.some(({ name }) => `git-${name}` === route.service)) return;
  throw new HttpError(
    403,
    "no-such-service",
    `Unsupported service: '${route.service}'`,
  );
}

function notFound(message: string): HttpError {
  return new HttpError(404, "not-found", message);
}

/** http-backend.c looks at it late: after everything else is decided. */
function lengthOrFault(env: Variables): number | undefined | GitsrvError {
  try {
    return contentLength(env);
  } catch (error) {
    if (error instanceof GitsrvError) return error;
    throw error;
  }
}

function unable(row: ServiceRow, fault: GitsrvError): ServiceRow {
  return row.run === undefined ? row : {
    ...row,
    run: () =>
      Promise.reject(
        new HttpError(500, fault.code, fault.message, { cause: fault.cause }),
      ),
  };
}

/** The length of what is behind a repository, the same in all spellings. */
function restLength({ path }: GitRoute, { pathname }: URL): number {
  return decodeURIComponent(pathname).length - path.length;
}

async function openRepository(
  init: CgiInit,
  target: CgiTarget,
  route: GitRoute,
  url: URL,
  log: CgiLog,
): Promise<Repository> {
  const rest = restLength(route, url);
  const whole = target.whole.slice(0, -rest);
  try {
    return await init.open(target, target.path.slice(0, -rest), log);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    if (error.code === "not-exported") {
      throw notFound(`Repository not exported: '${whole}'`);
    }
    if (error.code !== "no-such-repository") throw error;
    const { cause } = error;
    // A gitfile that leads nowhere: git dies of it.
    if (cause instanceof StorageError) throw new Fault(messageOf(cause));
    throw notFound(`Not a git repository: '${whole}'`);
  }
}
