/**
 * gitsrv's stand-in for `@std/cli`: the part of it that this project uses, with
 * the same name, parameters and results, so that the real package can take its
 * place by one line in `deno.json` and `tsconfig.json`. It is gitsrv's own
 * code, not Deno's, and it runs on Deno and on Bun alike.
 *
 * What it is not: prompts, spinners and widths. Nothing here needs them.
 *
 * @module
 */

import { argumentKind, parseNumber } from "./cli/argument.ts";
import { type Names, ResultTree } from "./cli/result.ts";

/** One name, or several of them. */
export type OneOrMore = string | readonly string[];

/** What {@linkcode parseArgs} may be told about the flags it will meet. */
export interface ParseOptions {
  /** Put what follows `--` into `"--"` instead of `_`. */
  readonly "--"?: boolean;
  /** Other names of a flag; all names of one flag get the same value. */
  readonly alias?: Readonly<Record<string, OneOrMore>>;
  /**
   * Flags that take no value: absent means `false`. `true` means that every
   * `--flag` without `=` is one of them.
   */
  readonly boolean?: boolean | OneOrMore;
  /** Values of flags that are absent. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Leave everything from the first argument that is no flag to `_`. */
  readonly stopEarly?: boolean;
  /** Flags whose values stay text; `"_"` means the arguments too. */
  readonly string?: OneOrMore;
  /** Flags that may be repeated: their value is always a list. */
  readonly collect?: OneOrMore;
  /** Flags that `--no-<flag>` sets to `false`. */
  readonly negatable?: OneOrMore;
  /**
   * Asked about every argument that no option names: `key` and `value` are
   * absent for one that is no flag. It is left out if the answer is `false`.
   */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type NamesOf<O, K extends keyof ParseOptions> = K extends keyof O
  ? O[K] extends string ? O[K]
  : O[K] extends readonly (infer N extends string)[] ? N
  : never
  : never;

type DefaultOf<O, N, Absent> = O extends { readonly default: infer D }
  ? N extends keyof D ? D[N] : Absent
  : Absent;

type Flag<O, N, V, Absent> = N extends NamesOf<O, "collect"> ? V[]
  : V | DefaultOf<O, N, Absent>;

/**
 * What {@linkcode parseArgs} returns: a property per flag, the other arguments
 * in `_`. Flags named in `boolean`, `string` and `collect` have their types;
 * all others, aliases among them, are `unknown`.
 */
export type Args<O extends ParseOptions = ParseOptions> =
  & {
    /** The arguments that are no flags; those that look like numbers are. */
    _: (string | number)[];
    [name: string]: unknown;
  }
  & { [N in NamesOf<O, "boolean">]: Flag<O, N, boolean, false> }
  & { [N in Exclude<NamesOf<O, "string">, "_">]: Flag<O, N, string, undefined> }
  & {
    [
      N in Exclude<
        NamesOf<O, "collect">,
        NamesOf<O, "boolean"> | NamesOf<O, "string">
      >
    ]: unknown[];
  }
  & (O extends { readonly "--": true } ? { "--": string[] } : unknown);

/**
 * Takes command line arguments apart as minimist and `@std/cli` do: `--key
 * value`, `--key=value`, `-k value`, `-k=value`, `-kvalue` for numbers and
 * punctuation, `-abc` for three flags, `--a.b` for nested values, `--` for the
 * end of flags. Values that look like numbers become numbers unless the flag
 * is named in `string`. Nothing is ever refused: a caller that wants to refuse
 * unknown flags passes `unknown`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseArgs } from "./cli.ts";
 *
 * const args = parseArgs(["--port=9418", "-v", "./repos"], {
 *   boolean: ["verbose"],
 *   alias: { verbose: "v" },
 * });
 * assert.equal(args.port, 9418);
 * assert.equal(args.verbose, true);
 * assert.deepEqual(args._, ["./repos"]);
 * ```
 */
export function parseArgs<const O extends ParseOptions>(
  args: readonly string[],
  options?: O,
): Args<O> {
  return new Parse(options ?? {}).run(args) as Args<O>;
}

/** What `--no-<flag>` means for a negatable flag. */
const NEGATED = false;

/** One run over one argument list. */
class Parse {
  readonly #options: ParseOptions;
  readonly #aliases = new Map<string, readonly string[]>();
  readonly #boolean: Names;
  readonly #string: Names;
  readonly #collect: Names;
  readonly #negatable: Names;
  readonly #rest: (string | number)[] = [];
  readonly #result = new ResultTree();

