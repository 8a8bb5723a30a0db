/**
 * Attributes of paths, for a walk through a tree from its root: a stack of
 * `.gitattributes` files that grows by one directory at a time. What git 2.39
 * gives (attr.c), at no more cost than one look at each rule in force.
 *
 * @see https://git-scm.com/docs/gitattributes
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import {
  matchesPath,
  type PathKind,
  type PathPattern,
} from "../core/path_pattern.ts";
import type { WildBudget, WildCase } from "../core/wildmatch.ts";
import {
  type AttributeOrigin,
  type AttributeRule,
  type AttributeSetting,
  type AttributeState,
  parseAttributeFile,
} from "./attribute_lines.ts";

/**
 * What an attribute is for one path: set, unset, a text, or `undefined` where
 * nothing tells.
 */
export type AttributeValue = true | false | string | undefined;

/** What a stack is made of; contents are binary strings. */
export interface AttributeSources {
  /** The attributes that will be looked up: nothing else is kept. */
  readonly names: readonly string[];
  /** The contents of the machine's file (`/etc/gitattributes`). */
  readonly system?: string | undefined;
  /** Those of `core.attributesFile`, or of the user's file. */
  readonly user?: string | undefined;
  /** Those of the `.gitattributes` in the root of the tree. */
  readonly root?: string | undefined;
  /** Those of `$GIT_DIR/info/attributes`, which win over all others. */
  readonly info?: string | undefined;
  /** As `core.ignoreCase` says; exact unless told. */
  readonly letters?: WildCase;
  /** Gets what git would write to stderr, without the last LF. */
  readonly warn?: (line: string) => void;
  /** Most characters and rules to compare in all; much, unless told. */
  readonly budget?: WildBudget;
}

/** Comparisons that one stack is good for: some minutes' worth. */
const DEFAULT_BUDGET = 20_000_000_000;

/** Comparisons for one path, which nothing interrupts. */
const LOOKUP_BUDGET = 50_000_000;

/** Most rules in force in one directory, and most macros. */
const MAX_RULES = 500_000;

/** Most complaints that are passed on about one stack. */
const MAX_WARNINGS = 100;

// attr.c: builtin_attr.
const SYSTEM_FILE = "/etc/gitattributes";
const BUILT_IN = "[attr]binary -diff -merge -text\n";

interface Rule {
  readonly pattern: PathPattern;
  readonly states: readonly AttributeState[];
}

interface RootFile {
  readonly contents: string | undefined;
  readonly source: string;
  readonly origin: AttributeOrigin;
}

interface Frame {
  /** The directory whose file it is; "" for the root and above. */
  readonly directory: string;
  /** Those that bear on the wanted names. */
  readonly rules: readonly Rule[];
  /** How many rules there are, here and below. */
  readonly total: number;
  readonly below: Frame | undefined;
}

const NO_FRAME: Frame = {
  directory: "",
  rules: [],
  total: 0,
  below: undefined,
};

interface Shared {
  readonly names: readonly string[];
  /** The wanted names, and the macros that may set them. */
  readonly relevant: ReadonlySet<string>;
  readonly macros: ReadonlyMap<string, readonly AttributeState[]>;
  readonly info: readonly Rule[];
  readonly letters: WildCase;
  readonly warn: (line: string) => void;
  readonly budget: WildBudget;
}

/**
 * The files in force in one directory; never changes, so that a walk keeps one
 * per directory that it is in.
 */
export class AttributeStack {
  readonly #shared: Shared;
  readonly #top: Frame | undefined;

  private constructor(shared: Shared, top: Frame | undefined) {
    this.#shared = shared;
    this.#top = top;
  }

  /** The stack in the root of a tree. */
  static open(sources: AttributeSources): AttributeStack {
    const warn = limited(sources.warn ?? (() => {}));
    const files: readonly RootFile[] = [
      { contents: BUILT_IN, source: "[builtin]", origin: "file" },
      { contents: sources.system, source: SYSTEM_FILE, origin: "file" },
      { contents: sources.user, source: "attributes", origin: "file" },
      { contents: sources.root, source: ".gitattributes", origin: "blob" },
      { contents: sources.info, source: "info/attributes", origin: "file" },
    ];
    // Read twice: which rules are wanted is known with the last macro.
    const macros = new Map<string, readonly AttributeState[]>();
    for (const { contents, ...file } of files) {
      if (contents === undefined) continue;
      const options = { ...file, macros: "allowed", warn } as const;
      for (const { macro, states } of parseAttributeFile(contents, options)) {
        if (macro !== undefined) macros.set(macro, states);
        if (macros.size > MAX_RULES) throw tooCostly();
      }
    }
    const relevant = relevantNames(sources.names, macros);
    let top: Frame | undefined;
    let info: readonly Rule[] = [];
    for (const { contents, ...file } of files) {
      if (contents === undefined) continue;
      const options = { ...file, macros: "allowed", warn: () => {} } as const;
      const rules = relevantRules(
        parseAttributeFile(contents, options),
        relevant,
        top,
      );
      if (file.source === "info/attributes") info = rules;
      else if (rules.length > 0) top = newFrame("", rules, top);
    }
    const shared: Shared = {
      names: sources.names,
      relevant,
      macros,
      info,
      letters: sources.letters ?? "exact",
      warn,
      budget: sources.budget ?? { left: DEFAULT_BUDGET },
    };
    return new AttributeStack(shared, top);
  }

