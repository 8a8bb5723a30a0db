/**
 * The server on TCP, with its threads.
 *
 * @module
 */

import type { Listener } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { processorCount } from "../runtime/workers.ts";
import { Daemon } from "../server/daemon.ts";
import { ErrandPool } from "../server/errand_pool.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import type { ServiceSetting } from "../server/service_settings.ts";
import type { PushCallbacks } from "../service/receive_pack/push_events.ts";
import type { SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import { startThread } from "../threads.ts";
import { FileSystemBackend } from "./files.ts";
import { listenEverywhere, type ListenPlaces } from "./listen.ts";
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

/** How {@linkcode serveTcp} serves. */
export interface ServeTcpOptions extends PushCallbacks {
  /** Finds repositories. */
  readonly backend: Backend;
  /**
   * Addresses to listen on, or host names, which stand for all of theirs;
   * "127.0.0.1" unless told, or none where there are `socketPaths`.
   */
  readonly hostname?: string | readonly string[];
  /** Port to listen on; 9418 unless told, 0 lets the system choose. */
  readonly port?: number;
  /**
   * Unix domain sockets to listen on, by their absolute paths. A socket that
   * nobody listens on any more is replaced.
   */
  readonly socketPaths?: readonly string[];
  /** The mode of these sockets: who may connect; 0o600 unless told. */
  readonly socketMode?: number;
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
  /** The log; silent unless told. */
  readonly logger?: Logger;
}

/** One place that a server listens in. */
export interface ServerAddress {
  /** The address; the path of a Unix domain socket. */
  readonly hostname: string;
  /** The port; 0 for a Unix domain socket. */
  readonly port: number;
  /** The path of a Unix domain socket; absent on TCP. */
  readonly path?: string;
}

/** A server that {@linkcode serveTcp} started. */
export interface TcpServer extends AsyncDisposable {
  /** The first address it is bound to. */
  readonly hostname: string;
  /** The port of that address. */
  readonly port: number;
  /** Every place it listens in, one at least. */
  readonly addresses: readonly ServerAddress[];
  /** Resolves when it has closed and every session has ended. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, lets sessions finish for up to `limits.drainMs`, aborts
   * the rest; resolves when all have ended. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Serves git:// on TCP, and on Unix domain sockets. Resolves once it listens;
 * rejects with a UsageError (code "EADDRINUSE", "EACCES"...) where it cannot
 * in any of the places; others that it cannot are logged.
 *
 * @example Serve one repository, and stop
 * ```ts
 * import assert from "node:assert/strict";
 * import { DictBackend, MemoryRepository, serveTcp } from "@gitsrv/gitsrv";
 *
 * const backend = new DictBackend({ "hello.git": new MemoryRepository() });
 * const server = await serveTcp({ backend, port: 0 });
 * assert.equal(server.hostname, "127.0.0.1");
 * // Now: git clone git://127.0.0.1:<server.port>/hello.git
 * await server.close();
 * ```
 */
export async function serveTcp(options: ServeTcpOptions): Promise<TcpServer> {
  options.signal?.throwIfAborted();
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
  const errands = errandPool(size, common.limits, common.logger);
  const context = { ...common, errands };
  const listeners = await listenEverywhere(
    placesOf(options),
    context.logger,
  );
  const addresses = listeners.map(addressOf);
  const [first] = addresses;
  if (first === undefined) throw new TypeError("Cannot serve: nowhere");
  try {
    options.beforeAccept?.(addresses);
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  const daemon = new Daemon({ listeners, context });
  // Repositories on disk are what threads are for.
  if (options.backend instanceof FileSystemBackend) errands.warm();
  const finished = daemon.finished.then(() => errands.close());
  const close = () => {
    daemon.drain();
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
    close,
    [Symbol.asyncDispose]: close,
  };
}

function placesOf(options: ServeTcpOptions): ListenPlaces {
  const { hostname, socketPaths = [] } = options;
  const usual = socketPaths.length > 0 ? [] : ["127.0.0.1"];
  return {
    hostnames: typeof hostname === "string" ? [hostname] : hostname ?? usual,
    port: options.port ?? 9418,
    socketPaths,
    socketMode: options.socketMode ?? 0o600,
  };
}

function addressOf({ hostname, port, path }: Listener): ServerAddress {
  return path === undefined ? { hostname, port } : { hostname, port, path };
}
