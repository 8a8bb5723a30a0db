/**
 * From a layout to what a repository says about itself: its format and its
 * configuration, and whether that still holds.
 *
 * @module
 */

import type { FileSystem } from "../../core/host.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import {
  type ConfigContext,
  type ConfigPair,
  MAX_CONFIG_BYTES,
  readConfigFiles,
  readPlainConfig,
} from "./config.ts";
import { readRepositoryFormat, type RefStorage } from "./format.ts";
import { headTarget, type Layout } from "./layout.ts";
import { joinPath } from "./paths.ts";
import type { Now } from "./stamp.ts";
import { TrackedFiles } from "./tracked_files.ts";

/**
 * Keys that count in protected configuration alone: who writes a repository's
 * own files must not choose what others run (upload-pack.c:
 * upload_pack_protected_config).
 */
const PROTECTED: ReadonlySet<string> = new Set(["uploadpack.packobjectshook"]);

/** What a repository's files say about it. */
export interface RepositorySettings {
  /** The format of its object names. */
  readonly format: ObjectFormat;
  /** How its refs are stored. */
  readonly refStorage: RefStorage;
  /** The pairs of its configuration, those that were put before it first. */
  readonly pairs: readonly ConfigPair[];
  /** The files that this was read from. */
  readonly tracked: TrackedFiles;
}

/** Where settings are read from besides the repository. */
export interface SettingsInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** Configuration files that stand before the repository's own. */
  readonly configFiles: readonly string[];
  /** What "~/" means in paths. */
  readonly home?: string;
  /** The time. */
  readonly now: Now;
}

/**
 * Reads a repository's settings. Throws StorageError "unsupported-repository"
 * or "bad-config" in git's words.
 */
export function readSettings(
  layout: Layout,
  init: SettingsInit,
): RepositorySettings {
  const tracked = new TrackedFiles(init.fileSystem, init.now);
  const config = joinPath(layout.commonDir, "config");
  const fileSystem = readingOnce(config, tracked.view);
  const format = readRepositoryFormat(readPlainConfig(config, fileSystem));
  const files = [...init.configFiles, config];
  if (format.worktreeConfig) {
    files.push(joinPath(layout.gitDir, "config.worktree"));
  }
  const context: ConfigContext = {
    fileSystem,
    gitDir: layout.gitDir,
    headTarget: () => headTarget(tracked.view, layout),
    ...(init.home === undefined ? {} : { home: init.home }),
  };
  const pairs = readConfigFiles(
    files,
    context,
    (path, key) => init.configFiles.includes(path) || !PROTECTED.has(key),
  );
  const { objectFormat, refStorage } = format;
  return { format: objectFormat, refStorage, pairs, tracked };
}

/** `fileSystem`, with the file at `once` read at once, and no second time. */
function readingOnce(once: string, fileSystem: FileSystem): FileSystem {
  const bytes = fileSystem.read(once, MAX_CONFIG_BYTES);
  return {
    ...fileSystem,
    read: (path, limit) => path === once ? bytes : fileSystem.read(path, limit),
  };
}

/** Whether two readings came to the same. */
export function isSameSettings(
  a: RepositorySettings,
  b: RepositorySettings,
): boolean {
  return a.format === b.format && a.refStorage === b.refStorage &&
    a.pairs.length === b.pairs.length &&
    a.pairs.every(([key, value], i) =>
      key === b.pairs[i]?.[0] && value === b.pairs[i]?.[1]
    );
}
