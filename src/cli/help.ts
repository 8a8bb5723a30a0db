/**
 * Help texts, made from the command table.
 *
 * @module
 */

import type { CommandRow } from "./command.ts";
import type { OptionRow } from "./options.ts";

const WIDTH = 80;
const INDENT = "    ";
const COLUMN = 28;

/** The help of the program: its commands. */
export function programHelp(commands: readonly CommandRow[]): string {
  const widest = Math.max(...commands.map(({ name }) => name.length));
  return [
    "usage: gitsrv <command> [<options>] [<arguments>]",
    "       gitsrv --version",
    "       gitsrv help [<command>]",
    "",
    "commands:",
    ...commands.map(({ name, summary }) =>
      `${INDENT}${name.padEnd(widest)}  ${summary}`
    ),
    "",
    "`gitsrv help <command>` describes one; the first to try is `gitsrv daemon`.",
    "",
  ].join("\n");
}

/** The usage line of a command. */
export function usageLine(command: CommandRow): string {
  return `usage: gitsrv ${command.name} [<options>] ${command.operands}\n`;
}

/** The whole help of a command. */
export function commandHelp(command: CommandRow): string {
  return [
    usageLine(command),
    ...command.description.map((line) => line === "" ? "" : `${INDENT}${line}`),
    "",
    "options:",
    ...command.options.flatMap(optionLines),
    "",
  ].join("\n");
}

function optionLines(row: OptionRow): string[] {
  const short = row.short === undefined ? "" : `-${row.short}, `;
  const value = row.value === undefined
    ? ""
    : row.isOptional === true
    ? `[=${row.value}]`
    : `=${row.value}`;
  const form = `${INDENT}${short}--${row.name}${value}`;
  const lines = wrap(row.meaning, WIDTH - COLUMN);
  const first = form.length < COLUMN ? lines.shift() ?? "" : "";
  return [
    `${form.padEnd(COLUMN)}${first}`.trimEnd(),
    ...lines.map((line) => " ".repeat(COLUMN) + line),
  ];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
