/**
 * The refs that a repository's owner keeps from clients: `transfer.hideRefs`
 * and its kin. Which objects a client may ask for is
 * `upload_pack/our_refs.ts`.
 *
 * @see https://git-scm.com/docs/git-config#Documentation/git-config.txt-transferhideRefs
 * @module
 */

import type { ServiceContext } from "./types.ts";

/** The service whose own `hideRefs` counts beside `transfer.hideRefs`. */
export type HidingService = "uploadpack" | "receive";

interface Rule {
  /** A ref's name, or that of a directory above it. */
  readonly match: string;
  /** `!`: what it matches is shown. */
  readonly shows: boolean;
  /** `^`: it is held to the name with its namespace. */
  readonly full: boolean;
}

/** The rules of one repository: of those that match a ref the last counts. */
export class HiddenRefs {
  // The last one first.
  readonly #rules: readonly Rule[];
  readonly #namespace: string;

  /**
   * Rules from the values of `hideRefs`, in the order of configuration, for
   * refs whose names are shown without the prefix `namespace`.
   */
  constructor(values: readonly string[], namespace = "") {
    this.#rules = values.map(parseRule).reverse();
    this.#namespace = namespace;
  }

  /** Whether there are no rules, so that nothing is hidden. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** All that the answers of {@linkcode HiddenRefs.hides} depend on. */
  get key(): string {
    return JSON.stringify([this.#namespace, this.#rules]);
  }

  /**
   * Whether the ref `name` is hidden; "HEAD" can be as well. `fullName` is the
   * name with its namespace (refs.c: ref_is_hidden).
   */
  hides(name: string, fullName: string = this.#namespace + name): boolean {
    for (const { match, shows, full } of this.#rules) {
      if (isBelow(full ? fullName : name, match)) return !shows;
    }
    return false;
  }
}

/**
 * The rules for a session of a service: the values of `transfer.hideRefs` and
 * of its own `hideRefs`, in one order (refs.c: parse_hide_refs_config).
 */
export function hiddenRefs(
  { repository, terms }: Pick<ServiceContext, "repository" | "terms">,
  service: HidingService = "uploadpack",
): HiddenRefs {
  const own = `${service}.hiderefs`;
  const values: string[] = [];
  for (const [key, value] of repository.config.entries()) {
    if (key === "transfer.hiderefs" || key === own) values.push(value);
  }
  return new HiddenRefs(values, terms.namespace);
}

function parseRule(value: string): Rule {
  let match = value.replace(/\/+$/, "");
  const shows = match.startsWith("!");
  if (shows) match = match.slice(1);
  const full = match.startsWith("^");
  if (full) match = match.slice(1);
  return { match, shows, full };
}

/** Whether `name` is `match`, or starts with it and a slash. */
function isBelow(name: string, match: string): boolean {
  return name.startsWith(match) &&
    (name.length === match.length || name[match.length] === "/");
}
