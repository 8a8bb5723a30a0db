/**
 * `gitsrv daemon`: options to settings, the words at the start, signals, the
 * end. Serving itself is `server/`.
 *
 * @module
 */

import { messageOf, UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import { LIMITS, type Limits, toInternal } from "../server/limits.ts";
import { textLogger, withoutRepeats } from "../server/log.ts";
import type { Backend } from "../storage/types.ts";
import { EXIT } from "./command.ts";
import {
  banner,
  cannotListen,
  missingDirectory,
  type Served,
  WELCOME_NAME,
} from "./daemon_words.ts";
import { EndRequests } from "./end_requests.ts";
import { fillWelcome } from "./welcome.ts";
import type { GivenOptions, ParsedArguments } from "./options.ts";

type Compose = typeof import("../compose.ts");

const DEFAULT_ROOT = "./repos";
const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 9418;
/** Any of these brings git daemon's rules for paths. */
const GIT_RULES = ["base-path", "base-path-relaxed", "strict-paths"];

/** Runs the daemon until a signal ends it. */
export async function runDaemon(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const isGit = GIT_RULES.some((name) => options.has(name));
  const isVerbose = options.flag("verbose");
  const logger = withNotice(
    withoutRepeats(textLogger({
      pid: io.pid,
      verbose: isVerbose,
      write: (line) => io.writeError(line),
    })),
    (words) => {
      if (!isGit || isVerbose) io.writeError(words);
    },
  );
  const limits = limitsOf(options);
  const port = options.integer("port") ?? DEFAULT_PORT;
  if (port < 0 || port > 65535) {
    throw new UsageError("usage", "option `port' expects a port number");
  }
  const compose = await import("../compose.ts");
  const plan = isGit
    ? gitPlan(options, rest, io, compose, logger)
    : friendlyPlan(rest, io, compose, logger);
  const server = await listening(
    port,
    plan.served.kind,
    logger,
    () =>
      compose.serveTcp({
        backend: plan.backend,
        hostname: options.text("listen") ?? DEFAULT_HOST,
        port,
        limits,
        informativeErrors: options.flag("informative-errors"),
        logger,
      }),
  );
  const pidFile = options.text("pid-file");
  if (pidFile !== undefined) writePid(pidFile, io);
  logger.log("info", "Ready to rumble");
  io.writeError(banner({ ...plan.served, ...server }));
  io.onStrayError((error) => {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.log("error", `BUG: ${stack ?? messageOf(error)}`);
  });
  return await untilSignal(server, io);
}

interface Plan {
  readonly backend: Backend;
  readonly served: Served;
}

/**
 * Tells `show` in place of the log when sessions hold up the end: somebody may
 * sit there and wait.
 */
function withNotice(logger: Logger, show: (words: string) => void): Logger {
  return {
    log(level, message, fields) {
      if (fields?.waiting === undefined) logger.log(level, message, fields);
      else show(`${message}; press Ctrl-C again to end now.\n`);
    },
  };
}

/** One directory, and everything below it. */
function friendlyPlan(
  directories: readonly string[],
  io: ProcessIo,
  compose: Compose,
  logger: Logger,
): Plan {
  const [named, second] = directories;
  if (second !== undefined) {
    throw new UsageError(
      "usage",
      "more than one directory needs --base-path or --strict-paths",
    );
  }
  const root = named ?? DEFAULT_ROOT;
  const found = root === "" ? undefined : io.kindOf(absolute(root, io));
  if (found !== "directory") {
    if (named !== undefined) throw missingDirectory(root, found);
    const welcome = new compose.MemoryRepository();
    fillWelcome(welcome);
    return {
      backend: new compose.DictBackend({ [WELCOME_NAME]: welcome }),
      served: { kind: "welcome" },
    };
  }
  const path = absolute(root, io);
  return {
    backend: new compose.FileSystemBackend(path, { logger }),
    served: {
      kind: "directory",
      directory: root,
      example: compose.findRepository(path),
    },
  };
}

/** git daemon's own rules. */
function gitPlan(
  options: GivenOptions,
  directories: readonly string[],
  io: ProcessIo,
  compose: Compose,
  logger: Logger,
): Plan {
  const given = options.text("base-path");
  const basePath = given === undefined ? undefined : absolute(given, io);
  const isStrict = options.flag("strict-paths");
  if (isStrict && directories.length === 0) {
    throw new UsageError(
      "strict-paths",
      "option --strict-paths requires '<directory>' arguments",
    );
  }
  if (
    basePath !== undefined &&
    (given === "" || io.kindOf(basePath) !== "directory")
  ) {
    throw new UsageError(
      "base-path",
      `base-path '${given}' does not exist or is not a directory`,
    );
  }
  const backend = new compose.FileSystemBackend({
    rules: "git",
    ...(basePath === undefined ? {} : { basePath }),
    basePathRelaxed: options.flag("base-path-relaxed"),
    strictPaths: isStrict,
    exportAll: options.flag("export-all"),
    directories,
  }, { logger });
  return { backend, served: { kind: "git-rules", basePath } };
}

function limitsOf(options: GivenOptions): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const row of LIMITS) {
    if (row.option === undefined) continue;
    const value = options.integer(row.option);
    if (value === undefined) continue;
    // daemon.c: a negative number of connections is no limit.
    limits[row.name] = toInternal(row, Math.max(0, value));
  }
  return limits;
}

/** Starts a server; why it cannot listen is said as daemon.c says it. */
async function listening<T>(
  port: number,
  kind: Served["kind"],
  logger: Logger,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { log, fatal } = cannotListen(error, port, kind);
    logger.log("error", log);
    throw fatal;
  }
}

function writePid(path: string, io: ProcessIo): void {
  try {
    io.writeFile(absolute(path, io), `${io.pid}\n`);
  } catch (cause) {
    throw new UsageError(
      "pid-file",
      `could not write '${path}': ${messageOf(cause)}`,
      { cause },
    );
  }
}

function absolute(path: string, io: ProcessIo): string {
  return path.startsWith("/") ? path : `${io.cwd()}/${path}`;
}

/** Serves until a signal; ends by that signal as git daemon does. */
async function untilSignal(
  server: Awaited<ReturnType<Compose["serveTcp"]>>,
  io: ProcessIo,
): Promise<number> {
  const requests = new EndRequests(() => performance.now());
  const ended = Promise.withResolvers<void>();
  const restore = io.onSignal(["SIGTERM", "SIGINT"], (signal) => {
    const request = requests.take(signal);
    if (request === "first") void server.close();
    if (request === "again") ended.resolve();
  });
  await Promise.race([server.finished, ended.promise]);
  restore();
  await io.flushError();
  const received = requests.signal;
  if (received === undefined) return EXIT.ok;
  io.killSelf(received);
  // The signal is on its way; where it is blocked, this is the end.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return EXIT.failure;
}
