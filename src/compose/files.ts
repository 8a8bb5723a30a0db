/**
 * Repositories on disk, over the files of the runtime.
 *
 * @module
 */

import { type Logger, SILENT } from "../core/logger.ts";
import { once } from "../core/once.ts";
import type { SharedPlaces } from "../core/shared_places.ts";
import { host } from "../runtime/detect.ts";
import { NODE_FILES } from "../runtime/files.ts";
import { currentDirectory, environment, userId } from "../runtime/process.ts";
import { remembered } from "../server/remembered.ts";
import { FileBackend } from "../storage/files/backend.ts";
import type { ExposureRules } from "../storage/files/exposure.ts";
import type { SearchMode } from "../storage/files/layout.ts";
import type { ObjectStoreOptions } from "../storage/objects/options.ts";
import type {
  AskedHost,
  Backend,
  NewRepository,
  Repository,
  RepositoryAddress,
} from "../storage/types.ts";
import { defaultKernels } from "./kernels.ts";

/** Others are served after so long a look for repositories. */
const LISTING_SLICE_MS = 4;

/** Options of a {@linkcode FileSystemBackend}. */
export interface FileSystemBackendOptions {
  /** Where warnings about repositories go; nowhere unless told. */
  readonly logger?: Logger;
  /**
   * The environment variables that say where git's configuration is and whose
   * repositories are trusted; the process's own unless told.
   */
  readonly env?: (name: string) => string | undefined;
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
  readonly #env: Environment;

  /** Reads nothing yet. Relative directories are taken from where we run. */
  constructor(
    root: string | ExposureRules,
    options: FileSystemBackendOptions = {},
  ) {
    const exposure: ExposureRules = typeof root === "string"
      ? { rules: "friendly", root: absolute(root, currentDirectory()) }
      : root;
    this.#backend = fileBackend(exposure, options);
    this.#env = options.env ?? environment;
  }

  /**
   * The repository that a client means by `path`, which starts with a slash;
   * `host` is the host that it named, for `interpolatedPath`.
   * Rejects with a RefusedError where there is none that it may have, and with
   * a StorageError where it cannot be read.
   */
  openRepository(path: string, host?: AskedHost): Promise<Repository> {
    return this.#backend.openRepository(path, host);
  }

  /**
   * Makes a bare repository at `path`, for a push that found none. Rejects
   * with a RefusedError where none may be.
   */
  createRepository(path: string): Promise<NewRepository> {
    return this.#backend.createRepository(path);
  }

  /** Every path by which a repository that was opened may be meant. */
  pathsOf(repository: Repository): readonly string[] {
    return this.#backend.pathsOf(repository);
  }

  /**
   * The paths of all repositories that somebody may have, whoever it is: a
   * bounded look through directories, in slices. Returns "more" where there
   * may be others.
   */
  async *listRepositories(): AsyncGenerator<string, "all" | "more", void> {
    const { clock } = host();
    const look = this.#backend.repositories();
    let sliceEnd = clock.monotonic() + LISTING_SLICE_MS;
    for (;;) {
      const step = look.next();
      if (step.done === true) return step.value;
      if (step.value !== undefined) yield step.value;
      if (clock.monotonic() < sliceEnd) continue;
      await clock.turn();
      sliceEnd = clock.monotonic() + LISTING_SLICE_MS;
    }
  }

  /**
   * The repository at a directory that the caller answers for, wherever it
   * is. With "strict" no `.git` is added. Rejects as `openRepository`.
   */
  openDirectory(path: string, mode: SearchMode): Promise<Repository> {
    return this.#backend.openAt(path, mode);
  }

  /**
   * The repository that a program which runs in `cwd` is in, as git's commands
   * find it: by the environment, else there or in a directory above. `named` is
   * what git's messages call its directory.
   */
  openAround(
    cwd: string,
  ): Promise<{ readonly repository: Repository; readonly named: string }> {
    return this.#backend.openAround({ cwd, env: this.#env });
  }
}

function fileBackend(
  exposure: ExposureRules,
  { logger = SILENT, env = environment }: FileSystemBackendOptions,
  objects: ObjectStoreOptions = {},
  helperPlaces?: () => SharedPlaces | undefined,
): FileBackend {
  const home = env("HOME");
  const kernels = defaultKernels(logger);
  return new FileBackend({
    exposure,
    fileSystem: NODE_FILES,
    kernels,
    // Most sessions only read.
    writes: once(async () => {
      const { fileWrites } = await import("./file_writes.ts");
      return fileWrites(kernels, helperPlaces);
    }),
    logger,
    // At each opening: the daemon may have become another user meanwhile.
    get owners() {
      return trustedOwners(env);
    },
    configFiles: configFiles(env),
    objects,
    homeOf: remembered({
      ask: async (user) => {
        // path.c: interpolate_path.
        if (user === "") return home;
        const { findUser } = await import("../runtime/accounts.ts");
        return (await findUser(user))?.home;
      },
      none: undefined,
      monotonic: () => performance.now(),
    }),
    ...(home === undefined ? {} : { home }),
  });
}

/**
 * For a thread: opens repositories that another thread has found. What helps
 * with large packs takes places that all threads share.
 */
export function addressOpener(
  logger: Logger,
  objects: ObjectStoreOptions,
  helperPlaces: () => SharedPlaces | undefined,
): (address: RepositoryAddress) => Promise<Repository> {
  const backend = fileBackend(
    { rules: "friendly", root: "/" },
    { logger },
    objects,
    helperPlaces,
  );
  return (address) => backend.openLayout(address);
}

/** A backend for a caller who names directories: `serve-command`. */
export function directoryBackend(
  options: FileSystemBackendOptions & { readonly mode: SearchMode },
): Backend {
  const backend = new FileSystemBackend("/", options);
  return {
    openRepository: (path) => backend.openDirectory(path, options.mode),
    createRepository: (path) => backend.createRepository(path),
  };
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
