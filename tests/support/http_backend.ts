/**
 * The real `git http-backend`, run as a web server runs it: one process per
 * request, which reads the body and writes an answer with CGI's headers.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3875
 * @module
 */

import { fromBinary } from "../../src/core/bytes.ts";
import { AGENT } from "../../src/server/version.ts";
import { GIT, runProgram } from "./git.ts";

/** A request to it, and to us. */
export interface HttpTrial {
  /** The method. */
  readonly method: string;
  /** The path, with its slash in front, and the query behind "?". */
  readonly target: string;
  /** Headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, a binary string; absent where there is none. */
  readonly body?: string;
  /** Whom the web server has authenticated. */
  readonly user?: string;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** HTTP/1.1 unless told. */
  readonly protocol?: string;
}

/** What came of a request. */
export interface HttpOutcome {
  /** The status. */
  readonly status: number;
  /** Headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, a binary string. */
  readonly body: string;
}

/** Has git answer a request for a repository below `root`. */
export async function askHttpBackend(
  root: string,
  { method, target, headers, body, user, env, protocol = "HTTP/1.1" }:
    HttpTrial,
): Promise<HttpOutcome> {
  const [path = "", query = ""] = target.split("?");
  const { stdout } = await runProgram(GIT, ["http-backend"], {
    input: fromBinary(body ?? ""),
    env: {
      GIT_COMMITTER_NAME: undefined,
      GIT_COMMITTER_EMAIL: undefined,
      // So that answers are equal to the byte.
      GIT_USER_AGENT: AGENT,
      GIT_PROJECT_ROOT: root,
      REQUEST_METHOD: method,
      PATH_INFO: decodeURIComponent(path),
      QUERY_STRING: query,
      SERVER_PROTOCOL: protocol,
      REMOTE_ADDR: "192.0.2.7",
      REMOTE_USER: user,
      CONTENT_TYPE: headers["content-type"],
      CONTENT_LENGTH: body === undefined ? undefined : String(body.length),
      HTTP_CONTENT_ENCODING: headers["content-encoding"],
      HTTP_GIT_PROTOCOL: headers["git-protocol"],
      ...env,
    },
  });
  return parseCgi(stdout);
}

function parseCgi(text: string): HttpOutcome {
  const end = text.indexOf("\r\n\r\n");
  const headers: Record<string, string> = {};
  for (const line of text.slice(0, end).split("\r\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = "200", ...others } = headers;
  return {
    status: parseInt(status),
    headers: others,
    body: text.slice(end + 4),
  };
}
