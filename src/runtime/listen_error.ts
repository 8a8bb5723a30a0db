/**
 * Why listening or accepting failed, as names that both runtimes share.
 *
 * @module
 */

import { messageOf, UsageError } from "../core/errors.ts";
import type { ListenOptions, TcpListenOptions } from "../core/host.ts";
import type { TlsPair } from "../core/http_host.ts";

/** How long accepting rests after an error that may pass: EMFILE, ENFILE. */
export const ACCEPT_PAUSE_MS = 100;

/** How the log calls who came by a Unix domain socket. */
export const UNIX_PEER = "unix";

const REASONS: readonly {
  readonly code: string;
  readonly sign: RegExp;
  readonly words: string;
}[] = [
  {
    code: "EADDRINUSE",
    sign: /EADDRINUSE|address (already )?in use|port \d+ in use/i,
    words: "Address already in use",
  },
  {
    code: "EACCES",
    sign: /EACCES|EPERM|permission denied/i,
    words: "Permission denied",
  },
  {
    code: "EADDRNOTAVAIL",
    sign: /EADDRNOTAVAIL|cannot assign requested address/i,
    words: "Cannot assign requested address",
  },
  {
    code: "ENOENT",
    sign: /ENOENT|no such file/i,
    words: "No such file or directory",
  },
  {
    code: "ENOTFOUND",
    // Bun gives no code for a name that does not resolve.
    sign: /ENOTFOUND|lookup|name or service|^ Failed to listen at/i,
    words: "Name or service not known",
  },
];

/** The error for an attempt to listen that failed, in daemon.c's words. */
export function listenError(
  options: ListenOptions,
  cause: unknown,
): UsageError {
  const said = `${(cause as { code?: unknown }).code ?? ""} ${
    messageOf(cause)
  }`;
  const reason = REASONS.find(({ sign }) => sign.test(said));
  return new UsageError(
    reason?.code ?? "listen-failed",
    `Could not bind to ${
      "path" in options ? options.path : options.hostname
    }: ${reason?.words ?? messageOf(cause)}`,
    { cause },
  );
}

/**
 * The error for an attempt to serve HTTP: as {@linkcode listenError}, and
 * "bad-certificate" where the certificate or its key is of no use.
 */
export function httpListenError(
  options: TcpListenOptions,
  tls: TlsPair | undefined,
  cause: unknown,
): UsageError {
  const { code, message } = listenError(options, cause);
  return tls === undefined || code !== "listen-failed"
    ? new UsageError(
      code,
      message.replace(/(?=: )/, " for HTTP"),
      { cause },
    )
    : new UsageError(
      "bad-certificate",
      `unusable TLS certificate or key: ${messageOf(cause)}`,
      { cause },
    );
}

/** The error for a certificate where there is no TLS. */
export function noTlsError(): UsageError {
  return new UsageError("no-tls", "there is no TLS whose certificate to renew");
}
