/**
 * The command line of the bench. Pure.
 *
 * @module
 */

/** What the command line asks for. */
export interface BenchOptions {
  /** Paths of real repositories to measure as well. */
  readonly repos: readonly string[];
  /** Names of rows; empty for all. */
  readonly rows: readonly string[];
  /** Names of servers. */
  readonly servers: readonly string[];
  /** Kinds of generated repositories. */
  readonly kinds: readonly string[];
  readonly rounds: number;
  readonly size: "full" | "quick";
  readonly protocol: 0 | 2;
  /** Helper files with which given repositories are measured as well. */
  readonly helpers: readonly string[];
  /** Whether every answer is proven right before its row is measured. */
  readonly checks: "on" | "off";
  /** Where the raw figures go. */
  readonly json?: string;
}

/** What `--help` prints. */
export const USAGE = `usage: deno task bench [options]

  --repo PATH         measure this repository too (may be repeated); the first
                      one is pushed as a whole, row push-history, and
                      exported, rows export-first and export-again
  --with HELPER,...   measure a copy of each given repository with bitmap,
                      commit-graph too, for the rows that are about them
  --rows NAME,...     these rows alone
  --kinds KIND,...    these generated repositories alone; "none" for none
  --servers NAME,...  of git, deno, bun (default: all)
  --rounds N          rounds per row (default 5, quick 3)
  --quick             fewer requests and rounds
  --protocol 0|2      protocol version of the client (default 2)
  --checks on|off     prove answers right before they are timed (default on;
                      that of a large repository takes minutes)
  --json FILE         write every round's figures there
`;

type Values = ReadonlyMap<string, readonly string[]>;

const VALUED = new Set([
  "repo",
  "rows",
  "kinds",
  "servers",
  "rounds",
  "protocol",
  "with",
  "checks",
  "json",
]);
const FLAGS = new Set(["quick", "help"]);

/**
 * Parses `--name value` and `--name=value`; `"help"` where help is asked for.
 *
 * @throws {RangeError} on an unknown option or an impossible value
 */
export function parseOptions(
  args: readonly string[],
  known: {
    readonly servers: readonly string[];
    readonly kinds: readonly string[];
    readonly rows: readonly string[];
    readonly helpers: readonly string[];
  },
): BenchOptions | "help" {
  const values = readValues(args);
  if (values.has("help")) return "help";
  const size = values.has("quick") ? "quick" : "full";
  const protocol = last(values, "protocol") ?? "2";
  if (protocol !== "0" && protocol !== "2") {
    throw new RangeError(`Cannot speak protocol "${protocol}": 0 or 2`);
  }
  const checks = last(values, "checks") ?? "on";
  if (checks !== "on" && checks !== "off") {
    throw new RangeError(`--checks: "${checks}" is neither on nor off`);
  }
  const rounds = Number(last(values, "rounds") ?? (size === "quick" ? 3 : 5));
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new RangeError(`Cannot run ${last(values, "rounds")} rounds`);
  }
  const json = last(values, "json");
  return {
    repos: values.get("repo") ?? [],
    rows: names(values, "rows", known.rows) ?? [],
    servers: names(values, "servers", known.servers) ?? known.servers,
    kinds: last(values, "kinds") === "none"
      ? []
      : names(values, "kinds", known.kinds) ?? known.kinds,
    rounds,
    size,
    protocol: protocol === "0" ? 0 : 2,
    helpers: names(values, "with", known.helpers) ?? [],
    checks,
    ...(json === undefined ? {} : { json }),
  };
}

function readValues(args: readonly string[]): Values {
  const values = new Map<string, string[]>();
  for (let at = 0; at < args.length; at++) {
    const match = /^--([a-z]+)(?:=(.*))?$/s.exec(args[at] as string);
    const name = match?.[1] ?? "";
    if (FLAGS.has(name) && match?.[2] === undefined) values.set(name, []);
    else if (VALUED.has(name)) {
      const value = match?.[2] ?? args[++at];
      if (value === undefined) throw new RangeError(`--${name} needs a value`);
      values.set(name, [...(values.get(name) ?? []), value]);
    } else throw new RangeError(`unknown option "${args[at]}"`);
  }
  return values;
}

function last(values: Values, name: string): string | undefined {
  return values.get(name)?.at(-1);
}

function names(
  values: Values,
  option: string,
  known: readonly string[],
): string[] | undefined {
  const given = values.get(option);
  if (given === undefined) return undefined;
  const list = given.flatMap((value) => value.split(","));
  for (const name of list) {
    if (!known.includes(name)) {
      throw new RangeError(
        `--${option}: "${name}" is none of ${known.join(", ")}`,
      );
    }
  }
  return list;
}
