/**
 * The URL of a request, whatever a client has put there.
 *
 * @module
 */

/** Nothing is built from the host: any will do where a request names none. */
const SOME_HOST = "http://localhost";

/**
 * The URL, or `undefined` where it is none. HTTP/1.0 names no host, and then
 * Bun's requests have paths for URLs.
 */
export function requestUrl({ url }: Pick<Request, "url">): URL | undefined {
  const text = url.startsWith("/") ? SOME_HOST + url : url;
  return URL.canParse(text) ? new URL(text) : undefined;
}
