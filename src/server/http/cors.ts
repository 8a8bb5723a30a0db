/**
 * Cross-origin requests: what pages of other sites may have a browser ask, and
 * read. Pure. Off unless origins are named; credentials that the browser keeps
 * are never let in, so that a page gets no more than it brings itself.
 *
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 * @module
 */

import type { AnswerHttp } from "../../core/http_host.ts";

/** Stands for every origin. */
const ANY = "*";

/** What git clients in browsers send beyond what is always allowed. */
const REQUEST_HEADERS = [
  "accept",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-type",
  "git-protocol",
  "if-modified-since",
  "if-none-match",
  "pragma",
  "range",
].join(", ");

/** What pages may read of an answer. */
const ANSWER_HEADERS = [
  "accept-ranges",
  "content-length",
  "content-range",
  "etag",
  "retry-after",
  "www-authenticate",
].join(", ");

/** How long a browser remembers: as long as any of them does. */
const MAX_AGE_SECONDS = 86_400;

/** Whether `text` is what `origins` may hold: `*`, or an origin. */
export function isOrigin(text: string): boolean {
  if (text === ANY) return true;
  const match = /^([a-z][a-z0-9+.-]*):\/\/[^/?#@\s,;*]+$/.exec(text);
  if (match === null || !URL.canParse(text)) return false;
  // Of other schemes, such as those of extensions, no URL tells an origin.
  const { origin } = new URL(text);
  return origin === "null" || origin === text;
}

/** Answers as `answer` does, for pages of `origins` as well. */
export function withCors(
  answer: AnswerHttp,
  origins: readonly string[],
): AnswerHttp {
  if (origins.length === 0) return answer;
  return async (request, peer) => {
    const response = preflight(request, origins) ?? await answer(request, peer);
    for (const [name, value] of corsHeaders(request, origins)) {
      if (name === "Vary") response.headers.append(name, value);
      else response.headers.set(name, value);
    }
    return response;
  };
}

/** The answer to the question that browsers ask first, if this is one. */
function preflight(
  { method, headers }: Request,
  origins: readonly string[],
): Response | undefined {
  if (method !== "OPTIONS" || !headers.has("access-control-request-method")) {
    return undefined;
  }
  if (allowed(headers.get("origin"), origins) === undefined) return undefined;
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": "GET, HEAD, POST",
      "Access-Control-Allow-Headers": REQUEST_HEADERS,
      "Access-Control-Max-Age": String(MAX_AGE_SECONDS),
      "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
    },
  });
}

/** What tells a browser whether the page may read the answer. */
function corsHeaders(
  { headers }: Request,
  origins: readonly string[],
): readonly (readonly [string, string])[] {
  // What is kept for one origin must not be given to another.
  const vary = origins.includes(ANY) ? [] : [["Vary", "Origin"] as const];
  const origin = allowed(headers.get("origin"), origins);
  return origin === undefined ? vary : [
    ...vary,
    ["Access-Control-Allow-Origin", origin],
    ["Access-Control-Expose-Headers", ANSWER_HEADERS],
  ];
}

function allowed(
  origin: string | null,
  origins: readonly string[],
): string | undefined {
  if (origin === null) return undefined;
  if (origins.includes(ANY)) return ANY;
  return origins.includes(origin) ? origin : undefined;
}
