/**
 * The server on TCP, with its threads.
 *
 * @module
 */

import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { processorCount } from "../runtime/workers.ts";
import { Daemon } from "../server/daemon.ts";
import { ErrandPool } from "../server/errand_pool.ts";
import { DEFAULT_LIMITS, type Limits } from "../server/limits.ts";
import type { SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import { startThread } from "../threads.ts";
import { FileSystemBackend } from "./files.ts";
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
export interface ServeTcpOptions {
  /** Finds repositories. */
  readonly backend: Backend;
  /** Address to listen on; "127.0.0.1" unless told. */
  readonly hostname?: string;
  /** Port to listen on; 9418 unless told, 0 lets the system choose. */
  readonly port?: number;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  /** Bounds; see the README's table for what they are unless told. */
  readonly limits?: Partial<Limits>;
  /** What holds for every session; what git takes for granted unless told. */
  readonly terms?: Partial<SessionTerms>;
  /** Whether refused clients learn why; they do not unless told. */
  readonly informativeErrors?: boolean;
  /** The log; silent unless told. */
  readonly logger?: Logger;
}

/** A server that {@linkcode serveTcp} started. */
export interface TcpServer extends AsyncDisposable {
  /** The address it is bound to. */
  readonly hostname: string;
  /** The port it is bound to. */
  readonly port: number;
  /** Resolves when it has closed and every session has ended. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, lets sessions finish for up to `limits.drainMs`, aborts
   * the rest; resolves when all have ended. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Serves git:// on TCP. Resolves once it listens; rejects with a UsageError
 * (code "EADDRINUSE", "EACCES"...) where it cannot.
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
  const listener = await host().listen({
    hostname: options.hostname ?? "127.0.0.1",
    port: options.port ?? 9418,
    reuseAddress: true,
  }, (error) => {
    const why = error instanceof Error ? error.message : String(error);
    context.logger.log("error", `accept: ${why}`);
  });
  const daemon = new Daemon({ listeners: [listener], context });
  // Repositories on disk are what threads are for.
  if (options.backend instanceof FileSystemBackend) errands.warm();
  const close = () => {
    daemon.drain();
    return daemon.finished;
  };
  const { signal } = options;
  signal?.addEventListener("abort", close, { once: true });
  void daemon.finished.then(() => {
    errands.close();
    signal?.removeEventListener("abort", close);
  });
  return {
    hostname: listener.hostname,
    port: listener.port,
    finished: daemon.finished,
    close,
    [Symbol.asyncDispose]: close,
  };
}
