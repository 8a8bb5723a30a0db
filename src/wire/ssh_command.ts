/**
 * The command that an SSH client asks for, as git's own clients spell it and
 * as `git shell` takes it: a program of git and one argument in single quotes.
 * Pure; nothing here is ever given to a shell.
 *
 * @see https://git-scm.com/docs/git-shell
 * @module
 */

import { RefusedError } from "../core/errors.ts";

/** The programs that a client can ask for. */
export type SshProgram =
  | "git-receive-pack"
  | "git-upload-pack"
  | "git-upload-archive";

/** What a client asks for. */
export interface SshCommand {
  /** The program. */
  readonly program: SshProgram;
  /** Its one argument, out of its quotes. It does not start with a dash. */
  readonly argument: string;
}

// shell.c: cmd_list.
const PROGRAMS: readonly SshProgram[] = [
  "git-receive-pack",
  "git-upload-pack",
  "git-upload-archive",
];

/** shell.c: MAX_INTERACTIVE_COMMAND. */
export const MAX_COMMAND_LENGTH: number = 4 * 1024 * 1024;

/**
 * Takes a command apart. Throws a RefusedError in git-shell's words for
 * everything but `git-upload-pack '<path>'` and its kin, in both spellings.
 */
export function parseSshCommand(text: string): SshCommand {
  if (text.length >= MAX_COMMAND_LENGTH - 1) {
    throw refusal("invalid command format: input too long");
  }
  // shell.c: `git foo` is taken for `git-foo`.
  const command = /^git[ \t\n\r]/.test(text) ? `git-${text.slice(4)}` : text;
  for (const program of PROGRAMS) {
    if (!command.startsWith(program)) continue;
    const rest = command.slice(program.length);
    if (rest !== "" && !rest.startsWith(" ")) continue;
    const argument = dequote(rest.slice(1));
    // A dash would make an option of it.
    if (argument === undefined || argument.startsWith("-")) break;
    return { program, argument };
  }
  const isProgram = PROGRAMS.some((program) =>
    command === program || command.startsWith(`${program} `)
  );
  if (isProgram) throw refusal("bad argument");
  const fault = splitFault(command);
  throw refusal(
    fault === undefined
      ? `unrecognized command '${text}'`
      : `invalid command format '${text}': ${fault}`,
  );
}

/**
 * The text inside of single quotes, as git quotes it: `'` and `!` stand
 * outside of them, behind a backslash, and the quotes go on behind. `undefined`
 * where `text` is anything but one such word. quote.c: sq_dequote.
 */
function dequote(text: string): string | undefined {
  if (!text.startsWith("'")) return undefined;
  let value = "";
  for (let at = 1;;) {
    const end = text.indexOf("'", at);
    if (end < 0) return undefined;
    value += text.slice(at, end);
    if (end === text.length - 1) return value;
    const escape = text.slice(end + 1, end + 4);
    if (escape !== "\\''" && escape !== "\\!'") return undefined;
    value += escape[1];
    at = end + 4;
  }
}

/** What keeps a command from being split into words. alias.c: split_cmdline. */
function splitFault(command: string): string | undefined {
  let quote = "";
  for (let at = 0; at < command.length; at++) {
    const character = command[at] as string;
    if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
    } else if (character === quote) quote = "";
    else if (character === "\\" && quote !== "'") {
      if (++at === command.length) return "cmdline ends with \\";
    }
  }
  return quote === "" ? undefined : "unclosed quote";
}

function refusal(message: string): RefusedError {
  return new RefusedError("bad-command", message);
}
