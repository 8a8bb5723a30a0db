/**
 * What the rooms of the HTTP server hand to each other. Types alone.
 *
 * @module
 */

import type { HttpPeer } from "../../core/http_host.ts";
import type { Logger } from "../../core/logger.ts";
import type { Credentials, Identity } from "../access/types.ts";
import type { SessionContext } from "../session_context.ts";
import type { Visit } from "./visit.ts";
import type { PageRoute } from "./routes.ts";

/** A service, or what dumb clients take: plain files. */
export type HttpService =
  | "upload-pack"
  | "receive-pack"
  | "upload-archive"
  | "files";

/** What {@linkcode Authorize} may say. */
export type Authorization =
  /** They may; `user` is who they are, for hooks and the log. */
  | { readonly verdict: "allowed"; readonly user?: string }
  /** Credentials would help: 401. */
  | { readonly verdict: "unauthenticated" }
  /** They may not: 403. */
  | { readonly verdict: "forbidden" };

/**
 * Decides over a request, by whatever it likes. `repository` is the path that
 * was asked for, which may not exist: "/hello.git".
 */
export type Authorize = (
  request: Request,
  repository: string,
  service: HttpService,
) => Authorization | Promise<Authorization>;

/** Answers requests for pages. Throws an HttpError. */
export type AnswerPage = (
  exchange: Exchange,
  route: PageRoute,
) => Promise<Response>;

/** What all requests to one HTTP server share. */
export interface HttpContext extends SessionContext {
  /** Checks credentials; without it, nobody is asked for any. */
  readonly credentials?: Credentials;
  /** What a program that embeds us says, in the place of both. */
  readonly authorize?: Authorize;
  /** Pages for people; without them, there are none. */
  readonly pages?: AnswerPage;
  /** Ends every request when it aborts. */
  readonly closing?: AbortSignal;
  /** Origins whose pages may ask in a browser, besides our own; `*` is all. */
  readonly cors?: readonly string[];
  /**
   * Most bytes of a request that is no push, whatever repositories say:
   * `GIT_HTTP_MAX_REQUEST_BUFFER`.
   */
  readonly maxRequestBuffer?: number;
}

/** One request that is being answered. */
export interface Exchange {
  /** The request. */
  readonly request: Request;
  /** Who sent it. */
  readonly peer: HttpPeer;
  /** What all requests share. */
  readonly context: HttpContext;
  /** The log, whose lines say which request this is. */
  readonly logger: Logger;
  /** Whom its credentials name. */
  readonly identity: Identity;
  /** What goes on for it. */
  readonly visit: Visit;
  /** Ends the work for it; aborts when the client leaves. */
  readonly ending: AbortController;
  /** Who asks, once that is known. */
  readonly user?: string;
}
