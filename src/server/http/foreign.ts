/**
 * Requests that a page of another site has made a browser send. Pure.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6454#section-7
 * @module
 */

import { requestUrl } from "./request_url.ts";

/** Stands for every origin among those that are allowed. */
const ANY = "*";

/**
 * Whether a browser sent `request` for a page of another origin than ours and
 * those in `allowed` ("https://example.com"; "*" is all). What names no origin
 * was sent by no page: git, curl and the like.
 *
 * Ours is told by the host alone: a proxy in front may have taken TLS off.
 */
export function isForeign(
  request: Pick<Request, "url" | "headers">,
  allowed: readonly string[],
): boolean {
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  if (allowed.includes(ANY) || allowed.includes(origin.toLowerCase())) {
    return false;
  }
  return !URL.canParse(origin) ||
    new URL(origin).host !== requestUrl(request)?.host;
}
