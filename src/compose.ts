/**
 * Where the rooms are joined: runtime, kernels and storage are handed to the
 * server. The library's functions and the commands both start here.
 *
 * @module
 */

import type { Connection } from "./core/host.ts";
import { type Logger, SILENT } from "./core/logger.ts";
import { selectKernels } from "./kernels/select.ts";
import type { Kernels } from "./kernels/types.ts";
import { host } from "./runtime/detect.ts";
import { NODE_FILES } from "./runtime/files.ts";
import { currentProcess, userId } from "./runtime/process.ts";
import { processorCount, startWorker } from "./runtime/workers.ts";
import { AnswerCache } from "./service/answers.ts";
import { runCommandSession } from "./server/command_session.ts";
import { Daemon } from "./server/daemon.ts";
import { ErrandPool } from "./server/errand_pool.ts";
import { DEFAULT_LIMITS, type Limits } from "./server/limits.ts";
import { SERVICES } from "./server/services.ts";
import type { SessionContext } from "./server/session_context.ts";
import { streamConnection } from "./server/stream_connection.ts";
import { AGENT } from "./server/version.ts";
import { FileBackend } from "./storage/files/backend.ts";
import type { ExposureRules } from "./storage/files/exposure.ts";
import type { SearchMode } from "./storage/files/layout.ts";
import {
  MemoryRepository as MemoryStore,
  type MemoryRepositoryInit,
} from "./storage/memory/memory_repository.ts";
import type { ObjectStoreOptions } from "./storage/objects/options.ts";
import type {
  Backend,
  Repository,
  RepositoryAddress,
} from "./storage/types.ts";

export { DictBackend } from "./server/dict_backend.ts";
export type { MemoryStore };

/** Chosen when first asked for: a session that lists refs needs none. */
const DEFAULT_KERNELS: { chosen?: Kernels } = {};

/** The kernels to use, the same every time. */
export function defaultKernels(logger: Logger = SILENT): Kernels {
  return DEFAULT_KERNELS.chosen ??= selectKernels(logger);
}

/** Options of a {@linkcode FileSystemBackend}. */
export interface FileSystemBackendOptions {
  /** Where warnings about repositories go; nowhere unless told. */
  readonly logger?: Logger;
}

/**
 * Serves repositories on disk. By default every repository at or below one
 * directory is served and nothing outside it; with `{ rules: "git" }` the
 * rules are git daemon's.
 *
 * @example Serve what is below a directory
 * ```ts
 * import assert from "node:assert/strict";
 * import { FileSystemBackend } from "@gitsrv/gitsrv";
 *
 * const backend = new FileSystemBackend("./repos");
 * const refused = await backend.openRepository("/../etc").catch((e) => e);
 * assert.equal(refused.code, "no-such-repository");
 * ```
 */
export class FileSystemBackend implements Backend {
  readonly #backend: FileBackend;

  /** Reads nothing yet. Relative directories are taken from where we run. */
  constructor(
    root: string | ExposureRules,
    options: FileSystemBackendOptions = {},
  ) {
    const exposure: ExposureRules = typeof root === "string"
      ? { rules: "friendly", root: absolute(root, currentProcess().cwd()) }
      : root;
    this.#backend = fileBackend(exposure, options.logger);
  }

  /**
   * The repository that a client means by `path`, which starts with a slash.
   * Rejects with a RefusedError where there is none that it may have, and with
   * a StorageError where it cannot be read.
   */
  openRepository(path: string): Promise<Repository> {
    return this.#backend.openRepository(path);
  }

  /**
   * The repository at a directory that the caller answers for, wherever it
   * is. With "strict" no `.git` is added. Rejects as `openRepository`.
   */
  openDirectory(path: string, mode: SearchMode): Promise<Repository> {
    return this.#backend.openAt(path, mode);
  }
}

function fileBackend(
  exposure: ExposureRules,
  logger: Logger = SILENT,
  objects: ObjectStoreOptions = {},
): FileBackend {
  const { env } = currentProcess();
  const home = env("HOME");
  return new FileBackend({
    exposure,
    fileSystem: NODE_FILES,
    kernels: defaultKernels(logger),
    logger,
    owners: trustedOwners(env),
    configFiles: configFiles(env),
    objects,
    ...(home === undefined ? {} : { home }),
  });
}