  /**
   * The stack in a directory below: `directory` from the root, without a
   * trailing slash, and the contents of its `.gitattributes`, if it has one.
   */
  push(directory: string, contents: string | undefined): AttributeStack {
    if (contents === undefined) return this;
    const { relevant, warn } = this.#shared;
    const rules = relevantRules(
      parseAttributeFile(contents, {
        source: `${directory}/.gitattributes`,
        origin: "blob",
        macros: "refused",
        warn,
      }),
      relevant,
      this.#top,
    );
    if (rules.length === 0) return this;
    const top = newFrame(directory, rules, this.#top);
    return new AttributeStack(this.#shared, top);
  }

  /**
   * The values of the names that the stack was opened for, in their order, for
   * an entry of this very directory. `path` is from the root, without a
   * trailing slash; repositories inside (gitlinks) count as directories.
   * Throws RefusedError "attributes-too-costly".
   */
  lookup(path: string, kind: PathKind): AttributeValue[] {
    const { names, info, relevant, macros, letters, budget } = this.#shared;
    const view = { path, name: path.slice(path.lastIndexOf("/") + 1) };
    const found = new Map<string, AttributeSetting>();
    const least = Math.max(budget.left - LOOKUP_BUDGET, 0);
    let frame: Frame | undefined = {
      ...NO_FRAME,
      rules: info,
      below: this.#top,
    };
    for (; frame !== undefined; frame = frame.below) {
      const { rules, directory } = frame;
      const place = { base: directory, letters, budget };
      for (let i = rules.length - 1; i >= 0; i--) {
        if (found.size === relevant.size) break;
        if (--budget.left < least) throw tooCostly();
        const { pattern, states } = rules[i] as Rule;
        if (matchesPath(pattern, view, kind, place)) {
          settle(found, states, macros, relevant);
        }
      }
    }
    return names.map((name) => valueOf(found.get(name)));
  }
}

/**
 * attr.c: fill_one and macroexpand_one: the last state of a line counts first,
 * and a macro that becomes set brings its own at once. Not recursive, since a
 * chain of macros is as long as a file.
 */
function settle(
  found: Map<string, AttributeSetting>,
  states: readonly AttributeState[],
  macros: ReadonlyMap<string, readonly AttributeState[]>,
  relevant: ReadonlySet<string>,
): void {
  const pending = [{ states, at: states.length }];
  for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
    if (top.at === 0) {
      pending.pop();
      continue;
    }
    const { name, setting } = top.states[--top.at] as AttributeState;
    if (found.has(name) || !relevant.has(name)) continue;
    found.set(name, setting);
    const macro = setting === "set" ? macros.get(name) : undefined;
    if (macro !== undefined) pending.push({ states: macro, at: macro.length });
  }
}

function valueOf(setting: AttributeSetting | undefined): AttributeValue {
  if (setting === undefined || setting === "unspecified") return undefined;
  return typeof setting === "object" ? setting.text : setting === "set";
}

/** `names` and every macro that sets one of them, through others or not. */
function relevantNames(
  names: readonly string[],
  macros: ReadonlyMap<string, readonly AttributeState[]>,
): Set<string> {
  const setters = new Map<string, string[]>();
  for (const [macro, states] of macros) {
    for (const { name } of states) {
      const known = setters.get(name);
      if (known === undefined) setters.set(name, [macro]);
      else known.push(macro);
    }
  }
  const relevant = new Set(names);
  // A set gives what is added while it is walked through.
  for (const name of relevant) {
    for (const macro of setters.get(name) ?? []) relevant.add(macro);
  }
  return relevant;
}

function relevantRules(
  rules: Iterable<AttributeRule>,
  relevant: ReadonlySet<string>,
  below: Frame | undefined,
): Rule[] {
  const kept: Rule[] = [];
  const most = MAX_RULES - (below?.total ?? 0);
  for (const { pattern, states } of rules) {
    if (pattern === undefined) continue;
    const wanted = states.filter(({ name }) => relevant.has(name));
    if (wanted.length > 0) kept.push({ pattern, states: wanted });
    if (kept.length > most) throw tooCostly();
  }
  return kept;
}

function newFrame(
  directory: string,
  rules: readonly Rule[],
  below: Frame | undefined,
): Frame {
  const total = rules.length + (below?.total ?? 0);
  return { directory, rules, total, below };
}

function limited(warn: (line: string) => void): (line: string) => void {
  let count = 0;
  return (line) => {
    if (++count <= MAX_WARNINGS) warn(line);
  };
}

function tooCostly(): RefusedError {
  return new RefusedError(
    "attributes-too-costly",
    "gitattributes take too much work",
  );
}
