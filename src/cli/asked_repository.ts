/**
 * The repository that a command is about: the one that its caller names, or
 * the one that he is in.
 *
 * @module
 */

import { FileSystemBackend } from "../compose/files.ts";
import { RefusedError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import type { Repository } from "../storage/types.ts";

/** What a command line says of a repository. */
export type Asked =
  /** The one that git would find from here. */
  | { readonly type: "around" }
  /** The one at a directory. */
  | { readonly type: "named"; readonly directory: string };

/** A repository that was found. */
export interface AskedRepository {
  /** It. */
  readonly repository: Repository;
  /** What messages call its git directory; "" where we are in it. */
  readonly named: string;
}

/**
 * Opens it. Throws a RefusedError in git's words where there is none, or it is
 * somebody else's, and a StorageError where it cannot be read.
 */
export async function openAsked(
  asked: Asked,
  io: ProcessIo,
): Promise<AskedRepository> {
  const logger: Logger = {
    log(level, message) {
      if (level !== "error" && level !== "warn") return;
      io.writeError(`${level === "warn" ? "warning" : level}: ${message}\n`);
    },
  };
  const backend = new FileSystemBackend("/", { logger, env: io.env });
  if (asked.type === "around") return await backend.openAround(io.cwd());
  const { directory } = asked;
  const path = directory.startsWith("/")
    ? directory
    : `${io.cwd()}/${directory}`;
  try {
    const repository = await backend.openDirectory(path, "suffixes");
    return { repository, named: repository.address?.gitDir ?? directory };
  } catch (error) {
    const isAbsent = error instanceof RefusedError &&
      error.code === "no-such-repository";
    if (!isAbsent) throw error;
    throw new RefusedError(
      "no-such-repository",
      `not a git repository: '${directory}'`,
      { cause: error },
    );
  }
}