/** For a thread: opens repositories that another thread has found. */
export function addressOpener(
  logger: Logger,
  objects: ObjectStoreOptions,
): (address: RepositoryAddress) => Promise<Repository> {
  const backend = fileBackend(
    { rules: "friendly", root: "/" },
    logger,
    objects,
  );
  return (address) => backend.openLayout(address);
}

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
    start: (handlers) =>
      startWorker(new URL("./worker.ts", import.meta.url), handlers),
    clock: host().clock,
    logger,
  });
}

/** A thread's share of kept listings: one of 100,000 refs takes 8 MiB. */
const MIN_ANSWER_BYTES = 16 * 1024 * 1024;
/** Threads that are started unless told, at most. */
const MAX_WORKERS = 8;

/** Options of a {@linkcode MemoryRepository}. */
export type MemoryRepositoryOptions = Omit<MemoryRepositoryInit, "kernels">;

/**
 * A repository in memory: for programs that serve what they compute, and for
 * tests. It starts empty, with HEAD on `refs/heads/main`. Whatever is added is
 * checked, so that what it serves passes `git fsck`.
 *
 * @example One file, one commit
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const repository = new MemoryRepository();
 * const oid = repository.addBlob("hello\n");
 * const tree = repository.addTree([{ mode: 0o100644, name: "hello", oid }]);
 * const commit = repository.addCommit({
 *   tree,
 *   author: { name: "A", email: "a@example.com", time: 1_767_225_600 },
 *   message: "Say hello\n",
 * });
 * repository.setRef("refs/heads/main", commit);
 * assert.equal(oid, "ce013625030ba8dba906f756967f9e9ca394464a");
 * ```
 */
export class MemoryRepository extends MemoryStore {
  /** An empty repository. */
  constructor(options: MemoryRepositoryOptions = {}) {
    super({ ...options, kernels: defaultKernels() });
  }
}

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

/** How {@linkcode serveCommand} serves. */
export interface ServeCommandOptions {
  /** Finds repositories. */
  readonly backend: Backend;
  /** The service, as a client names it. */
  readonly service: "git-upload-pack";
  /** The repository, as the backend knows it: "/hello.git". */
  readonly path: string;
  /** What the client sends; standard input unless told. */
  readonly input?: ReadableStream<Uint8Array>;
  /** Where the answer goes; standard output unless told. Closed at the end. */
  readonly output?: WritableStream<Uint8Array>;
  /** The value of `GIT_PROTOCOL`: "version=2". Version 0 unless told. */
  readonly protocol?: string;
  /** Ends the session. */
  readonly signal?: AbortSignal;
  /** Bounds; there is no time limit unless told. */
  readonly limits?: Partial<Limits>;
  /** The log; silent unless told. */
  readonly logger?: Logger;
}

/**
 * Serves one session over a pair of streams, as `git-upload-pack` does for
 * ssh. Rejects where the repository cannot be opened, with nothing sent, and
 * where the session failed, after the client was told.
 *
 * @example A client that looks and leaves
 * ```ts
 * import assert from "node:assert/strict";
 * import { DictBackend, MemoryRepository, serveCommand } from "@gitsrv/gitsrv";
 *
 * const output = new TransformStream<Uint8Array, Uint8Array>();
 * const answer = new Response(output.readable).text();
 * await serveCommand({
 *   backend: new DictBackend({ "hello.git": new MemoryRepository() }),
 *   service: "git-upload-pack",
 *   path: "/hello.git",
 *   protocol: "version=2",
 *   input: new Blob(["0000"]).stream(),
 *   output: output.writable,
 * });
 * assert.match(await answer, /^000eversion 2\n/);
 * ```
 */
