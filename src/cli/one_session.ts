/**
 * One session on standard input and output, from the repository's path to the
 * exit code: what the program's own command line and SSH's forced command have
 * in common.
 *
 * @module
 */

import { serveCommand } from "../compose/command.ts";
import { directoryBackend, FileSystemBackend } from "../compose/files.ts";
import {
  messageOf,
  ProtocolError,
  RefusedError,
  UsageError,
} from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessIo } from "../core/process.ts";
import type { SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import { EXIT } from "./command.ts";
import { fatalLine } from "./fatal.ts";
import type { ServedProgram } from "./served_programs.ts";

/** Where repositories are looked for, and by whose leave. */
export type Place =
  /** Wherever the caller says, who could read it anyhow. */
  | { readonly type: "named"; readonly mode: SearchMode }
  /** Below one directory and nowhere else, for a caller who is a stranger. */
  | {
    readonly type: "below";
    readonly root: string;
    readonly mode: SearchMode;
  };

type SearchMode = "suffixes" | "strict";

/** What one session is to be. */
export interface OneSession {
  /** The service. */
  readonly service: ServedProgram["name"];
  /** The repository; `wrong` says why there is none, to the client. */
  readonly directory: string | { readonly wrong: string };
  /** Where it is looked for. */
  readonly place: Place;
  /** Seconds of inactivity that end the session; 0 for none. */
  readonly timeout: number;
  /** Whether a push that finds no repository makes one. */
  readonly createsOnPush: boolean;
  /** What is settled. */
  readonly terms: Partial<SessionTerms>;
  /** The environment variables that count. */
  readonly env: ProcessIo["env"];
}

/** What a shell shows of a program that wrote into a closed pipe. */
const EXIT_PIPE = 128 + 13;

/** Serves; resolves to the exit code. */
export async function runOneSession(
  asked: OneSession,
  io: ProcessIo,
): Promise<number> {
  const { directory, place, timeout, terms, env, service } = asked;
  const isStranger = place.type === "below";
  const logger: Logger = {
    log(level, message) {
      // What is the matter with a repository is not for strangers.
      if (isStranger || (level !== "error" && level !== "warn")) return;
      io.writeError(`${level}: ${message}\n`);
    },
  };
  const path = typeof directory === "string" ? directory : "";
  const { mode } = place;
  const backend = place.type === "named"
    ? directoryBackend({ mode, logger, env })
    : new FileSystemBackend(
      { rules: "friendly", root: place.root, mode },
      { logger, env },
    );
  try {
    await serveCommand({
      backend: typeof directory === "string"
        ? withWords(backend, directory, place)
        : nowhere(directory.wrong),
      service,
      path: isStranger ? belowPath(path) : await fullPath(path, mode, io),
      protocol: env("GIT_PROTOCOL") ?? "",
      createOnPush: asked.createsOnPush,
      limits: { timeoutMs: timeout * 1000 },
      terms,
      logger,
    });
    return EXIT.ok;
  } catch (error) {
    if (isBrokenPipe(error)) return EXIT_PIPE;
    io.writeError(fatalLine(messageFor(error, isStranger)));
    return EXIT.fatal;
  }
}

/** A repository that is not there, or not this caller's, in one same line. */
function withWords(backend: Backend, directory: string, place: Place): Backend {
  const { createRepository } = backend;
  return {
    ...(createRepository === undefined
      ? {}
      : { createRepository: createRepository.bind(backend) }),
    async openRepository(path) {
      try {
        return await backend.openRepository(path);
      } catch (error) {
        if (!(error instanceof RefusedError)) {
          throw place.type === "named" ? openly(error) : error;
        }
        const { code } = error;
        if (code !== "no-such-repository" && place.type === "named") {
          throw error;
        }
        throw new RefusedError(
          "no-such-repository",
          `'${directory}' does not appear to be a git repository`,
          { cause: error },
        );
      }
    },
  };
}

/** What is the matter with a repository that its caller could read anyhow. */
function openly(error: unknown): RefusedError {
  return new RefusedError("repository-unusable", messageOf(error), {
    cause: error,
  });
}

function nowhere(why: string): Backend {
  return {
    openRepository: () => Promise.reject(new UsageError("no-directory", why)),
  };
}

/** What a stranger may read: nothing of what is the matter with our disk. */
function messageFor(error: unknown, isStranger: boolean): string {
  const isOpen = !isStranger || error instanceof RefusedError ||
    error instanceof ProtocolError;
  if (!isOpen) return "internal error";
  const message = messageOf(error);
  // upload-pack.c says less to its client than to its own side.
  return message.startsWith("upload-pack: ") ? `git ${message}` : message;
}

/** Whether the one who read our output has gone. */
function isBrokenPipe(error: unknown): boolean {
  const cause = error instanceof ProtocolError ? error.cause : error;
  return (cause as { readonly code?: unknown } | undefined)?.code === "EPIPE";
}

/** The caller's path, absolute; git looks up homes unless it is strict. */
async function fullPath(
  path: string,
  mode: SearchMode,
  io: ProcessIo,
): Promise<string> {
  if (path === "" || path.startsWith("/")) return path;
  const [, user, rest] = /^~([^/]*)(.*)$/s.exec(path) ?? [];
  if (mode === "strict" || user === undefined) return `${io.cwd()}/${path}`;
  const home = user === "" ? io.env("HOME") : await userHome(user);
  // NUL stands in no path: there is no such home.
  return home === undefined ? "\0" : `${home}${rest}`;
}

async function userHome(name: string): Promise<string | undefined> {
  const { findUser } = await import("../compose/system.ts");
  return (await findUser(name))?.home;
}

/** A stranger's path, from the root. "~" stays what it is, and is refused. */
function belowPath(path: string): string {
  return /^[/~]/.test(path) ? path : `/${path}`;
}
