/**
 * The options of `gitsrv daemon` as settings, and what contradicts itself
 * among them, in the words of daemon.c. Which repositories are served is
 * `daemon_plan.ts`.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { TlsPair } from "../core/http_host.ts";
import type { ProcessIo } from "../core/process.ts";
import { LIMITS, type Limits, toInternal } from "../server/limits.ts";
import type {
  ServiceChange,
  ServiceSetting,
} from "../server/service_settings.ts";
import {
  checkHttpConflicts,
  DEFAULT_HTTP_PORT,
  tlsPair,
} from "./daemon_http.ts";
import type { GivenOptions } from "./options.ts";
import { absolute } from "./paths.ts";

const DEFAULT_PORT = 9418;
const LOCAL = "127.0.0.1";

/** Any of these brings git daemon's rules for paths. */
const GIT_RULES = [
  "base-path",
  "base-path-relaxed",
  "strict-paths",
  "interpolated-path",
  "user-path",
];

/** Where the log goes. */
export type LogDestination = "stderr" | "syslog" | "none";

/** Where to listen. */
export interface ListenSettings {
  /** For git://, unless that is switched off. */
  readonly git?: {
    /** Host names and addresses. */
    readonly hostnames: readonly string[];
    /** The TCP port. */
    readonly port: number;
    /** Unix domain sockets. */
    readonly socketPaths: readonly string[];
    /** Their mode. */
    readonly socketMode: number;
  };
  /** For HTTP, where that is asked for. */
  readonly http?: {
    /** Host names and addresses. */
    readonly hostnames: readonly string[];
    /** The TCP port. */
    readonly port: number;
    /** The URL of `/` for others, where it is not that of this server. */
    readonly publicUrl?: string;
    /** Makes it HTTPS. */
    readonly tls?: TlsPair;
    /** Nobody has named the port, and so it does not have to be had. */
    readonly whenTaken: "fail" | "go-on";
    /** What its requests share. */
    readonly context: { readonly cors: readonly string[] };
  };
}

/** Whether git daemon's rules say what is served. */
export function followsGit(options: GivenOptions): boolean {
  return GIT_RULES.some((name) => options.has(name));
}

/** Throws a UsageError where options cannot go together, as daemon.c does. */
export function checkConflicts(options: GivenOptions): void {
  const has = (name: string): boolean =>
    options.flag(name) || options.text(name) !== undefined;
  checkHttpConflicts(options, servesGit(options));
  const isInetd = options.flag("inetd");
  if (isInetd && ["detach", "group", "user"].some(has)) {
    throw new UsageError(
      "conflict",
      "--detach, --user and --group are incompatible with --inetd",
    );
  }
  if (isInetd && ["listen", "port"].some(has)) {
    throw new UsageError(
      "conflict",
      "--listen= and --port= are incompatible with --inetd",
    );
  }
  if (has("group") && !has("user")) {
    throw new UsageError("conflict", "--group supplied without --user");
  }
}

/** Where the log goes: daemon.c, cmd_main. */
export function logDestination(options: GivenOptions): LogDestination {
  const last = options.among(["syslog", "log-destination"]).at(-1);
  if (last === undefined || last.value === false) {
    return options.flag("inetd") || options.flag("detach")
      ? "syslog"
      : "stderr";
  }
  const where = last.name === "syslog" ? "syslog" : last.value;
  if (where === "stderr" || where === "syslog" || where === "none") {
    return where;
  }
  throw new UsageError(
    "log-destination",
    `unknown log destination '${String(where)}'`,
  );
}

/** What was said of services, in order. */
export function serviceSettings(options: GivenOptions): ServiceSetting[] {
  const changes: readonly ServiceChange[] = [
    "enable",
    "disable",
    "allow-override",
    "forbid-override",
  ];
  return options.among([...changes, "allow-push"]).flatMap(
    ({ name, value }): ServiceSetting[] => {
      if (name === "allow-push") {
        const change = value === true ? "enable" : "disable";
        return [{ service: "receive-pack", change }];
      }
      return typeof value === "string"
        ? [{ service: value, change: name as ServiceChange }]
        : [];
    },
  );
}

/** Where to listen. Throws a UsageError "usage" for what is no place. */
export function listenSettings(
  options: GivenOptions,
  io: ProcessIo,
): ListenSettings {
  const mode = options.text("socket-mode") ?? "0600";
  if (!/^0?[0-7]{3}$/.test(mode)) {
    throw new UsageError("usage", "option `socket-mode' expects a file mode");
  }
  const named: string[] = [];
  const socketPaths: string[] = [];
  for (const place of options.all("listen")) {
    const path = /^(?:unix:(.+)|(\/.*))$/.exec(place);
    if (path !== null) {
      socketPaths.push(absolute(path[1] ?? path[2] ?? "", io));
    } else named.push(place.toLowerCase().replace(/^\[(.*)\]$/, "$1"));
  }
  const isLocal = named.length === 0;
  const isSockets = isLocal && socketPaths.length > 0;
  const http = httpSettings(options, io, {
    hostnames: isLocal ? [LOCAL] : named,
    // Who names sockets alone wants no port that nobody has named.
    isAskedFor: followsGit(options) || isSockets,
  });
  if (!servesGit(options)) {
    if (http !== undefined) return { http };
    throw new UsageError("conflict", "--no-git needs --http-port here");
  }
  return {
    git: {
      hostnames: isSockets ? [] : isLocal ? [LOCAL] : named,
      port: portOf(options, "port") ?? DEFAULT_PORT,
      socketPaths,
      socketMode: parseInt(mode, 8),
    },
    ...(http === undefined ? {} : { http }),
  };
}

/** Whether git:// is served. */
export function servesGit(options: GivenOptions): boolean {
  return options.among(["git"]).at(-1)?.value !== false;
}

/** HTTP; by git's rules, and where `isAskedFor`, only with a port or --http. */
function httpSettings(
  options: GivenOptions,
  io: ProcessIo,
  { hostnames, isAskedFor }: {
    readonly hostnames: readonly string[];
    readonly isAskedFor: boolean;
  },
): ListenSettings["http"] {
  const asked = portOf(options, "http-port");
  if (options.among(["http"]).at(-1)?.value === false) return undefined;
  const isNamed = asked !== undefined || options.flag("http");
  if (isAskedFor && !isNamed) {
    const others = ["tls-cert", "cors", "public-url"];
    const other = others.find((name) => options.has(name));
    if (other === undefined) return undefined;
    throw new UsageError("conflict", `--${other} needs --http-port here`);
  }
  const tls = tlsPair(options, io);
  const publicUrl = options.text("public-url");
  return {
    hostnames,
    port: asked ?? DEFAULT_HTTP_PORT,
    ...(tls === undefined ? {} : { tls }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    whenTaken: isNamed || tls !== undefined ? "fail" : "go-on",
    context: { cors: options.all("cors") },
  };
}

function portOf(options: GivenOptions, name: string): number | undefined {
  const port = options.integer(name);
  if (port !== undefined && (port < 0 || port > 65535)) {
    throw new UsageError("usage", `option \`${name}' expects a port number`);
  }
  return port;
}

/** The limits that were given. */
export function limitsOf(options: GivenOptions): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const row of LIMITS) {
    if (row.option === undefined) continue;
    const value = row.unit === "bytes"
      ? options.size(row.option)
      : options.integer(row.option);
    if (value === undefined) continue;
    // daemon.c: a negative number of connections is no limit.
    limits[row.name] = toInternal(row, Math.max(0, value));
  }
  return limits;
}

export { absolute } from "./paths.ts";