export async function serveCommand(
  options: ServeCommandOptions,
): Promise<void> {
  const connection = commandConnection(options);
  try {
    await runCommandSession(
      connection,
      sessionContext({
        ...options,
        limits: { timeoutMs: 0, ...options.limits },
      }),
      {
        service: "upload-pack",
        path: options.path,
        protocol: options.protocol ?? "",
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    );
  } finally {
    await connection.closeWrite();
    connection.close();
  }
}

function commandConnection(options: ServeCommandOptions): Connection {
  const { input, output } = options;
  if (input === undefined && output === undefined) return host().stdio();
  if (input === undefined || output === undefined) {
    throw new TypeError("Cannot serve: input and output come together");
  }
  return streamConnection({ input, output });
}

function sessionContext(
  options: Pick<
    ServeTcpOptions,
    "backend" | "limits" | "informativeErrors" | "logger"
  >,
): SessionContext {
  const logger = options.logger ?? SILENT;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return {
    backend: options.backend,
    services: SERVICES,
    limits,
    answers: new AnswerCache(limits.answerCacheBytes),
    clock: host().clock,
    logger,
    kernels: defaultKernels(logger),
    agent: AGENT,
    informativeErrors: options.informativeErrors ?? false,
  };
}

/** A backend for a caller who names directories: `serve-command`. */
export function directoryBackend(
  options: FileSystemBackendOptions & { readonly mode: SearchMode },
): Backend {
  const backend = new FileSystemBackend("/", options);
  return {
    openRepository: (path) => backend.openDirectory(path, options.mode),
  };
}

/** Directories that are looked at for an example at the start, at most. */
const SCAN_ENTRIES = 1000;
const SCAN_DEPTH = 3;

/**
 * The path below `root` of some repository, for the words at the start;
 * `undefined` where a bounded look finds none.
 */
export function findRepository(root: string): string | undefined {
  let left = SCAN_ENTRIES;
  let level = [""];
  for (let depth = 0; depth <= SCAN_DEPTH; depth++) {
    const next: string[] = [];
    for (const path of level) {
      if (left-- <= 0) return undefined;
      if (isRepository(`${root}/${path}`)) return path;
      const names = NODE_FILES.list(`${root}/${path}`)?.names ?? [];
      for (const name of [...names].sort().slice(0, left)) {
        if (name.startsWith(".")) continue;
        next.push(path === "" ? name : `${path}/${name}`);
      }
    }
    level = next;
  }
  return undefined;
}

function isRepository(path: string): boolean {
  return ["", "/.git"].some((suffix) =>
    NODE_FILES.stat(`${path}${suffix}/HEAD`)?.kind === "file" &&
    NODE_FILES.stat(`${path}${suffix}/objects`)?.kind === "directory"
  );
}

type Environment = (name: string) => string | undefined;

/** setup.c: root trusts who called sudo, too. */
function trustedOwners(
  env: Environment,
): { readonly uid: number; readonly sudoUid?: number } {
  const uid = userId();
  const sudo = env("SUDO_UID");
  return uid === 0 && sudo !== undefined && /^\d{1,10}$/.test(sudo)
    ? { uid, sudoUid: Number(sudo) }
    : { uid };
}

/** config.c: git_config_sequence, without the repository's own files. */
function configFiles(env: Environment): string[] {
  const home = env("HOME");
  const xdg = env("XDG_CONFIG_HOME") ??
    (home === undefined ? undefined : `${home}/.config`);
  const noSystem = /^(1|true|yes|on)$/i.test(env("GIT_CONFIG_NOSYSTEM") ?? "");
  const system = noSystem
    ? undefined
    : env("GIT_CONFIG_SYSTEM") ?? "/etc/gitconfig";
  const global = env("GIT_CONFIG_GLOBAL");
  const own = global !== undefined ? [global] : [
    xdg === undefined ? undefined : `${xdg}/git/config`,
    home === undefined ? undefined : `${home}/.gitconfig`,
  ];
  // /dev/null is the customary way to say "none".
  return [system, ...own].filter((path) =>
    path !== undefined && path.startsWith("/") && path !== "/dev/null"
  ) as string[];
}

function absolute(path: string, directory: string): string {
  return path.startsWith("/") ? path : `${directory}/${path}`;
}
