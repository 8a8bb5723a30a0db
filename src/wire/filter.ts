/**
 * The `filter` line of a request: its grammar, and what an operator allows of
 * it. Everything is bounded here, before anything is walked.
 *
 * @see https://git-scm.com/docs/protocol-v2#_fetch
 * @module
 */

import { hexDigit, printable } from "../core/bytes.ts";
import { ProtocolError, RefusedError } from "../core/errors.ts";
import type { FilterType, ObjectFilter } from "../object/filter.ts";
import { kindOf } from "../object/kind.ts";
import { afterPrefix } from "./line.ts";
import { parseUnsigned } from "./number.ts";

/** Bytes of a filter-spec: git's clients send less than a hundred. */
export const MAX_FILTER_LENGTH = 8192;
/** Filters in one spec, the combining ones counted too. */
export const MAX_FILTERS = 64;
/** `combine:` inside of `combine:`. */
export const MAX_FILTER_NESTING = 16;

/** Which filters may be used. */
export interface FilterRules {
  /** Whether filters of a type are allowed. */
  allows(type: FilterType): boolean;
  /** The highest depth of a `tree:` filter. */
  readonly maxTreeDepth: bigint;
}

/** Takes the one `filter` line that a request may have. */
export class FilterLine {
  readonly #rules: FilterRules;
  #filter: ObjectFilter | undefined;

  /** No line so far. */
  constructor(rules: FilterRules) {
    this.#rules = rules;
  }

  /** What was asked for. */
  get filter(): ObjectFilter | undefined {
    return this.#filter;
  }

  /**
   * Takes what follows "filter ". Throws a ProtocolError for a second one, and
   * as {@linkcode parseFilter} and {@linkcode checkFilter}.
   */
  take(spec: string): void {
    if (this.#filter !== undefined) {
      throw bad("multiple filter-specs cannot be combined");
    }
    const filter = parseFilter(spec);
    checkFilter(filter, this.#rules);
    this.#filter = filter;
  }
}

/**
 * The filter that a spec means. Throws a ProtocolError in git's words where it
 * is none (list-objects-filter-options.c: gently_parse_list_objects_filter),
 * and a RefusedError "filter-too-large" above the bounds.
 */
export function parseFilter(spec: string): ObjectFilter {
  if (spec.length > MAX_FILTER_LENGTH) {
    throw tooLarge(`filter-spec too long (limit ${MAX_FILTER_LENGTH})`);
  }
  return parse(spec, { left: MAX_FILTERS, nesting: MAX_FILTER_NESTING });
}

/**
 * Throws a RefusedError, as git words it, where `filter` or a part of it is not
 * allowed (upload-pack.c: check_filter_recurse).
 */
export function checkFilter(filter: ObjectFilter, rules: FilterRules): void {
  const stack = [filter];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (!rules.allows(at.type)) {
      throw new RefusedError(
        "filter-not-supported",
        `filter '${at.type}' not supported`,
      );
    }
    if (at.type === "tree" && at.depth > rules.maxTreeDepth) {
      throw new RefusedError(
        "filter-too-deep",
        `tree filter allows max depth ${rules.maxTreeDepth}, ` +
          `but got ${at.depth}`,
      );
    }
    if (at.type === "combine") stack.push(...at.filters.toReversed());
  }
}

/** What may still be parsed. */
interface Budget {
  left: number;
  readonly nesting: number;
}

/** Recursion is as deep as `budget.nesting` says. */
function parse(spec: string, budget: Budget): ObjectFilter {
  if (budget.left-- === 0) {
    throw tooLarge(`too many filters (limit ${MAX_FILTERS})`);
  }
  if (spec === "blob:none") return { type: "blob:none" };
  const size = afterPrefix(spec, "blob:limit=");
  if (size !== undefined) {
    const limit = parseUnsigned(size);
    if (limit !== undefined) return { type: "blob:limit", limit };
    throw invalid(spec);
  }
  const levels = afterPrefix(spec, "tree:");
  if (levels !== undefined) {
    const depth = parseUnsigned(levels);
    if (depth !== undefined) return { type: "tree", depth };
    throw bad("expected 'tree:<depth>'");
  }
  const name = afterPrefix(spec, "sparse:oid=");
  if (name !== undefined) return { type: "sparse:oid", name };
  if (spec.startsWith("sparse:path=")) {
    throw bad("sparse:path filters support has been dropped");
  }
  const type = afterPrefix(spec, "object:type=");
  if (type !== undefined) {
    const kind = kindOf(type);
    if (kind !== undefined) return { type: "object:type", kind };
    throw bad(
      `'${
        printable(type)
      }' for 'object:type=<type>' is not a valid object type`,
    );
  }
  const parts = afterPrefix(spec, "combine:");
  if (parts !== undefined) return combine(parts, budget);
  throw invalid(spec);
}

function combine(text: string, budget: Budget): ObjectFilter {
  if (text === "") throw bad("expected something after combine:");
  if (budget.nesting === 0) {
    throw tooLarge(`filters nested too deeply (limit ${MAX_FILTER_NESTING})`);
  }
  const { nesting } = budget;
  const inner: Budget = { left: budget.left, nesting: nesting - 1 };
  // As strbuf_split: a "+" at the very end is part of the last one.
  const parts = text.split("+");
  if (parts.at(-1) === "") {
    parts.pop();
    parts[parts.length - 1] += "+";
  }
  const filters: ObjectFilter[] = [];
  for (const part of parts) {
    // deno-lint-ignore no-control-regex
    const reserved = /[\x00-\x20\x80-\xff~`!@#$^&*()[\]{}\\;'",<>?]/.exec(part);
    if (reserved !== null) {
      throw bad(
        `must escape char in sub-filter-spec: '${printable(reserved[0])}'`,
      );
    }
    filters.push(parse(percentDecode(part), inner));
  }
  budget.left = inner.left;
  return { type: "combine", filters };
}

/** url.c: url_percent_decode, which leaves alone what is no byte, and NUL. */
function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f])([0-9A-Fa-f])/g, (whole, high, low) => {
    const code = hexDigit(high.charCodeAt(0)) * 16 +
      hexDigit(low.charCodeAt(0));
    return code === 0 ? whole : String.fromCharCode(code);
  });
}

function invalid(spec: string): ProtocolError {
  return bad(`invalid filter-spec '${printable(spec)}'`);
}

function bad(message: string): ProtocolError {
  return new ProtocolError("bad-filter", message);
}

function tooLarge(message: string): RefusedError {
  return new RefusedError("filter-too-large", `upload-pack: ${message}`);
}
