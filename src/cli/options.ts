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
import { nearest } from "../core/nearest.ts";

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
  /** Whether the value is a number of bytes: "10", "512k", "2g". */
  readonly isSize?: boolean;
  /** Whether the value may be left out, which is "": it stands behind "=". */
  readonly isOptional?: boolean;
  /** What it does, one line. */
  readonly meaning: string;
}

/** One option as it was given. */
export interface GivenOption {
  /** The long form, without dashes and without "no-". */
  readonly name: string;
  /** The value; of a flag whether it is on, `false` where it is taken back. */
  readonly value: string | boolean;
}

/** What a number of bytes may end in: times 1024 each. */

/** What was given on the command line. */
export class GivenOptions {
  #given: readonly GivenOption[];

  /** Keeps `given`, which stands in the order of the command line. */
  constructor(given: readonly GivenOption[]) {
    this.#given = given;
  }

  /** Whether an option was given, in either form. */
  has(name: string): boolean {
    return this.#last(name) !== undefined;
  }

  /** Whether a flag is on. */
  flag(name: string): boolean {
    return this.#last(name)?.value === true;
  }

  /**
   * A value as text, the last of several; `undefined` where it was not given,
   * or taken back.
   */
  text(name: string): string | undefined {
    const value = this.#last(name)?.value;
    return typeof value === "string" ? value : undefined;
  }

  /** Every value of one option, in order, since it was last taken back. */
  all(name: string): string[] {
    const values: string[] = [];
    for (const { value } of this.among([name])) {
      if (typeof value === "string") values.push(value);
      else values.length = 0;
    }
    return values;
  }

  /** Every mention of some options, in the order of the command line. */
  among(names: readonly string[]): GivenOption[] {
    return this.#given.filter(({ name }) => names.includes(name));
  }

  /** A value as a number, for rows with `isInteger`. */
  integer(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** A value as a number of bytes, for rows with `isSize`. */
  size(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const [, digits, unit = ""] = SIZE.exec(value) ?? [];
    return Number(digits) * 1024 ** " kmg".indexOf(unit.toLowerCase() || " ");
  }

  #last(name: string): GivenOption | undefined {
    return this.#given.findLast((option) => option.name === name);
  }
}

/** A number of bytes, with the units of git's configuration. */
const SIZE = /^(\d{1,12})([kmg]?)$/i;

/** What `--no-<name>` leaves of an option that takes a value. */
const TAKEN_BACK = false;

/** A command line taken apart. */
export interface ParsedArguments {
  /** The options. */
  readonly options: GivenOptions;
  /** The other arguments, in order. */
  readonly rest: readonly string[];
  /** Whether help was asked for: `-h` or `--help`. */
  readonly help?: "-h" | "--help";
}

/**
 * Takes arguments apart. Throws a UsageError "usage" in parse-options' words;
 * for an unknown option it names the nearest one, unless `refused` says why
 * there is none of that name.
 */
export function parseOptions(
  rows: readonly OptionRow[],
  args: readonly string[],
  refused: Readonly<Record<string, string>> = {},
): ParsedArguments {
  const given: GivenOption[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--") {
      rest.push(...args.slice(i + 1));
      break;
    }
    if (arg === "--help" || arg === "-h") {
      return { options: new GivenOptions(given), rest, help: arg };
    }
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    const { row, value, isNegated } = recognise(rows, arg, refused);
    if (row.value === undefined) {
      if (value !== undefined) throw usage(`${said(row)} takes no value`);
      given.push({ name: row.name, value: !isNegated });
    } else if (isNegated) {
      if (value !== undefined) throw usage(`${said(row)} takes no value`);
      given.push({ name: row.name, value: TAKEN_BACK });
    } else {
      const text = value ?? (row.isOptional === true ? "" : args[++i]);
      if (text === undefined) throw usage(`${said(row)} requires a value`);
      given.push({ name: row.name, value: checked(row, text) });
    }
  }
  return { options: new GivenOptions(given), rest };
}

interface Recognised {
  readonly row: OptionRow;
  readonly value: string | undefined;
  readonly isNegated: boolean;
}

function recognise(
  rows: readonly OptionRow[],
  arg: string,
  refused: Readonly<Record<string, string>>,
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
  if (Object.hasOwn(refused, name)) {
    throw usage(`option \`${name}' ${refused[name]}`);
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
  if (row.isSize === true && !SIZE.test(value)) {
    throw usage(
      `${said(row)} expects a non-negative integer value with an optional ` +
        "k/m/g suffix",
    );
  }
  return value;
}

function said(row: OptionRow): string {
  return `option \`${row.name}'`;
}

function usage(message: string): UsageError {
  return new UsageError("usage", message);
}
