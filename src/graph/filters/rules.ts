/**
 * Filters as git carries them out on its walk, tree by tree and entry by entry:
 * list-objects-filter.c. What a rule says may depend on what it was asked
 * before, and so on the order of the walk.
 *
 * @module
 */

import { ObjectSet } from "../../core/object_set.ts";
import type { PathKind } from "../../core/path_pattern.ts";
import type { ObjectFilter } from "../../object/filter.ts";
import { BLOB, COMMIT, type Kind, TREE } from "../../object/kind.ts";
import type { ObjectGraph } from "../../storage/types.ts";
import type { SizedPath, SparsePatterns } from "./sparse_patterns.ts";

/** The object goes. */
export const SHOW = 1;
/** It need not be asked about again. */
export const SEEN = 2;
/** What the tree holds need not be looked at. */
export const SKIP = 4;

/** What the rules of one walk share. */
export interface RuleSetting {
  /** The objects. */
  readonly graph: ObjectGraph;
  /** Where the walk is: the path of what the rule is asked about. */
  readonly path: SizedPath;
  /** The patterns of `sparse:oid` filters, by their names. */
  readonly patterns: ReadonlyMap<string, SparsePatterns>;
}

/** One filter on its way; answers are bits. */
export interface Rule {
  /** Whether commits go that were not asked for. */
  readonly commits: boolean;
  /** The walk comes to a tree. */
  enter(tree: number): number;
  /** It leaves a tree that it entered. */
  leave(tree: number): void;
  /** It comes to a blob. */
  blob(blob: number): number;
}

/** The rule for a filter, of which parsing has bounded the nesting. */
export function makeRule(filter: ObjectFilter, setting: RuleSetting): Rule {
  const shown = new ObjectSet(1);
  const make = (each: ObjectFilter): Rule => {
    switch (each.type) {
      case "blob:none":
        return new SizeRule(setting.graph, 0);
      case "blob:limit":
        return new SizeRule(setting.graph, Number(each.limit));
      case "tree":
        return new DepthRule(Number(each.depth));
      case "object:type":
        return new KindRule(each.kind);
      case "sparse:oid": {
        const patterns = setting.patterns.get(each.name);
        if (patterns === undefined) throw new TypeError(each.name);
        return new SparseRule(setting.path, patterns, shown);
      }
      case "combine":
        return new CombinedRule(each.filters.map(make));
    }
  };
  return make(filter);
}

/** filter_blobs_none, filter_blobs_limit. */
class SizeRule implements Rule {
  readonly commits = true;
  readonly #graph: ObjectGraph;
  readonly #limit: number;

  constructor(graph: ObjectGraph, limit: number) {
    this.#graph = graph;
    this.#limit = limit;
  }

  enter(): number {
    return SEEN | SHOW;
  }

  leave(): void {}

  blob(blob: number): number {
    if (this.#limit === 0) return SEEN;
    // What is missing is for the packing to complain about.
    const isSmall = !this.#graph.has(blob) ||
      this.#graph.size(blob) < this.#limit;
    return isSmall ? SEEN | SHOW : SEEN;
  }
}

/** filter_trees_depth. */
class DepthRule implements Rule {
  readonly commits = true;
  readonly #limit: number;
  readonly #leastDepths = new Map<number, number>();
  #depth = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  enter(tree: number): number {
    const depth = this.#depth++;
    const least = this.#leastDepths.get(tree);
    if (least !== undefined && depth >= least) return SKIP;
    this.#leastDepths.set(tree, depth);
    return depth < this.#limit ? SHOW : SKIP;
  }

  leave(): void {
    this.#depth--;
  }

  blob(): number {
    return this.#depth < this.#limit ? SEEN | SHOW : 0;
  }
}

/** filter_object_type. */
class KindRule implements Rule {
  readonly commits: boolean;
  readonly #kind: Kind;

  constructor(kind: Kind) {
    this.commits = kind === COMMIT;
    this.#kind = kind;
  }

  enter(): number {
    if (this.#kind === TREE) return SEEN | SHOW;
    return this.#kind === BLOB ? SEEN : SKIP;
  }

  leave(): void {}

  blob(): number {
    return this.#kind === BLOB ? SEEN | SHOW : SEEN;
  }
}

/** filter_sparse, without its note that a tree was let through as a whole. */
class SparseRule implements Rule {
  readonly commits = true;
  readonly #path: SizedPath;
  readonly #patterns: SparsePatterns;
  // One for all such rules of a walk, as git keeps it in the object.
  readonly #shown: ObjectSet;
  /** For each directory on the way whether what is undecided goes. */
  readonly #defaults: boolean[] = [false];

  constructor(path: SizedPath, patterns: SparsePatterns, shown: ObjectSet) {
    this.#path = path;
    this.#patterns = patterns;
    this.#shown = shown;
  }

  enter(tree: number): number {
    this.#defaults.push(this.#goes("directory"));
    return this.#shown.add(tree) ? SHOW : 0;
  }

  leave(): void {
    this.#defaults.pop();
  }

  blob(): number {
    return this.#goes("file") ? SEEN | SHOW : 0;
  }

  #goes(kind: PathKind): boolean {
    const match = this.#patterns.match(this.#path, kind);
    return match === "undecided"
      ? this.#defaults.at(-1) as boolean
      : match === "in";
  }
}

interface Part {
  readonly rule: Rule;
  readonly seen: ObjectSet;
  /** The tree inside of which it is not asked, or -1. */
  skipped: number;
}

/** filter_combine, process_subfilter. */
class CombinedRule implements Rule {
  readonly commits: boolean;
  readonly #parts: readonly Part[];

  constructor(rules: readonly Rule[]) {
    this.commits = rules.every((rule) => rule.commits);
    this.#parts = rules.map((rule) => ({
      rule,
      seen: new ObjectSet(1),
      skipped: -1,
    }));
  }

  enter(tree: number): number {
    return this.#ask(tree, (rule) => rule.enter(tree));
  }

  leave(tree: number): void {
    for (const part of this.#parts) {
      if (part.skipped >= 0) {
        if (part.skipped !== tree) continue;
        part.skipped = -1;
      }
      if (!part.seen.has(tree)) part.rule.leave(tree);
    }
  }

  blob(blob: number): number {
    return this.#ask(blob, (rule) => rule.blob(blob));
  }

  #ask(object: number, ask: (rule: Rule) => number): number {
    let all = SHOW | SEEN | SKIP;
    for (const part of this.#parts) {
      let said = 0;
      if (part.skipped < 0 && !part.seen.has(object)) {
        said = ask(part.rule);
        if ((said & SEEN) !== 0) part.seen.add(object);
        if ((said & SKIP) !== 0) part.skipped = object;
      }
      all &= (said & ~SKIP) | (part.skipped >= 0 ? SKIP : 0);
    }
    return all;
  }
}
