/**
 * `gitsrv daemon`: the words at the start, the log, the background, signals,
 * the end. What the options mean is `daemon_settings.ts` and `daemon_plan.ts`;
 * serving itself is `server/`.
 *
 * @module
 */

import { GitsrvError, messageOf, UsageError } from "../core/errors.ts";
import type { FileAccessOptions } from "../compose.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import type { AccessPolicy } from "../server/access/types.ts";
import { clearTextWarning } from "../server/access/clear_text.ts";
import { textLogger, withoutRepeats } from "../server/log.ts";
import {
  type ServiceSetting,
  withSettings,
} from "../server/service_settings.ts";
import { SERVICES } from "../server/services.ts";
import { expandNamespace } from "../service/namespaces.ts";
import { pushWords, readersOf } from "./access_words.ts";
import { EXIT } from "./command.ts";
import { friendlyPlan, gitPlan } from "./daemon_plan.ts";
import { reloadAtHangup, tlsReloaders } from "./daemon_http.ts";
import {
  absolute,
  checkConflicts,
  followsGit,
  limitsOf,
  listenSettings,
  type LogDestination,
  logDestination,
  serviceSettings,
} from "./daemon_settings.ts";
import {
  banner,
  cannotListen,
  isForHttp,
  type Served,
  withoutHttp,
} from "./daemon_words.ts";
import { EndRequests } from "./end_requests.ts";
import type { GivenOptions, ParsedArguments } from "./options.ts";

type Compose = typeof import("../compose.ts");
type System = typeof import("../compose/system.ts");

/** daemon.c: daemon_die, which is used where the log is the system's. */
const EXIT_TO_SYSLOG = 1;
/** daemon.c: what a session that was refused or failed returns, as a byte. */
const EXIT_SESSION = 255;

/** What every part of a start is given. */
interface Start {
  readonly options: GivenOptions;
  readonly rest: readonly string[];
  readonly io: ProcessIo;
  readonly services: readonly ServiceSetting[];
  readonly destination: LogDestination;
  readonly logger: Logger;
  readonly system: System;
}

/** Runs the daemon until a signal ends it; one session with `--inetd`. */
export async function runDaemon(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const services = offered(options);
  const destination = logDestination(options);
  const system = await import("../compose/system.ts");
  if (options.flag("detach") && !system.isInBackground()) {
    checkConflicts(options);
    return await system.startInBackground((text) => io.writeError(text));
  }
  const log = await openLog(options, destination, io, system);
  try {
    const start = {
      ...{ options, rest, io, services, destination, system },
      logger: log.logger,
    };
    checkConflicts(options);
    return options.flag("inetd") ? await serveOne(start) : await serve(start);
  } catch (error) {
    if (destination !== "syslog" || !(error instanceof GitsrvError)) {
      throw error;
    }
    if (error.code === "usage") throw error;
    log.logger.log("error", error.message);
    // With --inetd standard error may be the client's.
    if (!options.flag("inetd")) io.writeError(`fatal: ${error.message}\n`);
    return EXIT_TO_SYSLOG;
  } finally {
    await log.end();
  }
}

/** What was said of services, where all of it can be done. */
function offered(options: GivenOptions): readonly ServiceSetting[] {
  const given = serviceSettings(options);
  withSettings(SERVICES, given);
  // An archive holds nothing that a clone does not give as well.
  return followsGit(options)
    ? given
    : [{ service: "upload-archive", change: "enable" }, ...given];
}

interface OpenLog {
  readonly logger: Logger;
  /** Lets the last lines go. */
  end(): Promise<void>;
}

