/**
 * Whether a request may have what it asks for.
 *
 * @module
 */

import type { AccessKind } from "../access/types.ts";
import { HttpError } from "./http_error.ts";
import type { Authorization, Exchange, HttpService } from "./types.ts";

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
  const verdict = await decide(exchange, path, service);
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

async function decide(
  { request, peer, context }: Exchange,
  path: string,
  service: HttpService,
): Promise<Authorization> {
  const { authorize, credentials, access } = context;
  if (authorize !== undefined) return await authorize(request, path, service);
  const identity = credentials === undefined || peer.user !== undefined
    ? { type: "nobody" as const }
    : await credentials.identify(request.headers.get("authorization"));
  if (identity.type === "wrong") return { verdict: "unauthenticated" };
  if (identity.type === "busy") {
    throw new HttpError(503, "busy", "Too many requests, try later", {
      headers: { "Retry-After": "5" },
    });
  }
  const user = identity.type === "user" ? identity.name : peer.user;
  const kind: AccessKind = service === "receive-pack" ? "write" : "read";
  const said = access?.allows(path, kind, user);
  if (said === false) {
    return user === undefined && credentials !== undefined
      ? { verdict: "unauthenticated" }
      : { verdict: "forbidden" };
  }
  return { verdict: "allowed", ...(user === undefined ? {} : { user }) };
}

/** A 401 that says which credentials would help. */
export function unauthorized({ context }: Exchange): HttpError {
  const challenges = context.credentials?.challenges ?? [REALM];
  return new HttpError(401, "unauthenticated", "Authentication required", {
    headers: { "WWW-Authenticate": challenges.join(", ") },
  });
}
