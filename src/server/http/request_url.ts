/**
 * The URL of a request, whatever a client has put there.
 *
 * @module
 */

/** Nothing is built from the host: any will do where a request names none. */
const SOME_HOST = "http://localhost";

/** A host and perhaps a port; what else stands there is a path in disguise. */
const HOST = /^[^\s/\\?#@,]*$/;

/**
 * The URL, or `undefined` where it is none. HTTP/1.0 names no host, and then
 * Bun's requests have paths for URLs.
 *
 * Deno puts the header `Host` in front of the path as it came: one with a path
 * in it would ask for something else than a web server in front has looked at.
 * For the same reason there is none where a URL would read the target in
 * another way: `\` for `/`, and nothing behind `#`.
 */
export function requestUrl(
  { url, headers }: Pick<Request, "url" | "headers">,
): URL | undefined {
  const text = url.startsWith("/") ? SOME_HOST + url : url;
  if (!HOST.test(headers.get("host") ?? "")) return undefined;
  if (/^[^?]*\\|#/.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text) : undefined;
}
