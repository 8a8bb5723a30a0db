/**
 * What the operator says of repositories and users, held against a request.
 *
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { wildmatch } from "../../core/wildmatch.ts";
import { namesAround } from "./repository_names.ts";
import type { AccessKind, AccessRules } from "./types.ts";

/** Whom a rule is for. */
export interface Audience {
  /** Everybody, known or not. */
  readonly anyone: boolean;
  /** Every user. */
  readonly users: boolean;
  /** These users. */
  readonly names: ReadonlySet<string>;
}

/** What is said of some repositories. */
export interface Rule {
  /**
   * A glob for their names, a binary string without `.git` at its end;
   * `undefined` is for those of which nothing else is said.
   */
  readonly pattern: string | undefined;
  /** For whom; nobody else may. */
  readonly audience: Audience;
}

/** Rules by what they are about, the last one first. */
export type RuleLists = Readonly<Record<AccessKind, readonly Rule[]>>;

/** What rules say of pushes, for the words at the start. */
export interface RulesOfPushing {
  /** Whether some rule has to do with who may push. */
  readonly areThere: boolean;
  /** Whether one of them holds where no other does. */
  readonly areForAll: boolean;
  /** Whether one of them lets push who is not known. */
  readonly nameAnyone: boolean;
}

/** Rules from a file. */
export class ListedRules implements AccessRules {
  /** As {@linkcode AccessRules.hidesRepositories}. */
  readonly hidesRepositories: boolean;
  /** Who may push by them, at most. */
  readonly pushing: RulesOfPushing;
  readonly #lists: RuleLists;

  /** Of the rules whose pattern matches, the first of each kind holds. */
  constructor(lists: RuleLists) {
    this.#lists = lists;
    this.hidesRepositories = lists.read.some(({ audience }) =>
      !audience.anyone
    );
    const { write } = lists;
    this.pushing = {
      areThere: write.length > 0 || this.hidesRepositories,
      areForAll: write.some(({ pattern }) => pattern === undefined),
      nameAnyone: write.some(({ audience }) => audience.anyone),
    };
  }

  /**
   * As {@linkcode AccessRules.allows}. Of a path with several names, being
   * inside of another repository, the strictest counts.
   */
  allows(
    path: string,
    kind: AccessKind,
    user: string | undefined,
  ): boolean | undefined {
    const names = namesAround(path);
    if (names === undefined) return false;
    return strictest(
      names.map((name) => this.#allowsName(utf8ToBinary(name), kind, user)),
    );
  }

  #allowsName(
    name: string,
    kind: AccessKind,
    user: string | undefined,
  ): boolean | undefined {
    const writers = this.#find("write", name);
    const readers = this.#find("read", name);
    const mayWrite = writers && isFor(writers, user);
    // Who may write may read: a push tells what there is.
    const mayRead = readers && (isFor(readers, user) || mayWrite === true);
    if (kind === "read") return mayRead;
    return mayWrite ?? (mayRead === false ? false : undefined);
  }

  #find(kind: AccessKind, name: string): Audience | undefined {
    return this.#lists[kind].find(({ pattern }) =>
      pattern === undefined || wildmatch(pattern, name, "exact") ||
      wildmatch(pattern, `${name}.git`, "exact")
    )?.audience;
  }
}

/** What holds where several things are said: no, then nothing, then yes. */
export function strictest(
  said: readonly (boolean | undefined)[],
): boolean | undefined {
  if (said.some((each) => each === false)) return false;
  return said.every((each) => each === true) ? true : undefined;
}

function isFor(audience: Audience, user: string | undefined): boolean {
  return audience.anyone ||
    (user !== undefined && (audience.users || audience.names.has(user)));
}
