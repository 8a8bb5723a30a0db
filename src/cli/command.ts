/**
 * What a subcommand is, as a row of the command table.
 *
 * @module
 */

import type { ProcessIo } from "../core/process.ts";
import type { OptionRow, ParsedArguments } from "./options.ts";

/** Exit codes, as git's. */
export const EXIT: {
  readonly ok: 0;
  readonly failure: 1;
  readonly fatal: 128;
  readonly usage: 129;
} = { ok: 0, failure: 1, fatal: 128, usage: 129 };

/** One subcommand, without its code: enough for help. */
export interface CommandRow {
  /** Its name on the command line. */
  readonly name: string;
  /** What it does, for the list of commands: one line. */
  readonly summary: string;
  /** The arguments behind the options, as usage shows them. */
  readonly operands: string;
  /** Lines of help between usage and options. */
  readonly description: readonly string[];
  /** Its options. */
  readonly options: readonly OptionRow[];
  /**
   * Who parses its arguments: "own" has its code do so, which finds all of
   * them in `rest`. Unless told they are parsed by its options.
   */
  readonly grammar?: "own";
  /** Options of git's command of that name that are not ours, and why. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Loads its code. */
  readonly load: () => Promise<RunCommand>;
}

/**
 * Runs a subcommand; resolves to the exit code. Throws a UsageError "usage"
 * for a wrong command line, any other error is fatal.
 */
export type RunCommand = (
  parsed: ParsedArguments,
  io: ProcessIo,
) => Promise<number>;
