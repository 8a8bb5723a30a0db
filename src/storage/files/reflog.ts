/**
 * Reflogs as git writes them: which refs have one, and one line more.
 *
 * @see https://git-scm.com/docs/git-reflog
 * @module
 */

import { binaryToUtf8, fromBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import {
  type WritableFile,
  type WritableFiles,
  writeAll,
} from "../../core/write_files.ts";
import type { ConfigView } from "../types.ts";
import type { RefPlaces } from "./ref_places.ts";
import { type SharedModes, shareFile } from "./shared_modes.ts";
import { hasCode, systemWords } from "./system_words.ts";

/** Which refs get a log that have none: `core.logAllRefUpdates`. */
export type LogPolicy = "none" | "normal" | "always";

/** The policy of a repository; a bare one logs nothing unless told. */
export function logPolicy(config: ConfigView): LogPolicy {
  const key = "core.logallrefupdates";
  const value = config.get(key);
  if (value?.toLowerCase() === "always") return "always";
  if (value === undefined) {
    return config.boolean("core.bare") ?? true ? "none" : "normal";
  }
  return config.boolean(key) === true ? "normal" : "none";
}

const LOGGED = ["refs/heads/", "refs/remotes/", "refs/notes/"];

/** The logs of one repository. */
export class Reflogs {
  readonly #files: WritableFiles;
  readonly #places: RefPlaces;
  readonly #policy: LogPolicy;
  readonly #shared: SharedModes;
  /** Whether directories of logs were there when they were first asked for. */
  readonly #directories = new Map<string, boolean>();

  /** Touches nothing yet. */
  constructor(init: {
    readonly files: WritableFiles;
    readonly places: RefPlaces;
    readonly policy: LogPolicy;
    readonly shared: SharedModes;
  }) {
    this.#files = init.files;
    this.#places = init.places;
    this.#policy = init.policy;
    this.#shared = init.shared;
  }

  /**
   * Writes a line to a ref's log, if it has one or is to have one. Gives the
   * open file, to be synced and closed, or git's words for what failed.
   */
  append(
    name: string,
    line: string,
  ): {
    readonly file?: WritableFile;
    readonly isNew?: boolean;
    readonly why?: string;
  } {
    const path = this.#places.logPath(name);
    const fails = (error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      return { why: `unable to append to '${path}': ${systemWords(error)}` };
    };
    let file: WritableFile;
    try {
      if (!this.#isToBeMade(name)) {
        if (!this.#hasLogs(name)) return {};
        const kind = this.#files.lstat(path)?.kind;
        if (kind === undefined || kind === "directory") return {};
      }
      file = this.#open(path);
    } catch (error) {
      if (hasCode(error, "EISDIR")) {
        return { why: `there are still logs under '${path}'` };
      }
      if (hasCode(error, "ENOENT")) {
        return {
          why: `unable to create directory for '${path}': ${
            systemWords(error)
          }`,
        };
      }
      return fails(error);
    }
    try {
      shareFile(this.#files, path, this.#shared);
      const { size } = file;
      writeAll(file, fromBinary(line), size);
      return { file, isNew: size === 0 };
    } catch (error) {
      try {
        file.close();
      } catch {
        // The first failure is the one to tell.
      }
      return fails(error);
    }
  }

  /** Takes a ref's log away; gives what failed, which is no reason to stop. */
  remove(name: string): string | undefined {
    try {
      this.#files.unlink(this.#places.logPath(name));
    } catch (error) {
      // A directory: the logs of other refs.
      return hasCode(error, "ENOTDIR", "EISDIR", "EPERM")
        ? undefined
        : systemWords(error);
    }
    this.#places.removeEmptyParents(name, "log");
    return undefined;
  }

  /** Most repositories that are pushed to have no directory of logs. */
  #hasLogs(name: string): boolean {
    const path = this.#places.logPath(name);
    const directory = path.slice(0, -binaryToUtf8(name).length - 1);
    let found = this.#directories.get(directory);
    if (found === undefined) {
      found = this.#files.lstat(directory) !== undefined;
      this.#directories.set(directory, found);
    }
    return found;
  }

  #isToBeMade(name: string): boolean {
    if (this.#policy === "always") return true;
    return this.#policy === "normal" &&
      (name === "HEAD" || LOGGED.some((prefix) => name.startsWith(prefix)));
  }

  /** Others may remove empty directories meanwhile, as we do. */
  #open(path: string): WritableFile {
    let mayClear = true;
    for (let attempts = 3;; attempts--) {
      try {
        return this.#files.openAppend(path, 0o666);
      } catch (error) {
        const isClear = mayClear && hasCode(error, "EISDIR") &&
          this.#places.removeEmptyTree(path);
        if (hasCode(error, "EISDIR") && isClear) {
          mayClear = false;
          continue;
        }
        if (!hasCode(error, "ENOENT") || attempts <= 0) throw error;
      }
      try {
        this.#places.makeParents(path);
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
      }
    }
  }
}
