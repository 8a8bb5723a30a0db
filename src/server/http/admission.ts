/**
 * Whether a request may have what it asks for.
 *
 * @module
 */

import type { Repository } from "../../storage/types.ts";
import type { HttpPeer } from "../../core/http_host.ts";
import type { AccessKind, Identity } from "../access/types.ts";
import { decide, kindOf, withGrant } from "../access/decide.ts";
import type { ServiceRow } from "../services.ts";
import { HttpError } from "./http_error.ts";
import { originOf } from "../seats.ts";
import type {
  Authorization,
  Exchange,
  HttpContext,
  HttpService,
} from "./types.ts";

/** The code of a refusal for wrong credentials. */
export const WRONG_CREDENTIALS = "wrong-credentials";

const REALM = 'Basic realm="gitsrv", charset="UTF-8"';

/**
 * The exchange with who asks. Throws an HttpError 401 where credentials would
 * help or are wrong, 403 where they would not, 503 where too many are checked.
 */
export async function admit(
  exchange: Exchange,
  path: string,
  service: HttpService,
): Promise<Exchange> {
  const verdict = await verdictOf(exchange, path, service);
  switch (verdict.verdict) {
    case "allowed":
      exchange.visit.user = verdict.user;
      return verdict.user === undefined
        ? exchange
        : { ...exchange, user: verdict.user };
    case "unauthenticated":
      throw unauthorized(exchange);
    case "forbidden":
      throw new HttpError(403, "forbidden", "Forbidden");
  }
}

/**
 * To be called with every repository that was opened at `path`: it may have
 * other names. Throws as {@linkcode admit}.
 */
export function admitOpened(
  exchange: Exchange,
  path: string,
  kind: AccessKind,
  repository: Repository,
): void {
  const { context, user } = exchange;
  if (context.authorize !== undefined) return;
  if (decide(context, { path, kind, user, repository }) === false) {
    throw refusal(exchange, path, kind, repository);
  }
}

/** The row as rules have it for whom has been admitted. */
export function grantedRow(
  { context, user }: Exchange,
  path: string,
  row: ServiceRow,
  repository?: Repository,
): ServiceRow {
  if (context.authorize !== undefined) return row;
  const said = decide(context, {
    path,
    kind: kindOf(row),
    user,
    ...(repository === undefined ? {} : { repository }),
  });
  return withGrant(row, said);
}

/**
 * The refusal of what the rules refuse to the exchange's user: what may not be
 * read is not there.
 */
export function refusal(
  exchange: Exchange,
  path: string,
  kind: AccessKind,
  repository?: Repository,
): HttpError {
  const { context, user } = exchange;
  const mayRead = kind === "write" && decide(context, {
        path,
        kind: "read",
        user,
        ...(repository === undefined ? {} : { repository }),
      }) !== false;
  if (!mayRead) return notFound(exchange, "access-denied");
  return user === undefined && canAsk(context)
    ? unauthorized(exchange)
    : new HttpError(403, "forbidden", READ_ONLY);
}

/** For those who get here by writing alone. */
const READ_ONLY = "You may read this repository, but not push to it";

/**
 * The answer for what is not there, and for what this one may not see: the
 * same, so that nobody learns which it is. Where there is something to hide,
 * whoever is not known is asked for credentials first.
 */
export function notFound(
  exchange: Exchange,
  code: string,
  { words = "Not found", ...options }: {
    readonly cause?: unknown;
    readonly words?: string;
  } = {},
): HttpError {
  const { context, user } = exchange;
  const hides = context.authorize === undefined &&
    context.access !== undefined &&
    context.access.hidesRepositories !== false;
  return hides && user === undefined && canAsk(context)
    ? unauthorized(exchange, code, options)
    : new HttpError(404, code, words, options);
}

/** Whether there is anybody whom credentials could name. */
export function canAsk({ credentials }: HttpContext): boolean {
  return credentials !== undefined && credentials.challenges.length > 0;
}

async function verdictOf(
  exchange: Exchange,
  path: string,
  service: HttpService,
): Promise<Authorization> {
  const { request, context } = exchange;
  const { authorize, access } = context;
  if (authorize !== undefined) return await authorize(request, path, service);
  const user = whoAsks(exchange);
  const kind: AccessKind = service === "receive-pack" ? "write" : "read";
  if (access?.allows(path, kind, user) === false) {
    throw refusal(
      user === undefined ? exchange : { ...exchange, user },
      path,
      kind,
    );
  }
  return { verdict: "allowed", ...(user === undefined ? {} : { user }) };
}

/** Whom a request's credentials name; not asked where a callback decides. */
export async function identityOf(
  request: Request,
  peer: HttpPeer,
  { authorize, credentials }: HttpContext,
): Promise<Identity> {
  if (peer.user !== undefined) return { type: "user", name: peer.user };
  return credentials === undefined || authorize !== undefined
    ? { type: "nobody" }
    : await credentials.identify(
      request.headers.get("authorization"),
      originOf(peer.address),
    );
}

/** Who asks, by their credentials. Throws an HttpError 401 or 503. */
function whoAsks(exchange: Exchange): string | undefined {
  const { identity } = exchange;
  switch (identity.type) {
    case "nobody":
      return undefined;
    case "user":
      return identity.name;
    case "wrong":
      throw unauthorized(exchange, WRONG_CREDENTIALS, {
        words: "Wrong user name, password or token",
      });
    case "busy":
      throw new HttpError(503, "busy", "Too many requests, try later", {
        headers: { "Retry-After": "5" },
      });
  }
}

/** Somebody who looks around, and is to see what they may read. */
export interface Reader {
  /** Who it is, where that is known. */
  readonly user: string | undefined;
  /** Whether they may read the repository at `path`. */
  mayRead(path: string): boolean | Promise<boolean>;
  /** Whether they have sent no credentials, and could. */
  readonly isAnonymous: boolean;
  /** Whether what they have asked for was refused for their credentials. */
  hasWrongCredentials(): boolean;
  /** Whether credentials could show them more. */
  maySignIn(): boolean;
}

/** Who looks around. Throws an HttpError 401 or 503, as {@linkcode admit}. */
export function readerOf(exchange: Exchange): Reader {
  const { request, context } = exchange;
  const { authorize, access } = context;
  if (authorize === undefined) {
    const user = whoAsks(exchange);
    const isAnonymous = user === undefined && canAsk(context);
    return {
      ...{ user, isAnonymous },
      mayRead: (path) => access?.allows(path, "read", user) !== false,
      hasWrongCredentials: () => false,
      maySignIn: () => isAnonymous,
    };
  }
  const isAnonymous = !request.headers.has("authorization");
  let isRefused = false;
  return {
    ...{ user: undefined, isAnonymous },
    async mayRead(path) {
      const said = await authorize(request, path, "upload-pack");
      if (said.verdict === "unauthenticated") isRefused = true;
      return said.verdict === "allowed";
    },
    hasWrongCredentials: () => isRefused && !isAnonymous,
    maySignIn: () => isRefused && isAnonymous,
  };
}

/** A 401 that says which credentials would help. */
export function unauthorized(
  { context }: Exchange,
  code = "unauthenticated",
  { words = "Authentication required", ...options }: {
    readonly cause?: unknown;
    readonly words?: string;
  } = {},
): HttpError {
  const challenges = canAsk(context)
    ? context.credentials?.challenges ?? []
    : [REALM];
  return new HttpError(401, code, words, {
    ...options,
    headers: { "WWW-Authenticate": challenges.join(", ") },
  });
}
