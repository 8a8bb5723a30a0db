/**
 * Which entries of a tree an archive takes: pathspecs as a walk asks them
 * (tree-walk.c: tree_entry_interesting; dir.c: match_pathspec; both of git
 * 2.39). Their text is read in `pathspec_magic.ts`. Binary strings.
 *
 * @see https://git-scm.com/docs/gitglossary#def_pathspec
 * @module
 */

import { foldAscii } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import { type WildBudget, wildmatch } from "../core/wildmatch.ts";
import type { AttributeValue } from "./attributes.ts";
import { parsePathspecItem, type PathspecItem } from "./pathspec_magic.ts";

/**
 * What is with an entry: "all": it and everything behind it in the same tree
 * are wanted; "some": it is, and of a tree what is asked about again; "none":
 * it is not; "end": neither it nor what follows in the same tree.
 */
export type Interest = "all" | "some" | "none" | "end";

/** What an entry of a tree is. */
export type EntryKind = "tree" | "blob" | "gitlink";

/**
 * The values of attributes for a path, as {@linkcode Pathspec.attributeNames}
 * orders them. git asks as for a file, whatever the path is.
 */
export type AttributeLookup = (path: string) => readonly AttributeValue[];

/** Comparisons that patterns are good for: a minute's worth or so. */
const PATTERN_BUDGET = 5_000_000_000;

const NONE_SET: AttributeLookup = () => [];

/** A set of pathspecs; the empty one is for everything. */
export class Pathspec {
  /** The attributes that {@linkcode AttributeLookup} is asked for. */
  readonly attributeNames: readonly string[];
  readonly #items: readonly PathspecItem[];
  readonly #excluding: readonly PathspecItem[];
  readonly #hasWildcard: boolean;
  readonly #places: ReadonlyMap<string, number>;
  readonly #budget: WildBudget = { left: PATTERN_BUDGET };

