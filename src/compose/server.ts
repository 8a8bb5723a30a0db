/**
 * A server with its threads, whatever it listens for.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Listener } from "../core/host.ts";
import type { HttpListener, TlsPair } from "../core/http_host.ts";
import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { processorCount } from "../runtime/workers.ts";
import { Daemon } from "../server/daemon.ts";
import { ErrandPool } from "../server/errand_pool.ts";
import type { HttpContext } from "../server/http/types.ts";
import type { AccessPolicy } from "../server/access/types.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import type { ServiceSetting } from "../server/service_settings.ts";
import type { SessionContext } from "../server/session_context.ts";
import type { PushCallbacks } from "../service/receive_pack/push_events.ts";
import type { SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import { startThread } from "../threads.ts";
import { FileSystemBackend } from "./files.ts";
import {
  type HttpPlaces,
  listenEverywhere,
  listenHttpEverywhere,
  type ListenPlaces,
} from "./listen.ts";
import { mostHelpers } from "./resolve_threads.ts";
import { sessionContext } from "./session.ts";

/** Threads that look into repositories, so that this one serves sockets. */
function errandPool(
  size: number,
  limits: Limits,
  logger: Logger,
): ErrandPool {
  return new ErrandPool({
    size,
    settings: {
      answerCacheBytes: limits.answerCacheBytes,
      sharedBytes: limits.packTableBytes,
    },
    helpers: mostHelpers(),
    start: startThread,
    clock: host().clock,
    logger,
  });
}

/** A thread's share of kept listings: one of 100,000 refs takes 8 MiB. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;
/** Threads that are started unless told, at most. */
const MAX_WORKERS = 8;

/** What is served, whatever it is served by. */
export interface ServeOptions extends PushCallbacks {
  /** Finds repositories. */
  readonly backend: Backend;
  /**
   * Called when everything is listened on, before the first connection is
   * taken. What it throws closes the server, and rejects.
   */
  readonly beforeAccept?: (addresses: readonly ServerAddress[]) => void;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  /** Bounds; see the README's table for what they are unless told. */
  readonly limits?: Partial<Limits>;
  /** What holds for every session; what git takes for granted unless told. */
  readonly terms?: Partial<SessionTerms>;
  /** Whether refused clients learn why; they do not unless told. */
  readonly informativeErrors?: boolean;
  /**
   * Which services are offered, beside git daemon's defaults; in order, of
   * contradicting ones the last counts.
   */
  readonly services?: readonly ServiceSetting[];
  /**
   * Whether a push that finds no repository makes a bare one, where the
   * backend can; not unless told.
   */
  readonly createOnPush?: boolean;
  /**
   * A program that decides over every request, as git daemon's
   * `--access-hook`: an absolute path, or a name on the search path.
   */
  readonly accessHook?: string;
  /**
   * Who there is and what they may: all that `services` says, unless told.
   * Over git:// nobody is known.
   */
  readonly access?: AccessPolicy;
  /** The log; silent unless told. */
  readonly logger?: Logger;
}

/** One place that a server listens in. */
export interface ServerAddress {
  /** How it is spoken to. */
  readonly scheme: "git" | "http" | "https";
  /** The address; the path of a Unix domain socket. */
  readonly hostname: string;
  /** The port; 0 for a Unix domain socket. */
  readonly port: number;
  /** The path of a Unix domain socket; absent on TCP. */
  readonly path?: string;
}

/** A server that was started. */
export interface RunningServer extends AsyncDisposable {
  /** The first address it is bound to. */
  readonly hostname: string;
  /** The port of that address. */
  readonly port: number;
  /** Every place it listens in, one at least; git:// first. */
  readonly addresses: readonly ServerAddress[];
  /** Resolves when it has closed and every session has ended. */
  readonly finished: Promise<void>;
  /** Uses another certificate for connections over TLS that come. */
  renew(tls: TlsPair): Promise<void>;
  /**
   * Stops accepting, lets sessions finish for up to `limits.drainMs`, aborts
   * the rest; resolves when all have ended. Idempotent.
   */
  close(): Promise<void>;
}

/** Where a server listens, and for what. */
export interface ServedPlaces {
  /** git://. */
  readonly git?: ListenPlaces;
  /** HTTP. */
  readonly http?: HttpPlaces & {
    /** The URL of `/` for others, where it is not that of this server. */
    readonly publicUrl?: string;
    /** What becomes of a start that finds the port taken: "fail" unless told. */
    readonly whenTaken?: "fail" | "go-on";
    /** What its requests share beside what sessions do. */
    readonly context: Omit<HttpContext, keyof SessionContext | "pages">;
  };
}

