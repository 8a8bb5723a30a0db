/**
 * `gitsrv serve-command` without a service: the forced command of an SSH key.
 * The client's own command, in `SSH_ORIGINAL_COMMAND`, says which service and
 * which repository it wants, and nothing else of it counts.
 *
 * Servers can let clients set variables of the environment (`AcceptEnv`), and
 * those cannot be told from the operator's. So but for `GIT_PROTOCOL` no `GIT_`
 * variable is read here: none may name configuration, or a namespace.
 *
 * @see https://man.openbsd.org/sshd#command="command"
 * @module
 */

import { RefusedError, UsageError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { parseSshCommand } from "../wire/ssh_command.ts";
import { EXIT } from "./command.ts";
import { commandHelp } from "./help.ts";
import { runOneSession } from "./one_session.ts";
import { parseOptions } from "./options.ts";
import { SSH_OPTIONS } from "./ssh_options.ts";

/** The variables that sshd sets itself, or that can do no harm. */
const TRUSTED = ["HOME", "GIT_PROTOCOL"];

const NOT_INTERACTIVE = "Interactive sessions are not served.\n" +
  "hint: This key is for git alone: git clone ssh://<host>/<path>";

/** Serves what an SSH client asks for; resolves to the exit code. */
export async function runSshSession(
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  const { options, help } = parseOptions(SSH_OPTIONS, args);
  if (help !== undefined) return await showHelp(io, help);
  const root = options.text("base-path");
  if (root === "") throw usage("option `base-path' expects a directory");
  const command = io.env("SSH_ORIGINAL_COMMAND") ?? "";
  if (command === "") {
    const isForced = root !== undefined || options.has("read-only") ||
      io.env("SSH_CONNECTION") !== undefined;
    if (!isForced) throw usage("which service?");
    throw new RefusedError("interactive", NOT_INTERACTIVE);
  }
  const { program, argument } = parseSshCommand(command);
  if (program === "git-receive-pack" && options.flag("read-only")) {
    throw new RefusedError(
      "read-only",
      "pushing is not allowed: access is read-only",
    );
  }
  const mode = options.flag("strict") ? "strict" : "suffixes";
  return await runOneSession({
    service: program,
    directory: argument,
    place: root === undefined ? { type: "named", mode } : {
      type: "below",
      root: root.startsWith("/") ? root : `${io.cwd()}/${root}`,
      mode,
    },
    timeout: Math.max(0, options.integer("timeout") ?? 0),
    createsOnPush: options.flag("create-on-push"),
    terms: {},
    env: (name) => TRUSTED.includes(name) ? io.env(name) : undefined,
  }, io);
}

/** The help of `serve-command`; `-h` counts as a wrong command line. */
export async function showHelp(
  io: ProcessIo,
  asked: "-h" | "--help" = "--help",
): Promise<number> {
  const { COMMANDS } = await import("./table.ts");
  const row = COMMANDS.find(({ name }) => name === "serve-command");
  if (row !== undefined) await io.writeOut(commandHelp(row));
  return asked === "-h" ? EXIT.usage : EXIT.ok;
}

function usage(message: string): UsageError {
  return new UsageError("usage", message);
}
