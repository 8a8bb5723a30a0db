/**
 * Options of git's own programs, parsed as git's parse-options does it: names
 * may be shortened, and what is said of a wrong one is git's word for word. The
 * commands of gitsrv are parsed by `options.ts`.
 *
 * @see https://git-scm.com/docs/api-parse-options
 * @module
 */

/** One option of a program of git's. */
export interface GitOption {
  /** Its name, without dashes. */
  readonly name: string;
  /** Its one letter; of a switch. */
  readonly short?: string;
  /** How usage calls its value, a number; absent: it is a switch. */
  readonly value?: string;
  /** Whether usage leaves it out. */
  readonly isHidden?: boolean;
  /** The option that this is another name of. */
  readonly aliasOf?: string;
  /** What it does, in git's words. */
  readonly meaning: string;
}

/** A program of git's, as its usage shows it. */
export interface GitProgram {
  /** Lines of usage, without "usage: ". */
  readonly usage: readonly string[];
  /** Its options, in the order of usage. */
  readonly options: readonly GitOption[];
}

/** A command line taken apart, or what is wrong with it. */
export type GitArguments =
  | {
    readonly type: "parsed";
    /** By name, that of the option which an alias means. */
    readonly values: ReadonlyMap<string, boolean | number>;
    /** The other arguments. */
    readonly rest: readonly string[];
  }
  | {
    readonly type: "wrong";
    /** For standard error. */
    readonly error: string;
    /** For standard output. */
    readonly output: string;
  };

/** What a switch is when it is on. */
const FLAG = true;

/** Takes the arguments of `program` apart. */
export function parseGitOptions(
  program: GitProgram,
  args: readonly string[],
): GitArguments {
  const values = new Map<string, boolean | number>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--" || arg === "--end-of-options") {
      rest.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    if (!arg.startsWith("--")) {
      for (const letter of arg.slice(1)) {
        if (letter === "h") return shown(program, "visible");
        const found = program.options.find(({ short }) => short === letter);
        if (found === undefined) {
          return unknown(program, `unknown switch \`${letter}'`);
        }
        values.set(found.name, FLAG);
      }
      continue;
    }
    if (arg === "--help-all") return shown(program, "all");
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    const found = recognise(program.options, name, arg.slice(2));
    if (found === undefined) {
      return unknown(program, `unknown option \`${arg.slice(2)}'`);
    }
    if ("either" in found) {
      const { either: [one, other] } = found;
      return {
        type: "wrong",
        error: `error: ambiguous option: ${arg.slice(2)} ` +
          `(could be --${one} or --${other})\n`,
        output: usageOf(program, "visible"),
      };
    }
    const { option, isNegated } = found;
    const key = option.aliasOf ?? option.name;
    if (isNegated || option.value === undefined) {
      if (equals >= 0) {
        const said = isNegated ? `no-${option.name}` : option.name;
        return wrong(`option \`${said}' takes no value`);
      }
      values.set(key, !isNegated);
      continue;
    }
    const value = equals < 0 ? args[++i] : arg.slice(equals + 1);
    if (value === undefined) {
      return wrong(`option \`${option.name}' requires a value`);
    }
    // What strtol takes, and nothing behind it.
    if (!/^[ \t\n\v\f\r]*[-+]?\d+$/.test(value)) {
      return wrong(`option \`${option.name}' expects a numerical value`);
    }
    values.set(key, Number(value));
  }
  return { type: "parsed", values, rest };
}

/**
 * What a program says of itself: the options that are not hidden, or all, or
 * those as git shows them once they have been parsed: aliases are not hidden
 * then, and take something (builtin/upload-pack.c: usage_with_options).
 */
export function usageOf(
  { usage, options }: GitProgram,
  which: "visible" | "all" | "parsed",
): string {
  const lines = usage.map((line, i) => `${i === 0 ? "usage: " : ""}${line}\n`);
  if (options.length === 0) return lines.join("");
  lines.push("\n");
  for (const { name, short, value, isHidden, aliasOf, meaning } of options) {
    const isOpen = isHidden !== true || which === "all" ||
      (which === "parsed" && aliasOf !== undefined);
    if (!isOpen) continue;
    const taken = which === "parsed" && aliasOf !== undefined ? "..." : value;
    const letter = short === undefined ? "" : `-${short}, `;
    const form = `    ${letter}--${name}${
      taken === undefined ? "" : ` ${taken}`
    }`;
    const text = aliasOf === undefined ? meaning : `alias of --${aliasOf}`;
    // parse-options.c: USAGE_OPTS_WIDTH and USAGE_GAP.
    lines.push(
      form.length < COLUMN - 1
        ? `${form.padEnd(COLUMN)}${text}\n`
        : `${form}\n${" ".repeat(COLUMN)}${text}\n`,
    );
  }
  return `${lines.join("")}\n`;
}

const COLUMN = 26;

interface Recognised {
  readonly option: GitOption;
  readonly isNegated: boolean;
}

/**
 * parse-options.c: parse_long_opt. What is taken back may be shortened where
 * `whole`, the name with its value, has none.
 */
function recognise(
  options: readonly GitOption[],
  name: string,
  whole: string,
): Recognised | { readonly either: readonly [string, string] } | undefined {
  const close: Recognised[] = [];
  for (const option of options) {
    if (option.name === name) return { option, isNegated: false };
    if (`no-${option.name}` === name) return { option, isNegated: true };
    if (option.name.startsWith(name)) close.push({ option, isNegated: false });
    else if (`no-${option.name}`.startsWith(whole)) {
      close.push({ option, isNegated: true });
    }
  }
  const last = close.at(-1);
  const other = close.slice(0, -1).findLast(({ option }) =>
    option.aliasOf !== last?.option.name && last?.option.aliasOf !== option.name
  );
  if (last === undefined || other === undefined) return last;
  return { either: [spelt(other), spelt(last)] };
}

function spelt({ option, isNegated }: Recognised): string {
  return isNegated ? `no-${option.name}` : option.name;
}

function wrong(message: string): GitArguments {
  return { type: "wrong", error: `error: ${message}\n`, output: "" };
}

function unknown(program: GitProgram, message: string): GitArguments {
  const usage = usageOf(program, "visible");
  return { type: "wrong", error: `error: ${message}\n${usage}`, output: "" };
}

function shown(program: GitProgram, which: "visible" | "all"): GitArguments {
  return { type: "wrong", error: "", output: usageOf(program, which) };
}
