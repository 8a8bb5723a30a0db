/**
 * What a web server says of a request in the environment of a CGI program, as
 * http-backend.c takes it. Pure.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @see https://www.rfc-editor.org/rfc/rfc3875
 * @module
 */

import { ProtocolError, UsageError } from "../../core/errors.ts";
import { isAliased } from "../../core/path_alias.ts";

/** The environment. */
export type Variables = (name: string) => string | undefined;

/** What is asked for. */
export interface CgiTarget {
  /** `GIT_PROJECT_ROOT`, below which alone is looked; `undefined`: anywhere. */
  readonly root: string | undefined;
  /** The path below the root, or the whole path. */
  readonly path: string;
  /** The whole path, as messages have it. */
  readonly whole: string;
}

/** The headers that count, by their variables. */
const HEADERS: readonly (readonly [header: string, variable: string])[] = [
  ["Content-Type", "CONTENT_TYPE"],
  ["Content-Encoding", "HTTP_CONTENT_ENCODING"],
  ["User-Agent", "HTTP_USER_AGENT"],
  ["Range", "HTTP_RANGE"],
  ["If-Range", "HTTP_IF_RANGE"],
  ["If-Match", "HTTP_IF_MATCH"],
  ["If-None-Match", "HTTP_IF_NONE_MATCH"],
  ["If-Modified-Since", "HTTP_IF_MODIFIED_SINCE"],
  ["If-Unmodified-Since", "HTTP_IF_UNMODIFIED_SINCE"],
];

/** git's integers: strtoimax with any base, and a unit. */
const INTEGER =
  /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)([kKmMgG]?)$/;
const FACTORS: Readonly<Record<string, bigint>> = {
  k: 1024n,
  m: 1024n ** 2n,
  g: 1024n ** 3n,
};
/** The largest number of an ssize_t. */
const MOST_SIGNED = 2n ** 63n - 1n;
/** Longer ones are no numbers, whatever they start with. */
const MOST_DIGITS = 64;

/** http-backend.c: getdir. Throws a GitsrvError in its words. */
export function targetOf(env: Variables): CgiTarget {
  const root = env("GIT_PROJECT_ROOT") ?? "";
  const info = env("PATH_INFO") ?? "";
  const translated = env("PATH_TRANSLATED") ?? "";
  if (root === "") {
    if (translated !== "") {
      return { root: undefined, path: translated, whole: translated };
    }
    throw new UsageError(
      "cgi",
      "No GIT_PROJECT_ROOT or PATH_TRANSLATED from server",
    );
  }
  if (info === "") {
    throw new UsageError(
      "cgi",
      "GIT_PROJECT_ROOT is set but PATH_INFO is not",
    );
  }
  if (isAliased(info)) {
    throw new ProtocolError("aliased", `'${info}': aliased`);
  }
  const between = root.endsWith("/") || info.startsWith("/") ? "" : "/";
  return {
    root,
    path: info,
    whole: (root.endsWith("/") ? root.slice(0, -1) : root) + between + info,
  };
}

/**
 * The length of the body; `undefined` where it ends with the input, which a
 * negative number says, too. Throws a ProtocolError in git's words.
 */
export function contentLength(env: Variables): number | undefined {
  const text = env("CONTENT_LENGTH") ?? "";
  if (text === "") return undefined;
  const value = gitInteger(text);
  if (value === undefined) {
    throw new ProtocolError(
      "content-length",
      `failed to parse CONTENT_LENGTH: ${text}`,
    );
  }
  return value < 0 ? undefined : value;
}

/** `GIT_HTTP_MAX_REQUEST_BUFFER`. Throws a UsageError in git's words. */
export function maxRequestBuffer(env: Variables): number | undefined {
  const name = "GIT_HTTP_MAX_REQUEST_BUFFER";
  const text = env(name);
  if (text === undefined) return undefined;
  const value = text.includes("-") ? undefined : gitInteger(text);
  if (value === undefined) {
    throw new UsageError("cgi", `failed to parse ${name}`);
  }
  return value;
}

/** config.c: git_parse_signed, for 64 bits; `undefined` for what is none. */
function gitInteger(text: string): number | undefined {
  if (text.length > MOST_DIGITS) return undefined;
  const [, sign, digits = "", unit = ""] = INTEGER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const isOctal = /^0[0-7]/.test(digits);
  const value = BigInt(isOctal ? `0o${digits}` : digits) *
    (FACTORS[unit.toLowerCase()] ?? 1n);
  if (value > MOST_SIGNED) return undefined;
  return Number(sign === "-" ? -value : value);
}

/** The headers of the request, of a body of `length` bytes. */
export function requestHeaders(
  env: Variables,
  length: number | undefined,
): Headers {
  const headers = new Headers();
  for (const [header, variable] of HEADERS) {
    const value = env(variable);
    if (value !== undefined && value !== "") {
      headers.set(header, headerText(value));
    }
  }
  // http-backend.c: cmd_main. What the operator says comes first.
  const protocol = env("GIT_PROTOCOL") ?? env("HTTP_GIT_PROTOCOL");
  if (protocol !== undefined) {
    headers.set("Git-Protocol", headerText(protocol));
  }
  if (length !== undefined) headers.set("Content-Length", `${length}`);
  return headers;
}

/** What no header may have in it becomes a question mark. */
function headerText(value: string): string {
  return value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?");
}

/** A URL whose path is `target`'s, for what only looks at path and query. */
export function requestUrl(env: Variables, { whole }: CgiTarget): URL {
  const path = whole.toWellFormed().split("/").map(encodeURIComponent);
  const query = (env("QUERY_STRING") ?? "").replaceAll("#", "%23");
  const slash = whole.startsWith("/") ? "" : "/";
  return new URL(`http://localhost${slash}${path.join("/")}?${query}`);
}
