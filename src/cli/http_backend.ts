/**
 * `gitsrv serve-command http-backend`: one request of a web server's, by CGI,
 * in the place of `git http-backend`.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @module
 */

import { serveHttpBackend } from "../compose/cgi.ts";
import { UsageError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { expandNamespace } from "../service/namespaces.ts";
import { EXIT } from "./command.ts";

/**
 * Serves it; resolves to the exit code: 0 where the web server was told how it
 * went, 1 where a service failed behind an answer that had begun. Throws a
 * UsageError "usage" for arguments, which it has none of.
 */
export async function runHttpBackend(
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  if (args.length > 0) {
    throw new UsageError("usage", "http-backend takes no arguments");
  }
  const end = await serveHttpBackend({
    env: io.env,
    directory: io.cwd(),
    namespace: expandNamespace(io.env("GIT_NAMESPACE") ?? ""),
    tell: io.writeError,
  });
  return end === "answered" ? EXIT.ok : EXIT.failure;
}
