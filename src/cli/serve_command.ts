/**
 * `gitsrv serve-command git-upload-pack <directory>`: one session on standard
 * input and output, with the exit codes and the words of git's own command.
 *
 * @see https://git-scm.com/docs/git-upload-pack
 * @module
 */

import { messageOf, RefusedError, UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import { EXIT } from "./command.ts";
import type { ParsedArguments } from "./options.ts";

const NOT_SERVED = ["git-receive-pack", "git-upload-archive"];

/** Runs one session; resolves to the exit code. */
export async function runServeCommand(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const [service, directory, ...others] = rest;
  if (service === undefined) throw usage("which service?");
  if (NOT_SERVED.includes(service)) {
    throw new RefusedError("not-served", `'${service}' is not served`);
  }
  if (service !== "git-upload-pack") {
    throw usage(`unknown service '${service}'`);
  }
  if (directory === undefined) throw usage("which directory?");
  if (others.length > 0) throw usage("too many arguments");
  const logger: Logger = {
    log(level, message) {
      if (level === "error" || level === "warn") {
        io.writeError(`${level}: ${message}\n`);
      }
    },
  };
  const compose = await import("../compose.ts");
  const path = homePath(directory, io);
  const backend = compose.directoryBackend({
    mode: options.flag("strict") ? "strict" : "suffixes",
    logger,
  });
  try {
    await compose.serveCommand({
      backend,
      service,
      path: path.startsWith("/") ? path : `${io.cwd()}/${path}`,
      protocol: io.env("GIT_PROTOCOL") ?? "",
      limits: {
        timeoutMs: Math.max(0, options.integer("timeout") ?? 0) * 1000,
      },
      logger,
    });
    return EXIT.ok;
  } catch (error) {
    io.writeError(fatal(error, directory));
    return EXIT.fatal;
  }
}

function fatal(error: unknown, directory: string): string {
  const message = error instanceof RefusedError &&
      error.code === "no-such-repository"
    ? `'${directory}' does not appear to be a git repository`
    : messageOf(error);
  return `fatal: ${message}\n`;
}

/** git expands ~ here; other users' homes are not known to us. */
function homePath(path: string, io: ProcessIo): string {
  const home = io.env("HOME");
  return home !== undefined && (path === "~" || path.startsWith("~/"))
    ? `${home}${path.slice(1)}`
    : path;
}

function usage(message: string): UsageError {
  return new UsageError("usage", message);
}
