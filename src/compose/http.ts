/**
 * The server on HTTP, as a function of a request.
 *
 * @module
 */

import type { AnswerHttp, TlsPair } from "../core/http_host.ts";
import { parsePublicUrl } from "../server/http/clone_lines.ts";
import { withCors } from "../server/http/cors.ts";
import { httpHandler, UNKNOWN_PEER } from "../server/http/handler.ts";
import { pages } from "../server/http/pages.ts";
import type { Authorize } from "../server/http/types.ts";
import type { Backend } from "../storage/types.ts";
import { sessionContext } from "./session.ts";
import {
  httpAccess,
  type RunningServer,
  type ServeOptions,
  startServer,
} from "./server.ts";

/** How {@linkcode createHandler} serves. */
export interface HandlerOptions extends
  Pick<
    ServeOptions,
    | "limits"
    | "terms"
    | "services"
    | "createOnPush"
    | "informativeErrors"
    | "accessHook"
    | "access"
    | "logger"
    | "onPreReceive"
    | "onUpdate"
    | "onPostReceive"
  > {
  /**
   * Decides over each request in the place of `access`; without both, all that
   * `services` says may be had.
   */
  readonly authorize?: Authorize;
  /**
   * The URL of `/`, for the lines to clone by on pages for people, such as
   * "https://git.example.com/"; they have a word in its place unless told.
   */
  readonly publicUrl?: string;
  /**
   * Origins whose pages may ask, such as "https://git.example"; `*` is every
   * page; none unless told. No browser sends what it keeps for us.
   */
  readonly cors?: readonly string[];
}

/**
 * Serves a backend over HTTP, smart and dumb, as a function of a request:
 * under `Deno.serve`, `Bun.serve`, and every host of that kind. Never rejects.
 *
 * @example Ask for the refs of an empty repository
 * ```ts
 * import assert from "node:assert/strict";
 * import { createHandler, DictBackend, MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const handler = createHandler(
 *   new DictBackend({ "hello.git": new MemoryRepository() }),
 * );
 * const response = await handler(
 *   new Request(
 *     "http://localhost/hello.git/info/refs?service=git-upload-pack",
 *     { headers: { "Git-Protocol": "version=2" } },
 *   ),
 * );
 * assert.equal(response.status, 200);
 * assert.match(await response.text(), /^000eversion 2\n/);
 * ```
 */
export function createHandler(
  backend: Backend,
  options: HandlerOptions = {},
): (request: Request) => Promise<Response> {
  const { publicUrl, cors = [] } = options;
  const answer: AnswerHttp = withCors(
    httpHandler({
      ...sessionContext({ ...options, backend }),
      ...httpAccess(options),
      cors,
      pages: pages({
        addresses: () => [],
        ...(publicUrl === undefined
          ? {}
          : { publicUrl: parsePublicUrl(publicUrl) }),
      }),
      ...(options.authorize === undefined
        ? {}
        : { authorize: options.authorize }),
    }),
    cors,
  );
  return (request) => answer(request, UNKNOWN_PEER);
}

/** How {@linkcode serveHttp} serves. */
export interface ServeHttpOptions extends ServeOptions {
  /**
   * Addresses to listen on, or host names, which stand for all of theirs;
   * "127.0.0.1" unless told.
   */
  readonly hostname?: string | readonly string[];
  /** Port to listen on; 8080 unless told, 0 lets the system choose. */
  readonly port?: number;
  /** Makes it HTTPS. */
  readonly tls?: TlsPair;
  /**
   * Decides over each request in the place of `access`; without both, all that
   * `services` says may be had.
   */
  readonly authorize?: Authorize;
  /**
   * The URL of `/`, for the lines to clone by on pages for people, where a web
   * server is in front of this one; they have its own address unless told.
   */
  readonly publicUrl?: string;
  /** As {@linkcode HandlerOptions.cors}. */
  readonly cors?: readonly string[];
}

/**
 * Serves HTTP, with threads for the work behind it. Resolves once it listens;
 * rejects as `serveTcp`.
 *
 * @example Serve one repository, and stop
 * ```ts
 * import { DictBackend, MemoryRepository, serveHttp } from "@gitsrv/gitsrv";
 *
 * const backend = new DictBackend({ "hello.git": new MemoryRepository() });
 * await using server = await serveHttp({ backend, port: 0 });
 * // Now: git clone http://127.0.0.1:<server.port>/hello.git
 * ```
 */
export async function serveHttp(
  options: ServeHttpOptions,
): Promise<RunningServer> {
  const { hostname = "127.0.0.1", port = 8080, tls, authorize, cors } = options;
  const { publicUrl } = options;
  return await startServer(options, {
    http: {
      hostnames: typeof hostname === "string" ? [hostname] : hostname,
      port,
      ...(tls === undefined ? {} : { tls }),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      context: {
        ...(authorize === undefined ? {} : { authorize }),
        ...(cors === undefined ? {} : { cors }),
      },
    },
  });
}
