/**
 * `--access-hook`: a program of the operator's that decides over each request
 * before it is served. It is run as daemon.c runs it, but never by a shell.
 *
 * @see https://git-scm.com/docs/git-daemon
 * @module
 */

import { messageOf, RefusedError } from "../core/errors.ts";
import type { Connection } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import type { RunProgram } from "../core/process.ts";
import { binaryToUtf8, toBinary } from "../core/bytes.ts";
import { remoteEnvironment } from "../service/remote_environment.ts";
import type { AskedHost, RepositoryAddress } from "../storage/types.ts";
import { NO_FACTS } from "./host_names.ts";
import { HOOK_REFUSED } from "./refusal.ts";

/** Bytes of a hook's output that are looked at; its first line is sent. */
const OUTPUT_BYTES = 4096;
/** daemon.c: what is said where the hook says nothing. */
const REJECTED = "service rejected";

/** What a hook is asked about. */
export interface AccessRequest {
  /** The service: "upload-pack". */
  readonly service: string;
  /** The path that the client named: text. */
  readonly path: string;
  /** Where the repository is, if it is on disk. */
  readonly address?: RepositoryAddress | undefined;
  /** The host that the client named, if it did. */
  readonly host?: AskedHost | undefined;
  /** Who asks. */
  readonly connection: Pick<Connection, "peer" | "address">;
  /** Ends the wait, and the hook. */
  readonly signal: AbortSignal;
  /** The log of the session. */
  readonly logger: Logger;
}

/** Resolves where a request may go on; rejects with a RefusedError. */
export type AccessHook = (request: AccessRequest) => Promise<void>;

/** How to make a hook of a program. */
export interface AccessHookInit {
  /** The program: an absolute path, or a name on the search path. */
  readonly program: string;
  /** Runs it. */
  readonly run: RunProgram;
  /** How long it may take, milliseconds. */
  readonly timeoutMs: number;
}

/** The hook that `program` is. */
export function programHook(init: AccessHookInit): AccessHook {
  const { program } = init;
  return async (request) => {
    const { address, host, logger } = request;
    const facts = await host?.look() ?? NO_FACTS;
    const args = [
      request.service,
      address?.path ?? request.path,
      text(host?.name ?? ""),
      text(facts.canonicalName),
      facts.address,
      text(host?.port ?? ""),
    ];
    let end;
    try {
      end = await init.run(program, {
        args,
        env: hookEnvironment(request),
        ...(address === undefined ? {} : { cwd: address.gitDir }),
        outputLimit: OUTPUT_BYTES,
        timeoutMs: init.timeoutMs,
        signal: request.signal,
      });
    } catch (error) {
      request.signal.throwIfAborted();
      const words = `daemon access hook '${program}' failed to start`;
      logger.log("error", `${words}: ${messageOf(error)}`);
      throw new RefusedError(HOOK_REFUSED, REJECTED);
    }
    request.signal.throwIfAborted();
    if (end.isTimedOut) {
      logger.log(
        "error",
        `daemon access hook '${program}' took more than ${
          init.timeoutMs / 1000
        } s`,
      );
    }
    if (end.code !== 0) throw new RefusedError(HOOK_REFUSED, said(end.output));
  };
}

/** daemon.c: run_access_hook. The first line that is not empty. */
function said(output: Uint8Array): string {
  const [line = ""] = toBinary(output).replace(/^[ \t\n\v\f\r]+/, "")
    .split("\n", 1);
  return line === "" ? REJECTED : line;
}

/** path.c: enter_repo sets GIT_DIR. */
function hookEnvironment(
  { address, connection }: AccessRequest,
): Record<string, string> {
  return {
    ...(address === undefined ? {} : { GIT_DIR: "." }),
    ...remoteEnvironment(connection),
  };
}

/** An argument cannot hold a NUL. */
function text(binary: string): string {
  return binaryToUtf8(binary).replaceAll("\0", "");
}
