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
  let script = "";
  for (const [name, value] of Object.entries(variables)) {
    const text = textOf(value);
    if (text !== undefined) env[name] = text;
    // A substitution loses line ends at its end: so that is not its end.
    else {script += `${name}=${
        octal(`${value}x`)
      };export ${name}=\${${name}%x};`;}
  }
  const hasOdd = texts.includes(undefined);
  const words = hasOdd
    ? texts.map((text, i) =>
      text === undefined ? octal(args[i] as string) : `"\${${i + 1}}"`
    ).join(" ")
    : '"$@"';
  return {
    args: [
      "-c",
      `${script}exec "$0" ${words} 2>&1`,
      path,
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

/** A shell's word for the bytes of a binary string. */
function octal(binary: string): string {
  const digits = Array.from(
    cString(binary),
    (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return `"$(printf '${digits.join("")}')"`;
}

function cString(binary: string): string {
  const end = binary.indexOf("\0");
  return end < 0 ? binary : binary.slice(0, end);
}
