/**
 * An answer in the form that a CGI program gives it to its web server: with
 * git's headers in git's order, and where something is wrong with nothing but
 * git's own words.
 *
 * @module
 */

import type { Connection } from "../../core/host.ts";

/** The statuses that stand in answers; RFC 9110's words, which git has. */
const REASONS: Readonly<Record<number, string>> = {
  206: "Partial Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  412: "Precondition Failed",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  416: "Requested Range Not Satisfiable",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The headers in the order in which http-backend.c writes them. */
const ORDER: readonly string[] = [
  "Allow",
  "Date",
  "Expires",
  "Pragma",
  "Cache-Control",
  "Content-Length",
  "Content-Type",
  "Last-Modified",
  "ETag",
];

/** What describes the line of text that answers of ours have and git's not. */
const OF_THE_LINE: readonly string[] = [
  "content-type",
  "content-length",
  "x-content-type-options",
];

/** What became of writing an answer. */
export type Written =
  | "whole"
  /** The body broke off. */
  | "broken"
  /** Nobody reads any more. */
  | "unread";

/** The head of an answer with its empty line. */
export function cgiHead({ status, headers }: Response): string {
  const lines = status === 200
    ? []
    : [`Status: ${status} ${REASONS[status] ?? "Unknown"}`];
  const left = new Map(headers);
  if (status >= 400) OF_THE_LINE.forEach((name) => left.delete(name));
  for (const name of ORDER) {
    const value = left.get(name.toLowerCase());
    if (value === undefined) continue;
    left.delete(name.toLowerCase());
    lines.push(`${name}: ${value}`);
  }
  for (const [name, value] of left) {
    const cased = name.replace(/(?<![^-])[a-z]/g, (c) => c.toUpperCase());
    lines.push(`${cased}: ${value}`);
  }
  return [...lines, "", ""].join("\r\n");
}

/** Writes an answer as it comes, no faster than it is taken. */
export async function writeAnswer(
  response: Response,
  connection: Pick<Connection, "write">,
): Promise<Written> {
  const head = new TextEncoder().encode(cgiHead(response));
  // The one body that http-backend.c gives a failure.
  const hasBody = response.status < 400 || response.status === 415;
  const reader = hasBody ? response.body?.getReader() : undefined;
  let next = joined(head, new Uint8Array(0));
  // The head leaves with the first bytes behind it.
  for (let isFirst = true;; isFirst = false) {
    let value: Uint8Array | undefined;
    let isBroken = false;
    try {
      value = (await reader?.read())?.value;
    } catch {
      isBroken = true;
    }
    if (isFirst) next = joined(head, value ?? new Uint8Array(0));
    else if (value !== undefined) next = value;
    if (isFirst || value !== undefined) {
      try {
        await connection.write(next);
      } catch (error) {
        await reader?.cancel(error).catch(() => {});
        return "unread";
      }
    }
    if (isBroken) return "broken";
    if (value === undefined) return "whole";
  }
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return all;
}
