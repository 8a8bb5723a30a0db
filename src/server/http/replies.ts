/**
 * Replies that are no more than a status and a line, and the headers that
 * replies have in common: http-backend.c.
 *
 * @module
 */

/** Nothing of it may be kept: hdr_nocache. */
export const NO_CACHE: Readonly<Record<string, string>> = {
  "Expires": "Fri, 01 Jan 1980 00:00:00 GMT",
  "Pragma": "no-cache",
  "Cache-Control": "no-cache, max-age=0, must-revalidate",
};

/** A reply of one line, which is not kept; an empty line is no body. */
export function reply(
  status: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = line === "" ? null : `${line}\n`;
  return new Response(body, {
    status,
    headers: {
      ...NO_CACHE,
      ...(body === null ? {} : { "Content-Type": "text/plain; charset=utf-8" }),
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
  });
}
