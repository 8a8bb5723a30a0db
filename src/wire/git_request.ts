/**
 * The first packet of a git:// connection: which service, which repository,
 * which host name, and extra parameters behind a second NUL. What of it is
 * allowed is decided by the server.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_git_transport
 * @module
 */

import { printable, toBinary } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";

/** The services that a request can name: daemon.c, daemon_service. */
export type ServiceName = "upload-archive" | "upload-pack" | "receive-pack";

const SERVICES: readonly ServiceName[] = [
  "upload-archive",
  "upload-pack",
  "receive-pack",
];

/** A parsed request line. */
export interface GitRequest {
  /** The service. */
  readonly service: ServiceName;
  /** The path as it was sent: a binary string, not checked, maybe empty. */
  readonly path: string;
  /** The host that the client thinks it speaks to, if it said so, maybe "". */
  readonly host?: RequestHost;
  /**
   * The extra parameters with colons between them, as git puts them into
   * `GIT_PROTOCOL`: "version=2", or "".
   */
  readonly protocol: string;
}

/** The value of `host=`, made safe for use in a path (daemon.c). */
export interface RequestHost {
  /** Lower-case host name without slashes and without leading dots. */
  readonly name: string;
  /** The port as text, or "" where none was sent. */
  readonly port: string;
}

/**
 * Parses the payload of the first packet as daemon.c does. Throws a
 * ProtocolError: "invalid-request" where the host argument is malformed, and
 * "unknown-service" where the line names no service that git has.
 */
export function parseGitRequest(payload: Uint8Array): GitRequest {
  const text = toBinary(payload);
  const zero = text.indexOf("\0");
  const line = (zero < 0 ? text : text.slice(0, zero)).replace(/\n$/, "");
  const args = zero < 0 ? "" : text.slice(zero + 1);
  const { host, rest } = takeHost(args);
  const protocol = rest.split("\0").filter((arg) => arg !== "").join(":");
  for (const service of SERVICES) {
    const prefix = `git-${service} `;
    if (!line.startsWith(prefix)) continue;
    const path = line.slice(prefix.length);
    return host === undefined
      ? { service, path, protocol }
      : { service, path, host, protocol };
  }
  throw new ProtocolError(
    "unknown-service",
    `Protocol error: '${printable(line)}'`,
  );
}

// daemon.c: parse_host_arg. The host comes first or not at all.
function takeHost(
  args: string,
): { readonly host: RequestHost | undefined; readonly rest: string } {
  if (args === "" || args.startsWith("\0")) {
    return { host: undefined, rest: args };
  }
  let host: RequestHost | undefined;
  let rest = args;
  if (/^host=/i.test(args)) {
    const zero = args.indexOf("\0");
    const value = zero < 0 ? args.slice(5) : args.slice(5, zero);
    rest = zero < 0 ? "" : args.slice(zero + 1);
    host = value === "" ? { name: "", port: "" } : parseHost(value);
  }
  if (rest !== "" && !rest.startsWith("\0")) throw invalid("Invalid request");
  return { host, rest };
}

function parseHost(value: string): RequestHost {
  let name = value;
  let port = "";
  if (value.startsWith("[")) {
    const end = value.indexOf("]");
    if (end < 0) throw invalid("Invalid request ('[' without ']')");
    name = value.slice(1, end);
    const after = value.slice(end + 1);
    if (after !== "" && !after.startsWith(":")) {
      throw invalid("Garbage after end of host part");
    }
    port = after.slice(1);
  } else {
    const colon = value.lastIndexOf(":");
    if (colon >= 0) {
      name = value.slice(0, colon);
      port = value.slice(colon + 1);
    }
  }
  return { name: lowerAscii(sanitize(name)), port: sanitize(port) };
}

/** daemon.c: sanitize_client. No slashes, no runs of dots, none at the ends. */
function sanitize(text: string): string {
  return text.replaceAll("/", "").replace(/^\.+/, "").replace(/\.+/g, ".")
    .replace(/\.$/, "");
}

/** As C's `tolower`: bytes above ASCII are no letters. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function invalid(message: string): ProtocolError {
  return new ProtocolError("invalid-request", message);
}