async function openLog(
  options: GivenOptions,
  destination: LogDestination,
  io: ProcessIo,
  system: System,
): Promise<OpenLog> {
  const verbose = options.flag("verbose");
  if (destination === "syslog") {
    const log = await system.openSystemLog("gitsrv");
    // With --inetd standard error may be the client's.
    if (!system.hasSystemLog() && !options.flag("inetd")) {
      io.writeError("warning: there is no /dev/log: what is logged is lost\n");
    }
    const write = (line: string, level: Parameters<typeof log.write>[0]) =>
      log.write(level, line.trimEnd());
    return {
      logger: withoutRepeats(textLogger({ verbose, write })),
      end: () => log.end(),
    };
  }
  const write = destination === "none"
    ? () => {}
    : (line: string) => io.writeError(line);
  return {
    logger: withNotice(
      withoutRepeats(textLogger({ pid: io.pid, verbose, write })),
      (words) => {
        if (destination === "none") return;
        if (!followsGit(options) || verbose) io.writeError(words);
      },
    ),
    end: () => Promise.resolve(),
  };
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

async function serve(start: Start): Promise<number> {
  const { options, io, logger, system, destination } = start;
  const { git, http } = listenSettings(options, io);
  const credentials = await credentialsOf(options, system);
  const compose = await import("../compose.ts");
  const { served, session } = sessionOptions(start, compose);
  const pidFile = options.text("pid-file");
  const places = {
    ...(git === undefined ? {} : { git }),
    ...(http === undefined ? {} : { http }),
  };
  const server = await listening(
    { git: git?.port, http: http?.port },
    served.kind,
    () =>
      compose.startServer({
        ...session,
        beforeAccept() {
          if (pidFile !== undefined) writePid(pidFile, io);
          if (credentials !== undefined) system.dropPrivileges(credentials);
        },
      }, places),
  );
  logger.log("info", "Ready to rumble");
  if (session.access?.asksForCredentials === true) {
    const warning = clearTextWarning(server.addresses);
    if (warning !== undefined) logger.log("error", `warning: ${warning}`);
  }
  const isHttp = server.addresses.some(({ scheme }) => scheme !== "git");
  if (http !== undefined && !isHttp && destination === "stderr") {
    io.writeError(withoutHttp(http.port));
  }
  const isInBackground = system.isInBackground();
  // git says nothing here; where nobody looks, neither do we.
  if (served.kind !== "git-rules" || destination === "stderr") {
    const { hostname, port, addresses } = server;
    const background = isInBackground ? { background: io.pid } : {};
    const takesPushes = withSettings(SERVICES, start.services).some((row) =>
      row.name === "receive-pack" && row.isEnabled
    );
    const { access } = session;
    const facts = {
      takesPushes,
      refusesPushes: start.services.findLast(({ service, change }) =>
        service === "receive-pack" && /^(?:en|dis)able$/.test(change)
      )?.change === "disable",
      knowsUsers: isHttp && access?.asksForCredentials === true,
      rules: access?.pushing,
    };
    const at = { hostname, port, addresses, ...background };
    io.writeError(banner({
      ...served,
      ...at,
      access: pushWords(facts),
      readers: (path) =>
        readersOf({
          anyone: mayAnyoneRead(access, path),
          users: facts.knowsUsers,
        }),
    }));
  }
  io.onStrayError((error) => {
    const stack = error instanceof Error ? error.stack : undefined;
    logger.log("error", `BUG: ${stack ?? messageOf(error)}`);
  });
  if (isInBackground) {
    await io.flushError();
    system.settleInBackground();
  }
  const { access } = session;
  const reloaders = [
    ...tlsReloaders(options, io, (tls) => server.renew(tls)),
    ...(access === undefined ? [] : [{
      what: "users and rules",
      reload: async () => await access.reload(),
    }]),
  ];
  const deaf = reloadAtHangup(reloaders, io, logger);
  const code = await untilSignal(server, io);
  deaf();
  return code;
}

/** The connection that another server has accepted: daemon.c, execute. */
async function serveOne(start: Start): Promise<number> {
  const compose = await import("../compose.ts");
  const { session } = sessionOptions(start, compose);
  const outcome = await compose.serveInetd(session);
  return outcome === "done" ? EXIT.ok : EXIT_SESSION;
}

function sessionOptions(start: Start, compose: Compose) {
  const { options, rest, io, logger, services } = start;
  const isGit = followsGit(options);
  const given = accessOf(start, compose);
  const { backend, served } = isGit
    ? gitPlan(options, rest, io, compose, logger)
    : friendlyPlan(rest, io, compose, {
      logger,
      suits: (path) => mayAnyoneRead(given.access, path),
    });
  const hook = options.text("access-hook");
  const session = {
    backend,
    limits: limitsOf(options),
    terms: {
      filters: !isGit,
      namespace: expandNamespace(io.env("GIT_NAMESPACE") ?? ""),
    },
    services,
    // What has no slash is looked for on the search path.
    ...(hook === undefined
      ? {}
      : { accessHook: hook.includes("/") ? absolute(hook, io) : hook }),
    ...given,
    informativeErrors: options.flag("informative-errors"),
    createOnPush: options.flag("create-on-push"),
    logger,
  };
  return { served, session };
}

function mayAnyoneRead(
  access: AccessPolicy | undefined,
  path: string,
): boolean {
  return access?.rules?.allows(`/${path}`, "read", undefined) !== false;
}

/** Who may, where options say so. */
function accessOf(
  { options, io, logger }: Start,
  compose: Compose,
): { readonly access?: InstanceType<Compose["FileAccess"]> } {
  const given = ["htpasswd", "tokens", "config"].flatMap((name) => {
    const path = options.text(name);
    return path === undefined ? [] : [[name, absolute(path, io)]];
  });
  if (given.length === 0) return {};
  const files: FileAccessOptions = Object.fromEntries(given);
  return { access: new compose.FileAccess({ ...files, logger }) };
}

/** daemon.c: prepare_credentials. */
async function credentialsOf(options: GivenOptions, system: System) {
  const name = options.text("user");
  if (name === undefined) return undefined;
  const user = await system.findUser(name);
  if (user === undefined) {
    throw new UsageError("no-user", `user not found - ${name}`);
  }
  const group = options.text("group");
  const gid = group === undefined ? user.gid : await system.findGroup(group);
  if (gid === undefined) {
    throw new UsageError("no-group", `group not found - ${group}`);
  }
  const why = system.cannotDropPrivileges();
  if (why !== undefined) throw new UsageError("no-privileges", why);
  return { name, uid: user.uid, gid };
}

/** Starts a server; that it cannot listen is said as daemon.c says it. */
async function listening<T>(
  ports: Readonly<Record<"git" | "http", number | undefined>>,
  kind: Served["kind"],
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    // The log has the reason already; other codes are not the system's.
    if (
      !(error instanceof UsageError) || !/^E[A-Z]+$|^listen/.test(error.code)
    ) {
      throw error;
    }
    const port = isForHttp(error) ? ports.http : ports.git;
    throw cannotListen(error, port ?? 0, kind);
  }
}

function writePid(path: string, io: ProcessIo): void {
  try {
    io.writeFile(absolute(path, io), `${io.pid}\n`);
  } catch (cause) {
    throw new UsageError(
      "pid-file",
      `could not open '${path}' for writing: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/** "No such file or directory" of "ENOENT: no such file or directory, open". */
function reasonOf(cause: unknown): string {
  const reason = /^E\w+: ([^,]+)/.exec(messageOf(cause))?.[1];
  return reason === undefined
    ? messageOf(cause)
    : reason.slice(0, 1).toUpperCase() + reason.slice(1);
}

/** Serves until a signal; ends by that signal as git daemon does. */
async function untilSignal(
  server: Awaited<ReturnType<Compose["startServer"]>>,
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