  private constructor(items: readonly PathspecItem[]) {
    this.#items = items.filter(({ magic }) => !magic.has("exclude"));
    this.#excluding = items.filter(({ magic }) => magic.has("exclude"));
    this.#hasWildcard = items.some(({ match, literal }) =>
      literal < match.length
    );
    this.attributeNames = [
      ...new Set(
        items.flatMap(({ attributes }) => attributes.map(({ name }) => name)),
      ),
    ];
    this.#places = new Map(this.attributeNames.map((name, i) => [name, i]));
  }

  /**
   * Reads arguments. `place` is the absolute path of the repository, which git
   * names where a path leads out. Throws RefusedError "pathspec" with the words
   * that git has behind "fatal: ".
   */
  static parse(args: readonly string[], place: string): Pathspec {
    if (args.includes("")) {
      throw new RefusedError(
        "pathspec",
        "empty string is not a valid pathspec. " +
          "please use . instead if you meant to match all paths",
      );
    }
    const items = args.map((arg) => parsePathspecItem(arg, place));
    const excludes = items.every(({ magic }) => magic.has("exclude"));
    if (items.length > 0 && excludes) items.push(parsePathspecItem(".", place));
    return new Pathspec(items);
  }

  /**
   * Whether the entry `name` of the tree at `base` ("" or with a trailing
   * slash) is wanted. Where a tree gave "all", its later entries need not be
   * asked about; what is in trees below must be. Throws RefusedError
   * "pathspec-too-costly".
   */
  interest(
    base: string,
    name: string,
    kind: EntryKind,
    attributes: AttributeLookup = NONE_SET,
  ): Interest {
    const budget = this.#budget;
    if (budget.left < 0) throw tooCostly();
    const entry: Entry = { base, name, kind, attributes, budget };
    const positive = this.#ask(this.#items, entry);
    if (this.#excluding.length === 0) return positive;
    if (positive === "end" || positive === "none") return positive;
    const negative = this.#ask(this.#excluding, entry);
    if (negative === "none" && positive === "all") return "some";
    if (negative === "none" || negative === "end") return positive;
    if (kind === "tree" && negative === "some") return "some";
    return positive === "some" || negative === "some" ? "none" : "end";
  }

  /**
   * Whether an entry that {@linkcode interest} wants proves that the pathspec
   * matches something, as archive.c: reject_entry has it. A tree that does not
   * must be looked into.
   */
  isProof(
    base: string,
    name: string,
    kind: EntryKind,
    attributes: AttributeLookup = NONE_SET,
  ): boolean {
    if (kind !== "tree") return true;
    const path = base + name;
    const matches = (item: PathspecItem) =>
      matchesDirectory(item, path, this.#budget) &&
      this.#hasWishes(item, path, attributes);
    if (this.#items.length > 0 && !this.#items.some(matches)) return false;
    return !this.#excluding.some(matches);
  }

  /** tree-walk.c: do_match. */
  #ask(items: readonly PathspecItem[], entry: Entry): Interest {
    if (this.#items.length === 0) return "all";
    const { base, name, kind, attributes } = entry;
    const never = { value: this.#hasWildcard ? "none" : "end" } as Never;
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i] as PathspecItem;
      const verdict = askItem(item, entry, never);
      if (verdict !== "matches") {
        if (verdict !== undefined) return verdict;
        continue;
      }
      if (item.attributes.length === 0) return "some";
      never.value = "none";
      if (kind === "tree") return "some";
      if (this.#hasWishes(item, base + name, attributes)) return "some";
    }
    return never.value;
  }

  /** pathspec.c: match_pathspec_attrs. */
  #hasWishes(
    item: PathspecItem,
    path: string,
    attributes: AttributeLookup,
  ): boolean {
    if (item.attributes.length === 0) return true;
    const values = attributes(path);
    return item.attributes.every(({ name, value }) =>
      values[this.#places.get(name) as number] === value
    );
  }
}

interface Entry {
  readonly base: string;
  readonly name: string;
  readonly kind: EntryKind;
  readonly attributes: AttributeLookup;
  readonly budget: WildBudget;
}

/** What is said where nothing matches. */
interface Never {
  value: "none" | "end";
}

function askItem(
  item: PathspecItem,
  { base, name, kind, budget }: Entry,
  never: Never,
): Interest | "matches" | undefined {
  const { match, literal, attributes } = item;
  if (base.length >= match.length) {
    if (isInside(item, base)) {
      return attributes.length === 0 ? "all" : "matches";
    }
  } else if (base === "" || isBaseEqual(item, base, base.length)) {
    if (matchesEntry(item, base.length, name, kind, never)) return "matches";
    if (literal < match.length) {
      if (matchesGlob(item, base.length, name, budget)) return "matches";
      if (kind === "tree") return "some";
    }
    return undefined;
  }
  if (literal === match.length) return undefined;
  if (literal > 0 && !isBaseNear(item, base)) return undefined;
  if (matchesGlob(item, 0, base + name, budget)) return "matches";
  return kind === "tree" ? "some" : undefined;
}

/** tree-walk.c: match_entry, for the pattern from `from` on. */
function matchesEntry(
  item: PathspecItem,
  from: number,
  name: string,
  kind: EntryKind,
  never: Never,
): boolean {
  const match = from === 0 ? item.match : item.match.slice(from);
  if (item.magic.has("icase")) {
    never.value = "none";
  } else if (never.value === "end") {
    const shared = Math.min(match.length, name.length);
    if (match.slice(0, shared) < name.slice(0, shared)) return false;
    never.value = "none";
  }
  if (name.length > match.length) return false;
  if (match.length > name.length) {
    if (match[name.length] !== "/") return false;
    const isWhole = kind === "gitlink" && match.length === name.length + 1;
    if (kind !== "tree" && !isWhole) return false;
  }
  return isEqual(item, match.slice(0, name.length), name);
}

/** tree-walk.c: match_dir_prefix. */
function isInside(item: PathspecItem, base: string): boolean {
  const { match } = item;
  if (!isBaseEqual(item, base, match.length)) return false;
  return match === "" || base[match.length] === "/" || match.endsWith("/");
}

/** tree-walk.c: match_wildcard_base. */
function isBaseNear(item: PathspecItem, base: string): boolean {
  return isBaseEqual(item, base, Math.min(base.length, item.literal));
}

/** tree-walk.c: basecmp: the prefix is compared to the letter. */
function isBaseEqual(
  item: PathspecItem,
  base: string,
  length: number,
): boolean {
  const { match, prefix } = item;
  const exact = item.magic.has("icase") ? Math.min(prefix, length) : 0;
  return base.slice(0, exact) === match.slice(0, exact) &&
    isEqual(item, base.slice(exact, length), match.slice(exact, length));
}

/** dir.c: git_fnmatch, for the pattern from `from` on. */
function matchesGlob(
  item: PathspecItem,
  from: number,
  text: string,
  budget: WildBudget,
): boolean {
  const { match, literal, isOneStar, magic } = item;
  const skip = Math.max(literal - from, 0);
  if (
    skip > 0 &&
    !isEqual(item, match.slice(from, from + skip), text.slice(0, skip))
  ) {
    return false;
  }
  const pattern = match.slice(from + skip);
  const rest = text.slice(skip);
  if (isOneStar) {
    const tail = pattern.slice(1);
    return rest.length >= tail.length &&
      isEqual(item, tail, rest.slice(rest.length - tail.length));
  }
  return wildmatch(
    pattern,
    rest,
    magic.has("icase") ? "fold" : "exact",
    magic.has("glob") ? "apart" : "plain",
    budget,
  );
}

/** dir.c: match_pathspec_item, for a directory and without its attributes. */
function matchesDirectory(
  item: PathspecItem,
  path: string,
  budget: WildBudget,
): boolean {
  const { match, literal, magic, prefix } = item;
  if (
    prefix > 0 && magic.has("icase") &&
    match.slice(0, prefix) !== path.slice(0, prefix)
  ) return false;
  if (match === "") return true;
  if (
    match.length <= path.length &&
    isEqual(item, match, path.slice(0, match.length))
  ) {
    if (match.length === path.length) return true;
    if (match.endsWith("/") || path[match.length] === "/") return true;
  } else if (
    match.endsWith("/") && path.length === match.length - 1 &&
    isEqual(item, match.slice(0, -1), path)
  ) {
    return true;
  }
  return literal < match.length && matchesGlob(item, 0, path, budget);
}

function isEqual(item: PathspecItem, a: string, b: string): boolean {
  return item.magic.has("icase") ? foldAscii(a) === foldAscii(b) : a === b;
}

function tooCostly(): RefusedError {
  return new RefusedError(
    "pathspec-too-costly",
    "pathspecs take too much work",
  );
}
