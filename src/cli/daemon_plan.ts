/**
 * Which repositories `gitsrv daemon` serves: by the friendly rules, or by git
 * daemon's.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import type { Backend } from "../storage/types.ts";
import { absolute } from "./daemon_settings.ts";
import { missingDirectory, type Served, WELCOME_NAME } from "./daemon_words.ts";
import type { GivenOptions } from "./options.ts";
import { fillWelcome } from "./welcome.ts";

type Compose = typeof import("../compose.ts");

const DEFAULT_ROOT = "./repos";

/** What is served, and by what. */
export interface Plan {
  /** Finds repositories. */
  readonly backend: Backend;
  /** For the words at the start. */
  readonly served: Served;
}

/** One directory, and everything below it. */
export function friendlyPlan(
  directories: readonly string[],
  io: ProcessIo,
  compose: Compose,
  { logger, suits }: {
    readonly logger: Logger;
    /** Whether the repository at a path would do as an example. */
    readonly suits: (path: string) => boolean;
  },
): Plan {
  const [named, second] = directories;
  if (second !== undefined) {
    throw new UsageError(
      "usage",
      "more than one directory needs git daemon's rules: see --base-path",
    );
  }
  const root = named ?? DEFAULT_ROOT;
  const found = root === "" ? undefined : io.kindOf(absolute(root, io));
  if (found !== "directory") {
    if (named !== undefined) throw missingDirectory(root, found);
    const welcome = new compose.MemoryRepository();
    fillWelcome(welcome);
    return {
      backend: new compose.DictBackend({ [WELCOME_NAME]: welcome }),
      served: { kind: "welcome" },
    };
  }
  const path = absolute(root, io);
  return {
    backend: new compose.FileSystemBackend(path, { logger }),
    served: {
      kind: "directory",
      directory: root,
      example: compose.findRepository(path, suits),
    },
  };
}

/** git daemon's own rules. */
export function gitPlan(
  options: GivenOptions,
  directories: readonly string[],
  io: ProcessIo,
  compose: Compose,
  logger: Logger,
): Plan {
  const given = options.text("base-path");
  const basePath = given === undefined ? undefined : absolute(given, io);
  const isStrict = options.flag("strict-paths");
  if (isStrict && directories.length === 0) {
    throw new UsageError(
      "strict-paths",
      "option --strict-paths requires '<directory>' arguments",
    );
  }
  if (
    basePath !== undefined &&
    (given === "" || io.kindOf(basePath) !== "directory")
  ) {
    throw new UsageError(
      "base-path",
      `base-path '${given}' does not exist or is not a directory`,
    );
  }
  const template = options.text("interpolated-path");
  const userPath = options.text("user-path");
  const backend = new compose.FileSystemBackend({
    rules: "git",
    ...(basePath === undefined ? {} : { basePath }),
    ...(template === undefined
      ? {}
      : { interpolatedPath: fromHere(template, io) }),
    ...(userPath === undefined ? {} : { userPath }),
    basePathRelaxed: options.flag("base-path-relaxed"),
    strictPaths: isStrict,
    exportAll: options.flag("export-all"),
    directories,
  }, { logger });
  return { backend, served: { kind: "git-rules", basePath } };
}

/** A template may begin with a letter that stands for an absolute path. */
function fromHere(template: string, io: ProcessIo): string {
  return template.startsWith("%D") ? template : absolute(template, io);
}
