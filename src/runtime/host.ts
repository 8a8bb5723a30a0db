/**
 * What one runtime brings: everything of the machine that the rest of the
 * program is handed as a value. Types alone.
 *
 * @module
 */

import type {
  Clock,
  Connection,
  Listener,
  ListenOptions,
} from "../core/host.ts";
import type {
  AnswerHttp,
  HttpListener,
  HttpListenOptions,
} from "../core/http_host.ts";

/** Hears of trouble that is retried: accepting when descriptors ran out. */
export type ReportTrouble = (error: unknown) => void;

/** One runtime: Deno or Bun. */
export interface Host {
  /** Its name, for the log. */
  readonly name: "deno" | "bun";
  /** Every address of a host name. Rejects with a UsageError "ENOTFOUND". */
  addressesOf(hostname: string): Promise<readonly string[]>;
  /**
   * Starts listening on TCP or on a Unix domain socket. Rejects with a UsageError whose code is the
   * system's ("EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND") or
   * "listen-failed".
   */
  listen(options: ListenOptions, report?: ReportTrouble): Promise<Listener>;
  /**
   * Starts serving HTTP. Rejects as `listen`, and with "bad-certificate" where
   * that or its key is of no use.
   */
  listenHttp(
    options: HttpListenOptions,
    answer: AnswerHttp,
    report?: ReportTrouble,
  ): Promise<HttpListener>;
  /** Standard input and output as one connection. */
  stdio(): Connection;
  /** Time. */
  readonly clock: Clock;
}