  constructor(options: ParseOptions) {
    this.#options = options;
    for (const [name, others] of Object.entries(options.alias ?? {})) {
      const group = [name, ...list(others)];
      for (const member of group) {
        const other = group.filter((candidate) => candidate !== member);
        this.#aliases.set(member, [
          ...(this.#aliases.get(member) ?? []),
          ...other,
        ]);
      }
    }
    this.#boolean = this.#withAliases(
      typeof options.boolean === "boolean" ? [] : options.boolean,
    );
    this.#string = this.#withAliases(options.string);
    this.#collect = this.#withAliases(options.collect);
    this.#negatable = this.#withAliases(options.negatable);
  }

  run(all: readonly string[]): Record<string, unknown> {
    const end = all.indexOf("--");
    const args = end < 0 ? all : all.slice(0, end);
    const literal = end < 0 ? [] : all.slice(end + 1);
    for (let i = 0; i < args.length;) {
      const arg = args[i] as string;
      const kind = argumentKind(arg);
      if (kind === "long") i += this.#long(arg, args[i + 1]);
      else if (kind === "short") i += this.#short(arg, args[i + 1]);
      else {
        i++;
        if (this.#options.unknown?.(arg) !== false) this.#positional(arg);
        if (this.#options.stopEarly === true) {
          this.#rest.push(...args.slice(i));
          break;
        }
      }
    }
    this.#fillDefaults();
    if (this.#options["--"] !== true) this.#rest.push(...literal);
    this.#result.set("_", this.#rest);
    if (this.#options["--"] === true) this.#result.set("--", literal);
    return this.#result.root;
  }

  /** `--key`, `--key=value`, `--no-key`; returns how many arguments it took. */
  #long(arg: string, next: string | undefined): 1 | 2 {
    const equals = arg.indexOf("=", 3);
    if (equals >= 0 && equals < arg.length - 1) {
      // A value makes `--no-key=value` a flag named `key`, as in @std/cli.
      const key = arg.slice(arg.startsWith("--no-") ? 5 : 2, equals);
      const value = arg.slice(equals + 1);
      this.#set(key, this.#boolean.has(key) ? value === "true" : value, arg);
      return 1;
    }
    const name = arg.slice(2);
    if (name.startsWith("no-") && this.#negatable.has(name.slice(3))) {
      this.#set(name.slice(3), NEGATED, arg, "replace");
      return 1;
    }
    const takesValue = !this.#boolean.has(name) &&
      this.#options.boolean !== true;
    if (next && takesValue && !next.startsWith("-")) {
      this.#set(name, next, arg);
      return 2;
    }
    return this.#switch(name, arg, next);
  }

  /** `-k`, `-k value`, `-k=value`, `-abc`, `-n5`, `-I/usr`. */
  #short(arg: string, next: string | undefined): 1 | 2 {
    for (let at = 1; at < arg.length - 1; at++) {
      const letter = arg.charAt(at);
      const tail = arg.slice(at + 1);
      if (tail === "-") {
        this.#set(letter, "-", arg);
        return 1;
      }
      if (/^[A-Za-z]$/.test(letter)) {
        if (tail.startsWith("=") && tail.length > 1) {
          this.#set(letter, tail.slice(1), arg);
          return 1;
        }
        if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(tail)) {
          this.#set(letter, tail, arg);
          return 1;
        }
      }
      if (/^\W/.test(tail)) {
        this.#set(letter, tail, arg);
        return 1;
      }
      this.#set(letter, this.#string.has(letter) ? "" : true, arg);
    }
    const key = arg.slice(-1);
    if (next && !/^(-|--)[^-]/.test(next) && !this.#boolean.has(key)) {
      this.#set(key, next, arg);
      return 2;
    }
    return this.#switch(key, arg, next);
  }

  /** A flag without a value of its own; `true` and `false` may follow it. */
  #switch(key: string, arg: string, next: string | undefined): 1 | 2 {
    if (next === "true" || next === "false") {
      this.#set(key, next === "true", arg);
      return 2;
    }
    this.#set(key, this.#string.has(key) ? "" : true, arg);
    return 1;
  }

  #set(
    key: string,
    value: unknown,
    arg: string,
    mode: "collect" | "replace" = "collect",
  ): void {
    const { unknown, boolean } = this.#options;
    const named = this.#boolean.has(key) || this.#string.has(key) ||
      this.#aliases.has(key) || (boolean === true && /^--[^=]+$/.test(arg));
    if (!named && unknown?.(arg, key, value) === false) return;
    const typed = typeof value === "string" && !this.#string.has(key)
      ? parseNumber(value)
      : value;
    for (const name of [key, ...(this.#aliases.get(key) ?? [])]) {
      const collected = mode === "collect" && this.#collect.has(name);
      if (collected) this.#result.append(name, typed);
      else this.#result.set(name, typed);
    }
  }

  #positional(arg: string): void {
    this.#rest.push(this.#string.has("_") ? arg : parseNumber(arg));
  }

  #fillDefaults(): void {
    for (const [key, value] of Object.entries(this.#options.default ?? {})) {
      for (const name of [key, ...(this.#aliases.get(key) ?? [])]) {
        if (!this.#result.has(name)) this.#result.set(name, value);
      }
    }
    for (const name of this.#boolean) {
      if (this.#result.has(name)) continue;
      this.#result.set(name, this.#collect.has(name) ? [] : false);
    }
    for (const name of [...this.#string, ...this.#collect]) {
      if (!this.#collect.has(name) || this.#result.has(name)) continue;
      this.#result.set(name, []);
    }
  }

  #withAliases(names: OneOrMore | undefined): Names {
    const set = new Set<string>();
    for (const name of list(names ?? [])) {
      set.add(name);
      for (const other of this.#aliases.get(name) ?? []) set.add(other);
    }
    return set;
  }
}

function list(names: OneOrMore): readonly string[] {
  return typeof names === "string" ? [names] : names;
}
