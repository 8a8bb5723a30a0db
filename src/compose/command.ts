/**
 * One session over a pair of streams.
 *
 * @module
 */

import type { Connection } from "../core/host.ts";
import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { runCommandSession } from "../server/command_session.ts";
import type { Limits } from "../server/limits.ts";
import type { ServiceRow } from "../server/services.ts";
import { streamConnection } from "../server/stream_connection.ts";
import type { PushCallbacks } from "../service/receive_pack/push_events.ts";
import type { SessionTerms } from "../service/types.ts";
import type { Backend } from "../storage/types.ts";
import { sessionContext } from "./session.ts";

/** How {@linkcode serveCommand} serves. */
export interface ServeCommandOptions extends PushCallbacks {
  /** Finds repositories. */
  readonly backend: Backend;
  /** The service, as a client names it. */
  readonly service:
    | "git-upload-pack"
    | "git-upload-archive"
    | "git-receive-pack";
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
  /** What holds for the session; what git takes for granted unless told. */
  readonly terms?: Partial<SessionTerms>;
  /**
   * Whether a push that finds no repository makes a bare one, where the
   * backend can; not unless told.
   */
  readonly createOnPush?: boolean;
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
        service: options.service.slice("git-".length) as ServiceRow["name"],
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
