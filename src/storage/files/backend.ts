/**
 * Repositories on disk, found by the paths that clients name. It decides what
 * may be seen (`exposure.ts`, `ownership.ts`) and keeps repositories open.
 *
 * @module
 */

import { RefusedError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import type { Logger } from "../../core/logger.ts";
import { parseRefName, type RefName } from "../../core/ref_name.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { ObjectStoreOptions } from "../objects/options.ts";
import type {
  AskedHost,
  Backend,
  NewRepository,
  Repository,
} from "../types.ts";
import { type ConfigPair, readConfigFiles } from "./config.ts";
import { createRepository, removeUnused } from "./create_repository.ts";
import { detourOf, type HomeOf, takesDetour } from "./detour.ts";
import { type DiscoverInit, discoverLayout } from "./discover.ts";
import {
  type ExposureRules,
  findExposed,
  type GitRules,
  noSuchRepository,
} from "./exposure.ts";
import { pathFault } from "./guard.ts";
import { KnownPlaces } from "./known_places.ts";
import { findLayout, type Layout, type SearchMode } from "./layout.ts";
import { listedRepositories } from "./listed_repositories.ts";
import {
  isSameSettings,
  readSettings,
  type RepositorySettings,
} from "./open_repository.ts";
import { checkOwnership, type TrustedOwners } from "./ownership.ts";
import { oneLook } from "./one_look.ts";
import { FileRepository } from "./repository.ts";
import { servedPaths } from "./served_paths.ts";
import type { Now } from "./stamp.ts";
import { TrackedFiles } from "./tracked_files.ts";
import type { FileWrites } from "./writer.ts";

/** What a {@linkcode FileBackend} is made from. */
export interface FileBackendOptions {
  /** Which repositories may be seen, and where they are. */
  readonly exposure: ExposureRules;
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** The log. */
  readonly logger: Logger;
  /** Whose repositories are trusted without `safe.directory`. */
  readonly owners: TrustedOwners;
  /**
   * Configuration that stands before every repository's own and is trusted:
   * the system's and the user's files, and those of `--config`; absolute.
   */
  readonly configFiles?: readonly string[];
  /** What "~/" means in configuration. */
  readonly home?: string;
  /** Homes for `--user-path`; nobody has one unless told. */
  readonly homeOf?: HomeOf;
  /** So many repositories are kept open. 256 unless told. */
  readonly maxOpen?: number;
  /** Milliseconds since 1970; `Date.now` unless told. */
  readonly now?: Now;
  /** How much memory each repository's objects may take. */
  readonly objects?: ObjectStoreOptions;
  /** Loads what repositories are changed with; without it they are not. */
  readonly writes?: () => Promise<FileWrites>;
}

const DEFAULT_MAX_OPEN = 256;

interface Open {
  readonly repository: FileRepository;
  /** The directories it was opened on: another may have taken the path. */
  readonly identity: string;
  settings: RepositorySettings;
}

interface ProtectedConfig {
  readonly pairs: readonly ConfigPair[];
  readonly tracked: TrackedFiles;
}

/** Serves the repositories of a file system. */
export class FileBackend implements Backend {
  readonly #options: FileBackendOptions;
  readonly #configFiles: readonly string[];
  readonly #now: Now;
  readonly #places: KnownPlaces;
  /** By git directory, the least recently used in front. */
  readonly #open = new Map<string, Open>();
  #protected: ProtectedConfig | undefined;

  /** Reads nothing yet. */
  constructor(options: FileBackendOptions) {
    this.#options = options;
    this.#configFiles = options.configFiles ?? [];
    this.#now = options.now ?? Date.now;
    this.#places = new KnownPlaces({
      exposure: options.exposure,
      now: this.#now,
      maxPlaces: options.maxOpen ?? DEFAULT_MAX_OPEN,
    });
  }

  /**
   * As {@linkcode Backend.openRepository}; "access-denied" carries git's words
   * about a repository of another user, with its path: not for strangers.
   */
  openRepository(path: string, host?: AskedHost): Promise<FileRepository> {
    const { exposure } = this.#options;
    const hasUsers = exposure.rules === "git" &&
      exposure.userPath !== undefined;
    const fault = pathFault(path, hasUsers ? "users" : "no-users");
    if (fault !== undefined) {
      return Promise.reject(noSuchRepository(path, fault));
    }
    if (exposure.rules === "git" && takesDetour(path, exposure, host)) {
      return this.#openByDetour(path, exposure, host);
    }
    return attempt(() => {
      const files = oneLook(this.#options.fileSystem);
      return this.#openLayout(this.#places.find(files, path), files);
    });
  }

  /**
   * As {@linkcode Backend.createRepository}: below the one directory that is
   * served by the friendly rules; by git's below the base path, where that is
   * all and needs no file to export it.
   */
  async createRepository(path: string): Promise<NewRepository> {
    const { writes, exposure } = this.#options;
    const { files, owners } = await writes?.() ?? {};
    const root = exposure.rules === "friendly"
      ? exposure.root
      : creatableBelow(exposure);
    if (
      files === undefined || owners === undefined || root === undefined ||
      pathFault(path) !== undefined
    ) throw noSuchRepository(path);
    const branch = this.#firstBranch();
    const init = { files, owners, root, branch };
    const created = await createRepository(path, init);
    if (created === undefined) {
      throw noSuchRepository(path, `'${path}': no repository may be made here`);
    }
    try {
      return {
        repository: await this.openRepository(path),
        removeUnused: () => removeUnused(files, created),
      };
    } catch (error) {
      removeUnused(files, created);
      throw error;
    }
  }

  /** init.defaultBranch. */
  #firstBranch(): RefName {
    const pairs = this.#protectedConfig(oneLook(this.#options.fileSystem));
    const named = pairs.findLast(([key]) => key === "init.defaultbranch")?.[1];
    const fallback = "refs/heads/main" as RefName;
    return parseRefName(`refs/heads/${named ?? "main"}`) ?? fallback;
  }

  async #openByDetour(
    path: string,
    exposure: GitRules,
    host: AskedHost | undefined,
  ): Promise<FileRepository> {
    const { fileSystem, homeOf = () => Promise.resolve(undefined) } =
      this.#options;
    const detour = await detourOf(path, exposure, host, homeOf);
    const files = oneLook(fileSystem);
    const layout = findExposed(files, path, exposure, detour);
    return this.#openLayout(layout, files);
  }

  /** As {@linkcode Backend.pathsOf}: where links and gitfiles lead, too. */
  pathsOf(repository: Repository): readonly string[] {
    return servedPaths(
      oneLook(this.#options.fileSystem),
      repository,
      this.#options.exposure,
    );
  }

  /**
   * Opens the repository at an absolute path, wherever it is, for commands
   * whose caller named it: no rules but those of ownership.
   */
  openAt(path: string, mode: SearchMode): Promise<FileRepository> {
    return attempt(() => {
      const layout = path.includes("\0")
        ? undefined
        : findLayout(this.#options.fileSystem, path, mode);
      if (layout === undefined) throw noSuchRepository(path);
      return this.#openLayout(layout, oneLook(this.#options.fileSystem));
    });
  }

  /**
   * Opens the repository that a caller is in, or that his environment names,
   * as git's commands do; gives what they call its git directory.
   */
  openAround(
    init: DiscoverInit,
  ): Promise<{ readonly repository: FileRepository; readonly named: string }> {
    return attempt(() => {
      const { fileSystem } = this.#options;
      const { layout, named, isNamed, isBare } = discoverLayout(
        fileSystem,
        init,
      );
      const files = oneLook(fileSystem);
      if (isBare) this.#checkBare(layout, files);
      const trust = isNamed ? "caller" : "owners";
      return { repository: this.#openLayout(layout, files, trust), named };
    });
  }

  /** setup.c: get_allowed_bare_repo. */
  #checkBare({ path }: Layout, files: FileSystem): void {
    const allowed = this.#protectedConfig(files)
      .findLast(([key]) => key === "safe.barerepository")?.[1];
    if (allowed !== "explicit") return;
    throw new RefusedError(
      "access-denied",
      `cannot use bare repository '${path}' ` +
        "(safe.bareRepository is 'explicit')",
    );
  }

  /** Opens a repository whose directories are known: another thread's. */
  openLayout(layout: Layout): Promise<FileRepository> {
    return attempt(() =>
      this.#openLayout(layout, oneLook(this.#options.fileSystem))
    );
  }

  /**
   * The paths of all repositories that somebody may have; `undefined` between
   * bounded steps. Returns "more" where a look has met its bounds.
   */
  repositories(): Generator<string | undefined, "all" | "more", void> {
    const { fileSystem, exposure } = this.#options;
    return listedRepositories(fileSystem, exposure);
  }

  /** How many repositories are kept open. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Lets go of all repositories. */
  close(): void {
    for (const { repository } of this.#open.values()) repository.close();
    this.#open.clear();
  }

  /** Opens what was found; `files` is the file system for this one call. */
  #openLayout(
    layout: Layout,
    files: FileSystem,
    trust: "owners" | "caller" = "owners",
  ): FileRepository {
    const { owners, home } = this.#options;
    if (trust === "owners") {
      checkOwnership(files, layout, {
        owners,
        protectedConfig: () => this.#protectedConfig(files),
        ...(home === undefined ? {} : { home }),
      });
    }
    const identity = this.#identityOf(layout, files);
    const known = this.#open.get(layout.gitDir);
    if (known !== undefined && known.identity === identity) {
      if (this.#isCurrent(known, layout, files)) {
        this.#keep(layout.gitDir, known);
        return known.repository;
      }
    }
    const settings = this.#readSettings(layout);
    const repository = this.#create(layout, settings);
    known?.repository.close();
    this.#keep(layout.gitDir, { repository, identity, settings });
    return repository;
  }

  /** Whether the settings still hold, read again where that is not sure. */
  #isCurrent(known: Open, layout: Layout, files: FileSystem): boolean {
    if (known.settings.tracked.isUnchanged(files)) return true;
    const settings = this.#readSettings(layout);
    if (!isSameSettings(known.settings, settings)) return false;
    known.settings = settings;
    return true;
  }

  #create(layout: Layout, settings: RepositorySettings): FileRepository {
    const { fileSystem, kernels, logger } = this.#options;
    const { objects, writes, home } = this.#options;
    return new FileRepository({
      layout,
      format: settings.format,
      refStorage: settings.refStorage,
      config: settings.pairs,
      fileSystem,
      kernels,
      logger,
      now: this.#now,
      ...(objects === undefined ? {} : { objects }),
      ...(writes === undefined ? {} : { writes }),
      ...(home === undefined ? {} : { home }),
    });
  }

  #readSettings(layout: Layout): RepositorySettings {
    const { fileSystem, home } = this.#options;
    return readSettings(layout, {
      fileSystem,
      configFiles: this.#configFiles,
      now: this.#now,
      ...(home === undefined ? {} : { home }),
    });
  }

  #identityOf(layout: Layout, files: FileSystem): string {
    const parts = [layout.gitDir, layout.commonDir, layout.objectsDir].map(
      (path) => {
        const stat = files.stat(path);
        return `${path}:${stat?.dev}:${stat?.ino}`;
      },
    );
    return parts.join("\n");
  }

  #keep(gitDir: string, open: Open): void {
    this.#open.delete(gitDir);
    this.#open.set(gitDir, open);
    const max = this.#options.maxOpen ?? DEFAULT_MAX_OPEN;
    for (const [key, oldest] of this.#open) {
      if (this.#open.size <= max) return;
      this.#open.delete(key);
      oldest.repository.close();
    }
  }

  /** The pairs of the protected configuration; broken files are errors. */
  #protectedConfig(files: FileSystem): readonly ConfigPair[] {
    if (this.#configFiles.length === 0) return [];
    if (this.#protected?.tracked.isUnchanged(files) !== true) {
      const { fileSystem, home } = this.#options;
      const tracked = new TrackedFiles(fileSystem, this.#now);
      const pairs = readConfigFiles(this.#configFiles, {
        fileSystem: tracked.view,
        ...(home === undefined ? {} : { home }),
      });
      this.#protected = { pairs, tracked };
    }
    return this.#protected?.pairs ?? [];
  }
}

/** git's rules: where a new repository would be served without more ado. */
function creatableBelow(rules: GitRules): string | undefined {
  const { exportAll, strictPaths, directories = [], basePath } = rules;
  return exportAll === true && strictPaths !== true && directories.length === 0
    ? basePath
    : undefined;
}

/** A promise of what `call` gives or throws. */
function attempt<T>(call: () => T): Promise<T> {
  return new Promise((resolve) => resolve(call()));
}
