/**
 * `gitsrv serve-command`: one session on standard input and output. With a
 * service it stands in for git's program of that name, in its grammar, words
 * and exit codes; without one it is an SSH forced command (`ssh_session.ts`).
 *
 * @see https://git-scm.com/docs/git-upload-pack
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { EXIT } from "./command.ts";
import { type GitArguments, parseGitOptions, usageOf } from "./git_options.ts";
import { expandNamespace } from "../service/namespaces.ts";
import { runOneSession } from "./one_session.ts";
import type { ParsedArguments } from "./options.ts";
import {
  programSettings,
  SERVED_PROGRAMS,
  type ServedProgram,
} from "./served_programs.ts";
import { runSshSession, showHelp } from "./ssh_session.ts";

/** Options of all services that take a value, which may be no service. */
const VALUED = ["--timeout", "--base-path"];

/**
 * Serves one session; resolves to the exit code. Throws a UsageError "usage"
 * for a command line that is wrong by our own rules.
 */
export async function runServeCommand(
  { rest: args }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const at = serviceIndex(args);
  if (at < 0) return await runSshSession(args, io);
  const service = args[at] as string;
  const others = args.toSpliced(at, 1);
  const isHelp = others[0] === "--help";
  if (service === "http-backend" && !isHelp) {
    const { runHttpBackend } = await import("./http_backend.ts");
    return await runHttpBackend(others, io);
  }
  const program = SERVED_PROGRAMS.find(({ name }) => name === service);
  if (program === undefined && service !== "http-backend") {
    throw new UsageError("usage", `unknown service '${service}'`);
  }
  if (isHelp || program === undefined) return await showHelp(io);
  return await runProgram(program, others, io);
}

/** Where the service stands: the first argument that is no option. */
function serviceIndex(args: readonly string[]): number {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (!arg.startsWith("-")) return at;
    if (VALUED.includes(arg)) at++;
  }
  return -1;
}

/** Stands in for a program of git's. */
async function runProgram(
  program: ServedProgram,
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  const isTold = program.wrongArguments === "told";
  const parsed: GitArguments = isTold
    ? { type: "parsed", values: new Map(), rest: args }
    : parseGitOptions(program, args);
  if (parsed.type === "wrong") {
    await io.writeOut(parsed.output);
    io.writeError(parsed.error);
    return EXIT.usage;
  }
  const [directory, ...more] = parsed.rest;
  const isOne = directory !== undefined && more.length === 0;
  const usage = usageOf(program, "parsed");
  if (isTold ? isOne && directory === "-h" : !isOne) {
    const { words } = program;
    const why = directory === undefined ? words?.none : words?.many;
    io.writeError(why === undefined ? usage : `fatal: ${why}\n\n${usage}`);
    return EXIT.usage;
  }
  const { isStrict, timeout, terms, createsOnPush } = programSettings(
    parsed.values,
  );
  return await runOneSession({
    service: program.name,
    directory: isOne ? directory : { wrong: usage.trimEnd() },
    place: { type: "named", mode: isStrict ? "strict" : "suffixes" },
    timeout,
    createsOnPush,
    terms: {
      ...terms,
      namespace: expandNamespace(io.env("GIT_NAMESPACE") ?? ""),
    },
    env: io.env,
  }, io);
}
