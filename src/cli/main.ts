/**
 * From a command line to an exit code: finds the command, parses its options,
 * runs it, and says what went wrong in git's form.
 *
 * @module
 */

import { GitsrvError, messageOf, UsageError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { VERSION } from "../server/version.ts";
import { type CommandRow, EXIT } from "./command.ts";
import { fatalLine } from "./fatal.ts";
import { commandHelp, programHelp, usageLine } from "./help.ts";
import { nearest } from "../core/nearest.ts";
import { GivenOptions, parseOptions } from "./options.ts";
import { COMMANDS } from "./table.ts";

/**
 * Runs the program; resolves to the exit code: 0, 1, 128 for a fatal error,
 * 129 for a wrong command line. Never rejects.
 */
export async function main(
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    io.writeError(fatalText(error));
    return EXIT.fatal;
  } finally {
    await io.flushError();
  }
}

async function dispatch(
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  const [first, ...others] = args;
  switch (first) {
    case undefined:
      io.writeError(programHelp(COMMANDS));
      return EXIT.usage;
    case "--version":
    case "-v":
    case "version":
      await io.writeOut(`gitsrv version ${VERSION}\n`);
      return EXIT.ok;
    case "-h":
    case "--help":
    case "help":
      return await help(others[0], io);
    default:
      return await runCommand(first, others, io);
  }
}

async function help(name: string | undefined, io: ProcessIo): Promise<number> {
  if (name === undefined) {
    await io.writeOut(programHelp(COMMANDS));
    return EXIT.ok;
  }
  const command = COMMANDS.find((row) => row.name === name);
  if (command === undefined) return unknownCommand(name, io);
  await io.writeOut(commandHelp(command));
  return EXIT.ok;
}

async function runCommand(
  name: string,
  args: readonly string[],
  io: ProcessIo,
): Promise<number> {
  const command = COMMANDS.find((row) => row.name === name);
  if (command === undefined) return unknownCommand(name, io);
  try {
    const parsed = command.grammar === "own"
      ? { options: new GivenOptions([]), rest: args }
      : parseOptions(command.options, args, command.refused);
    if (parsed.help !== undefined) {
      await io.writeOut(commandHelp(command));
      // parse-options: -h counts as a usage error, --help does not.
      return parsed.help === "-h" ? EXIT.usage : EXIT.ok;
    }
    const run = await command.load();
    return await run(parsed, io);
  } catch (error) {
    if (!(error instanceof UsageError) || error.code !== "usage") throw error;
    io.writeError(`error: ${error.message}\n${shortUsage(command)}`);
    return EXIT.usage;
  }
}

function shortUsage(command: CommandRow): string {
  return `${usageLine(command)}hint: see gitsrv help ${command.name}\n`;
}

function unknownCommand(name: string, io: ProcessIo): number {
  const close = nearest(name, [...COMMANDS.map((row) => row.name), "help"]);
  const hint = close === undefined
    ? ""
    : `\nThe most similar command is\n\t${close}\n`;
  io.writeError(
    `gitsrv: '${name}' is not a gitsrv command. See 'gitsrv help'.\n${hint}`,
  );
  return EXIT.failure;
}

function fatalText(error: unknown): string {
  if (error instanceof GitsrvError) return fatalLine(error.message);
  const stack = error instanceof Error ? error.stack : undefined;
  return `BUG: ${stack ?? messageOf(error)}\n`;
}
