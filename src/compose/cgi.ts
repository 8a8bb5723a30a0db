/**
 * `git http-backend` over the files of this machine.
 *
 * @module
 */

import type { Connection } from "../core/host.ts";
import { host } from "../runtime/detect.ts";
import type { Variables } from "../server/cgi/environment.ts";
import { type CgiEnd, serveCgi } from "../server/cgi/serve.ts";
import { trimSlashes } from "../storage/files/paths.ts";
import { FileSystemBackend } from "./files.ts";
import { sessionContext } from "./session.ts";

/** What one request is served with. */
export interface HttpBackendOptions {
  /** The environment. */
  readonly env: Variables;
  /** The directory that relative paths start from. */
  readonly directory: string;
  /** `GIT_NAMESPACE`, expanded. */
  readonly namespace: string;
  /** Where the body is and the answer goes; stdin and stdout unless told. */
  readonly connection?: Pick<Connection, "read" | "write">;
  /** Takes lines for standard error. */
  readonly tell: (text: string) => void;
}

/** Serves the request that the environment and standard input are. */
export async function serveHttpBackend(
  { env, directory, namespace, tell, connection }: HttpBackendOptions,
): Promise<CgiEnd> {
  return await serveCgi({
    env,
    tell,
    connection: connection ?? host().stdio(),
    async open({ root }, path, logger) {
      const base = root === undefined ? "" : absolute(root, directory);
      const backend = new FileSystemBackend({
        rules: "git",
        // Whether it has a value does not matter: http-backend.c, cmd_main.
        exportAll: env("GIT_HTTP_EXPORT_ALL") !== undefined,
        ...(base === "" ? {} : { basePath: base }),
      }, { logger, env });
      return await backend.openRepository(
        (root === undefined ? plain(absolute(path, directory)) : path) || "/",
      );
    },
    context: (repository, logger) =>
      sessionContext({
        backend: { openRepository: () => Promise.resolve(repository) },
        logger,
        // The web server has its own.
        limits: { timeoutMs: 0 },
        terms: { namespace },
      }),
  });
}

/** Without slashes at its end: "" is the root of the file system. */
function absolute(path: string, directory: string): string {
  const full = path.startsWith("/") ? path : `${directory}/${path}`;
  const trimmed = trimSlashes(full);
  return trimmed === "/" ? "" : trimmed;
}

/** A path that a web server has made, which nobody has looked through. */
function plain(path: string): string {
  return path.replace(/\/(?:\.?\/)+/g, "/").replace(/\/\.$/, "");
}
