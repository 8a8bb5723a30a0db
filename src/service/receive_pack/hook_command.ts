/**
 * The command that starts a hook: a shell that puts the hook's errors on its
 * output, as git does, and then becomes the hook. That keeps both in the order
 * in which they are written, names the hook as git names it, and gives it
 * bytes that are no text, which runtimes cannot pass.
 *
 * @module
 */

import { binaryToUtf8, utf8ToBinary } from "../../core/bytes.ts";

/** The shell that git falls back to as well. */
export const SHELL = "/bin/sh";

/** Four times as many fit into an argument: Linux takes 128 KiB. */
const PIECE_BYTES = 16 * 1024;

/** How {@linkcode SHELL} is to be run. */
export interface HookCommand {
  /** Its arguments. */
  readonly args: readonly string[];
  /** What is added to the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The command for the hook at `path`, which has a slash. Arguments and the
 * values of `variables` are binary strings; both end at a NUL.
 */
export function hookCommand(
  path: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): HookCommand {
  const env: Record<string, string> = {};
  const texts = args.map(textOf);
  // Values that are no text come first, in pieces, and are shifted away.
  const pieces: string[] = [];
  let script = "";
  for (const [name, value] of Object.entries(variables)) {
    const text = textOf(value);
    if (text !== undefined) {
      env[name] = text;
      continue;
    }
    const first = pieces.length + 1;
    // A substitution loses line ends at its end: so that is not its end.
    pieces.push(...octalPieces(`${cString(value)}x`));
    const words = pieces.slice(first - 1).map((_, i) => `\${${first + i}}`);
    script += `${name}="$(printf "${words.join("")}")";` +
      `export ${name}="\${${name}%x}";`;
  }
  if (pieces.length > 0) script += `shift ${pieces.length};`;
  const hasOdd = texts.includes(undefined);
  const words = hasOdd
    ? texts.map((text, i) =>
      text === undefined
        ? `"$(printf '${octal(args[i] as string)}')"`
        : `"\${${i + 1}}"`
    ).join(" ")
    : '"$@"';
  return {
    args: [
      "-c",
      `${script}exec "$0" ${words} 2>&1`,
      path,
      ...pieces,
      ...texts.map((text) => text ?? ""),
    ],
    env,
  };
}

/** The text of a binary string; `undefined` where it is none. */
function textOf(binary: string): string | undefined {
  const text = binaryToUtf8(cString(binary));
  return utf8ToBinary(text) === cString(binary) ? text : undefined;
}

/** What `printf` makes the bytes of a binary string from. */
function octal(binary: string): string {
  return Array.from(
    cString(binary),
    (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, "0")}`,
  ).join("");
}

/** The same as arguments, none of which is too long for one. */
function* octalPieces(binary: string): Generator<string> {
  for (let at = 0; at < binary.length; at += PIECE_BYTES) {
    yield octal(binary.slice(at, at + PIECE_BYTES));
  }
}

function cString(binary: string): string {
  const end = binary.indexOf("\0");
  return end < 0 ? binary : binary.slice(0, end);
}
