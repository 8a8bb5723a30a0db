/**
 * The options of `gitsrv daemon` for HTTP as settings.
 *
 * @module
 */

import { messageOf, UsageError } from "../core/errors.ts";
import type { TlsPair } from "../core/http_host.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import { isOrigin } from "../server/http/cors.ts";
import type { GivenOptions } from "./options.ts";
import { absolute } from "./paths.ts";

/** Port for HTTP where none is asked for. */
export const DEFAULT_HTTP_PORT = 8080;

/** Options that say something of HTTP, but for whether it is served. */
const HTTP_OPTIONS = ["http-port", "tls-cert", "tls-key", "cors"];

/** Reads again what may have changed on disk: at SIGHUP. */
export interface Reloader {
  /** What it reads, for the log. */
  readonly what: string;
  /** Rejects where what is there now is of no use; then the old one stays. */
  reload(): Promise<void>;
}

/** Throws a UsageError where options for HTTP cannot go together. */
export function checkHttpConflicts(
  options: GivenOptions,
  servesGit: boolean,
): void {
  const given = HTTP_OPTIONS.filter((name) => options.all(name).length > 0);
  const isOff = options.among(["http"]).at(-1)?.value === false;
  const conflict = (words: string) => {
    throw new UsageError("conflict", words);
  };
  if (options.flag("inetd")) {
    if (given.length > 0 || options.flag("http") || !servesGit) {
      conflict("HTTP's options and --no-git are incompatible with --inetd");
    }
    return;
  }
  if (isOff && given.length > 0) {
    conflict(`--${given[0]} is incompatible with --no-http`);
  }
  if (isOff && !servesGit) {
    conflict("--no-git and --no-http leave nothing to serve");
  }
  if (!servesGit && options.text("port") !== undefined) {
    conflict("--port is incompatible with --no-git; HTTP has --http-port");
  }
  const isHalf = options.text("tls-cert") === undefined
    ? options.text("tls-key") !== undefined
    : options.text("tls-key") === undefined;
  if (isHalf) conflict("--tls-cert and --tls-key go together");
  for (const origin of options.all("cors")) {
    if (!isOrigin(origin)) {
      throw new UsageError(
        "usage",
        "option `cors' expects an origin such as https://git.example, or *",
      );
    }
  }
}

/** The pair that was asked for. Throws a UsageError where it is not there. */
export function tlsPair(
  options: GivenOptions,
  io: ProcessIo,
): TlsPair | undefined {
  const [cert, key] = [options.text("tls-cert"), options.text("tls-key")];
  if (cert === undefined || key === undefined) return undefined;
  const read = (path: string): string => {
    try {
      return io.readFile(absolute(path, io));
    } catch (cause) {
      throw new UsageError(
        "tls-file",
        `could not read '${path}': ${messageOf(cause)}`,
        { cause },
      );
    }
  };
  return { cert: read(cert), key: read(key) };
}

/** What is read again for TLS; nothing where there is none. */
export function tlsReloaders(
  options: GivenOptions,
  io: ProcessIo,
  renew: (tls: TlsPair) => Promise<void>,
): readonly Reloader[] {
  if (options.text("tls-cert") === undefined) return [];
  return [{
    what: "TLS certificate",
    async reload() {
      const tls = tlsPair(options, io);
      if (tls !== undefined) await renew(tls);
    },
  }];
}

/**
 * Runs the reloaders at each SIGHUP, one after the other; returns how to stop
 * that. Without any, the signal does what it always does.
 */
export function reloadAtHangup(
  reloaders: readonly Reloader[],
  io: ProcessIo,
  logger: Logger,
): () => void {
  if (reloaders.length === 0) return () => {};
  let last = Promise.resolve();
  const reload = async ({ what, reload }: Reloader): Promise<void> => {
    try {
      await reload();
      logger.log("info", `${what}: read again`);
    } catch (error) {
      logger.log("error", `${what}: the old one stays: ${messageOf(error)}`);
    }
  };
  return io.onHangup(() => {
    last = last.then(async () => {
      for (const reloader of reloaders) await reload(reloader);
    });
  });
}
