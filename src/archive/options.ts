/**
 * The grammar of git's own option parser (parse-options.c), as far as
 * `git archive` uses it: abbreviations, `--no-`, clusters of letters, options
 * and other arguments in any order.
 *
 * @module
 */

/** What an option takes. */
export type OptionKind = "value" | "flag" | "count";

/** One option, as rows of a table whose order decides of abbreviations. */
export interface OptionRow {
  /** Its long name. */
  readonly name: string;
  /** Its letter. */
  readonly letter?: string;
  /** What it takes. */
  readonly kind: OptionKind;
}

/** An option as it was given. */
export interface GivenOption {
  /** Its long name. */
  readonly name: string;
  /** Its value; `true` for a flag, `undefined` where `--no-` took it back. */
  readonly value: string | true | undefined;
}

/** How the reading of options ended. */
export type OptionsEnd =
  | {
    readonly type: "options";
    readonly given: readonly GivenOption[];
    /** The value of the last `-<number>`. */
    readonly number: string | undefined;
    readonly rest: readonly string[];
  }
  /** The usage is asked for, maybe after a complaint. */
  | { readonly type: "help"; readonly complaint: string }
  /** An error; the usage goes with it where the option is not known. */
  | {
    readonly type: "error";
    readonly complaint: string;
    readonly usage: "shown" | "omitted";
  };

/** Reads arguments by a table. */
export function readOptions(
  args: readonly string[],
  table: readonly OptionRow[],
): OptionsEnd {
  return new OptionReader(args, table).read();
}

type Fault = Exclude<OptionsEnd, { type: "options" }>;

class OptionReader {
  readonly #args: readonly string[];
  readonly #table: readonly OptionRow[];
  readonly #given: GivenOption[] = [];
  readonly #rest: string[] = [];
  #number: string | undefined;
  #at = 0;

  constructor(args: readonly string[], table: readonly OptionRow[]) {
    this.#args = args;
    this.#table = table;
  }

  read(): OptionsEnd {
    for (; this.#at < this.#args.length; this.#at++) {
      const arg = this.#args[this.#at] as string;
      if (!arg.startsWith("-") || arg === "-") {
        this.#rest.push(arg);
        continue;
      }
      if (arg === "-h" && this.#args.length === 1) return help();
      if (arg === "--" || arg === "--end-of-options") {
        this.#rest.push(...this.#args.slice(this.#at + 1));
        break;
      }
      const fault = arg.startsWith("--")
        ? this.#long(arg.slice(2))
        : this.#cluster(arg.slice(1));
      if (fault !== undefined) return fault;
    }
    return {
      type: "options",
      given: this.#given,
      number: this.#number,
      rest: this.#rest,
    };
  }

  #cluster(letters: string): Fault | undefined {
    let at = 0;
    while (at < letters.length) {
      const digits = /^\d+/.exec(letters.slice(at))?.[0];
      const row = this.#table.find(({ letter }) => letter === letters[at]);
      if (row !== undefined) {
        at++;
        if (row.kind === "value") {
          const inline = letters.slice(at);
          return this.#value(row, inline === "" ? undefined : inline, {
            label: `switch \`${row.letter}'`,
          });
        }
        this.#given.push({ name: row.name, value: true });
      } else if (digits !== undefined) {
        this.#number = digits;
        at += digits.length;
      } else {
        if (at === 0) {
          const typo = this.#typo(letters);
          if (typo !== undefined) return typo;
        }
        return letters[at] === "h" ? help() : unknownLetter(letters, at);
      }
      // After the first of a cluster: was a long option meant?
      if (at < letters.length && this.#isFirst(letters, at)) {
        const typo = this.#typo(letters);
        if (typo !== undefined) return typo;
      }
    }
    return undefined;
  }

  /** Whether `at` is where the first option of a cluster ends. */
  #isFirst(letters: string, at: number): boolean {
    const digits = /^\d+/.exec(letters)?.[0];
    return at === (digits?.length ?? 1);
  }

  /** parse-options.c: check_typos. */
  #typo(arg: string): Fault | undefined {
    if (arg.length < 3) return undefined;
    if (
      !arg.startsWith("no-") &&
      !this.#table.some(({ name }) => name.startsWith(arg))
    ) return undefined;
    return failed(`did you mean \`--${arg}\` (with two dashes)?`);
  }

  #long(arg: string): Fault | undefined {
    if (arg === "help" || arg === "help-all") return help();
    const found = this.#find(arg);
    if (found === undefined) {
      return {
        type: "error",
        complaint: `error: unknown option \`${arg}'\n`,
        usage: "shown",
      };
    }
    if ("type" in found) return found;
    const { row, isUnset, inline } = found;
    const label = `option \`${isUnset ? "no-" : ""}${row.name}'`;
    if (inline !== undefined && (isUnset || row.kind !== "value")) {
      return failed(`${label} takes no value`);
    }
    if (isUnset) {
      this.#given.push({ name: row.name, value: undefined });
    } else if (row.kind === "value") {
      return this.#value(row, inline, { label });
    } else {
      this.#given.push({ name: row.name, value: true });
    }
    return undefined;
  }

  #value(
    { name }: OptionRow,
    inline: string | undefined,
    { label }: { readonly label: string },
  ): Fault | undefined {
    const value = inline ?? this.#args[++this.#at];
    if (value === undefined) return failed(`${label} requires a value`);
    this.#given.push({ name, value });
    return undefined;
  }

  /** parse-options.c: parse_long_opt. */
  #find(arg: string): Found | Fault | undefined {
    const equals = arg.indexOf("=");
    const word = equals < 0 ? arg : arg.slice(0, equals);
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    let short: Found | undefined;
    let other: Found | undefined;
    for (const row of this.#table) {
      const negated = `no-${row.name}`;
      if (word === row.name) return { row, isUnset: false, inline };
      if (row.name.startsWith(word)) {
        other = short;
        short = { row, isUnset: false, inline };
      } else if (word === negated) {
        return { row, isUnset: true, inline };
      } else if (negated.startsWith(word)) {
        other = short ?? other;
        // git forgets what stands behind "=" here.
        short = { row, isUnset: true, inline: undefined };
      }
    }
    if (short === undefined || other === undefined) return short;
    return {
      type: "help",
      complaint: `error: ambiguous option: ${arg} ` +
        `(could be --${nameOf(other)} or --${nameOf(short)})\n`,
    };
  }
}

interface Found {
  readonly row: OptionRow;
  readonly isUnset: boolean;
  readonly inline: string | undefined;
}

function nameOf({ row, isUnset }: Found): string {
  return `${isUnset ? "no-" : ""}${row.name}`;
}

function help(): Fault {
  return { type: "help", complaint: "" };
}

function failed(message: string): Fault {
  return { type: "error", complaint: `error: ${message}\n`, usage: "omitted" };
}

function unknownLetter(letters: string, at: number): Fault {
  const isAscii = letters.charCodeAt(at) < 0x80;
  const what = isAscii
    ? `unknown switch \`${letters[at]}'`
    : `unknown non-ascii option in string: \`-${letters.slice(at)}'`;
  return { type: "error", complaint: `error: ${what}\n`, usage: "shown" };
}