/**
 * Serves in all of `places`. Resolves once it listens; rejects with a
 * UsageError where one of the transports can be listened for nowhere.
 */
export async function startServer(
  options: ServeOptions,
  places: ServedPlaces,
): Promise<RunningServer> {
  options.signal?.throwIfAborted();
  const context = withThreads(options);
  const { errands } = context;
  const listeners = places.git === undefined
    ? []
    : await listenEverywhere(places.git, context.logger);
  const stop = () => listeners.forEach((listener) => listener.close());
  const addresses = listeners.map(addressOf);
  const accepting = Promise.withResolvers<void>();
  const { daemon: http, listeners: httpListeners } = await startHttp(
    { ...context, ...httpAccess(options) },
    places,
    { addresses, accepting: accepting.promise },
  ).catch((error) => {
    stop();
    throw error;
  });
  const scheme = places.http?.tls === undefined ? "http" : "https";
  addresses.push(
    ...httpListeners.map(({ hostname, port }): ServerAddress => ({
      scheme,
      hostname,
      port,
    })),
  );
  const [first] = addresses;
  if (first === undefined) throw new TypeError("Cannot serve: nowhere");
  try {
    options.beforeAccept?.(addresses);
  } catch (error) {
    stop();
    http?.abort();
    throw error;
  }
  const daemon = new Daemon({ listeners, context });
  accepting.resolve();
  // Repositories on disk are what threads are for.
  if (options.backend instanceof FileSystemBackend) errands.warm();
  const finished = Promise.all([daemon.finished, http?.finished])
    .then(() => errands.close());
  const close = () => {
    daemon.drain();
    http?.drain();
    return finished;
  };
  const { signal } = options;
  signal?.addEventListener("abort", close, { once: true });
  void finished.then(() => signal?.removeEventListener("abort", close));
  return {
    hostname: first.hostname,
    port: first.port,
    addresses,
    finished,
    renew: async (tls) => await http?.renew(tls),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What HTTP alone takes of an {@linkcode AccessPolicy}. */
export function httpAccess(
  { access }: Pick<ServeOptions, "access">,
): Pick<HttpContext, "credentials"> {
  return access?.credentials === undefined
    ? {}
    : { credentials: access.credentials };
}

/**
 * HTTP, whose code is loaded where it is listened for. `addresses` is what the
 * server listens in, and may grow; what comes before `accepting` waits for it.
 */
async function startHttp(
  context: HttpContext,
  { http, git }: ServedPlaces,
  { addresses, accepting }: {
    readonly addresses: readonly ServerAddress[];
    readonly accepting: Promise<void>;
  },
) {
  if (http === undefined) return { listeners: [] as readonly HttpListener[] };
  const { HttpDaemon } = await import("../server/http/daemon.ts");
  const { pages } = await import("../server/http/pages.ts");
  const { parsePublicUrl } = await import("../server/http/clone_lines.ts");
  const { publicUrl } = http;
  const daemon = new HttpDaemon({
    ...context,
    ...http.context,
    pages: pages({
      addresses: () => addresses,
      ...(publicUrl === undefined
        ? {}
        : { publicUrl: parsePublicUrl(publicUrl) }),
    }),
  });
  let isAccepting = false;
  void accepting.then(() => isAccepting = true);
  const listeners = await listenHttpEverywhere(
    http,
    async (request, peer) => {
      if (!isAccepting) await accepting;
      return await daemon.answer(request, peer);
    },
    context.logger,
  ).catch((error) => {
    const isTaken = error instanceof UsageError && error.code === "EADDRINUSE";
    if (isTaken && git !== undefined && http.whenTaken === "go-on") return [];
    throw error;
  });
  daemon.serve(listeners);
  return { daemon, listeners };
}

/** What sessions share, with threads for their errands. */
function withThreads(
  options: ServeOptions,
): SessionContext & { readonly errands: ErrandPool } {
  const { workers = 0, answerCacheBytes } = {
    ...DEFAULT_LIMITS,
    ...options.limits,
  };
  const size = workers > 0 ? workers : Math.min(MAX_WORKERS, processorCount());
  // Each thread has its share, this one too.
  const limits = {
    ...options.limits,
    answerCacheBytes: Math.min(
      answerCacheBytes,
      Math.max(answerCacheBytes / (size + 1), MIN_ANSWER_BYTES),
    ),
  };
  const common = sessionContext({ ...options, limits });
  return {
    ...common,
    errands: errandPool(size, common.limits, common.logger),
  };
}

function addressOf({ hostname, port, path }: Listener): ServerAddress {
  const scheme = "git";
  return path === undefined
    ? { scheme, hostname, port }
    : { scheme, hostname, port, path };
}
