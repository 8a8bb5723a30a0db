/**
 * The one option parser: rows in, values out, in git's grammar
 * (`--opt=value`, `--opt value`, `--no-opt`, `-x`, `--`). Options and other
 * arguments may be mixed, as in git's parse-options. What options mean is the
 * commands' business.
 *
 * @see https://git-scm.com/docs/api-parse-options
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { nearest } from "./nearest.ts";

/** One option of a command. */
export interface OptionRow {
  /** The long form, without dashes. */
  readonly name: string;
  /** The short form, one letter. */
  readonly short?: string;
  /** How help calls its value: "<n>". Absent: it is a flag. */
  readonly value?: string;
  /** Whether the value is a decimal number. */
  readonly isInteger?: boolean;
  /** Whether a second value is refused: git collects them, and we cannot yet. */
  readonly isSingle?: boolean;
  /** What it does, one line. */
  readonly meaning: string;
}

/** What was given on the command line. */
export class GivenOptions {
  #values: ReadonlyMap<string, string | boolean>;

  constructor(values: ReadonlyMap<string, string | boolean>) {
    this.#values = values;
  }

  /** Whether an option was given, in either form. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Whether a flag is on. */
  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** A value as text; `undefined` where it was not given, or taken back. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** A value as a number, for rows with `isInteger`. */
  integer(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }
}

/** What `--no-<name>` leaves of an option that takes a value. */
const TAKEN_BACK = false;

/** A command line taken apart. */
export interface ParsedArguments {
  /** The options; of one given twice, the last. */
  readonly options: GivenOptions;
  /** The other arguments, in order. */
  readonly rest: readonly string[];
  /** Whether help was asked for: `-h` or `--help`. */
  readonly help?: "-h" | "--help";
}

/** Options that git's command of that name has, and ours has not yet. */
export interface NotYet {
  /** The name of the command, after `git`. */
  readonly command: string;
  /** Their long forms, without dashes. */
  readonly notYet: readonly string[];
}

const NOTHING_MISSING: NotYet = { command: "", notYet: [] };

/**
 * Takes arguments apart. Throws a UsageError "usage" in parse-options' words;
 * for an unknown option it names the nearest one, unless it is one of git's.
 */
export function parseOptions(
  rows: readonly OptionRow[],
  args: readonly string[],
  missing: NotYet = NOTHING_MISSING,
): ParsedArguments {
  const values = new Map<string, string | boolean>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--") {
      rest.push(...args.slice(i + 1));
      break;
    }
    if (arg === "--help" || arg === "-h") {
      return { options: new GivenOptions(values), rest, help: arg };
    }
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    const { row, value, isNegated } = recognise(rows, arg, missing);
    if (row.value === undefined) {
      if (value !== undefined) throw usage(`${said(row)} takes no value`);
      values.set(row.name, !isNegated);
    } else if (isNegated) {
      if (value !== undefined) throw usage(`${said(row)} takes no value`);
      values.set(row.name, TAKEN_BACK);
    } else {
      const given = value ?? args[++i];
      if (given === undefined) throw usage(`${said(row)} requires a value`);
      if (row.isSingle === true && typeof values.get(row.name) === "string") {
        throw usage(`only one --${row.name} is supported yet`);
      }
      values.set(row.name, checked(row, given));
    }
  }
  return { options: new GivenOptions(values), rest };
}

interface Recognised {
  readonly row: OptionRow;
  readonly value: string | undefined;
  readonly isNegated: boolean;
}

function recognise(
  rows: readonly OptionRow[],
  arg: string,
  missing: NotYet,
): Recognised {
  if (!arg.startsWith("--")) {
    const row = rows.find(({ short }) => short === arg.slice(1, 2));
    if (row === undefined) throw usage(`unknown switch \`${arg.slice(1)}'`);
    const tail = arg.slice(2);
    return { row, value: tail === "" ? undefined : tail, isNegated: false };
  }
  const equals = arg.indexOf("=");
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const value = equals < 0 ? undefined : arg.slice(equals + 1);
  const row = rows.find((candidate) => candidate.name === name);
  if (row !== undefined) return { row, value, isNegated: false };
  const negated = name.startsWith("no-")
    ? rows.find((candidate) => candidate.name === name.slice(3))
    : undefined;
  if (negated !== undefined) return { row: negated, value, isNegated: true };
  if (missing.notYet.includes(name)) {
    throw usage(
      `option \`${name}' of git ${missing.command} is not supported yet`,
    );
  }
  const close = nearest(name, rows.map((candidate) => candidate.name));
  const hint = close === undefined
    ? ""
    : `\nhint: the most similar option is --${close}`;
  throw usage(`unknown option \`${name}'${hint}`);
}

function checked(row: OptionRow, value: string): string {
  if (row.isInteger === true && !/^-?\d{1,9}$/.test(value)) {
    throw usage(`${said(row)} expects a numerical value`);
  }
  return value;
}

function said(row: OptionRow): string {
  return `option \`${row.name}'`;
}

function usage(message: string): UsageError {
  return new UsageError("usage", message);
}
