/**
 * The request lines about shallow histories, which v0 and v2 share: `shallow`,
 * `deepen`, `deepen-since`, `deepen-not`.
 *
 * @see https://git-scm.com/docs/gitprotocol-v2#_fetch
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import { afterPrefix } from "./line.ts";
import { parseInt32, parseTimestamp } from "./number.ts";

/** What a client said about the depth it has and the depth it wants. */
export interface ShallowRequest {
  /** Commits whose parents the client lacks, each once, as it sent them. */
  readonly clientShallow: readonly Oid[];
  /** `deepen`: commits per line of history, 0 where it was not asked. */
  readonly depth: number;
  /** `deepen-relative`: `depth` counts from the client's shallow commits. */
  readonly relative: boolean;
  /** `deepen-since`: seconds since 1970. */
  readonly since?: number;
  /** `deepen-not`: names as sent, each once, not resolved. */
  readonly not: readonly string[];
}

/** Gathers the lines; {@linkcode ShallowLines.request} gives the result. */
export class ShallowLines {
  #format: ObjectFormat;
  #limit: number;
  #shallow = new Set<Oid>();
  #not = new Set<string>();
  #depth = 0;
  #since: number | undefined;

  /** Lines for ids of `format`; more than `limit` shallow lines throw. */
  constructor(format: ObjectFormat, limit: number) {
    this.#format = format;
    this.#limit = limit;
  }

  /**
   * Takes a line if it is one of the four; false where it is none of them.
   * Throws a ProtocolError in git's words for values that are none, and for
   * more `shallow` and `deepen-not` lines than allowed.
   */
  take(line: string): boolean {
    for (const [prefix, take] of ROWS) {
      const value = afterPrefix(line, prefix);
      if (value === undefined) continue;
      take(this, value, line);
      return true;
    }
    return false;
  }

  /** What was gathered. */
  request(options: { readonly relative: boolean }): ShallowRequest {
    const common = {
      clientShallow: [...this.#shallow],
      depth: this.#depth,
      relative: options.relative,
      not: [...this.#not],
    };
    return this.#since === undefined
      ? common
      : { ...common, since: this.#since };
  }

  /** One `shallow` line. */
  shallow(value: string, line: string): void {
    const oid = parseOid(value, this.#format);
    if (oid === undefined) {
      throw bad("bad-shallow", `invalid shallow line: ${printable(line)}`);
    }
    this.#shallow.add(oid);
    this.#check();
  }

  /** One `deepen` line; the last one counts. */
  deepen(value: string, line: string): void {
    const depth = parseInt32(value);
    if (depth === undefined || depth <= 0) {
      throw bad("bad-deepen", `Invalid deepen: ${printable(line)}`);
    }
    this.#depth = depth;
  }

  /** One `deepen-since` line; the last one counts. */
  deepenSince(value: string, line: string): void {
    const since = parseTimestamp(value);
    if (since === undefined) {
      throw bad("bad-deepen", `Invalid deepen-since: ${printable(line)}`);
    }
    this.#since = since;
  }

  /** One `deepen-not` line. */
  deepenNot(value: string): void {
    this.#not.add(value);
    this.#check();
  }

  #check(): void {
    if (this.#shallow.size + this.#not.size > this.#limit) {
      throw bad(
        "too-many-shallow",
        `upload-pack: too many shallow lines (limit ${this.#limit})`,
      );
    }
  }
}

type Take = (lines: ShallowLines, value: string, line: string) => void;

const ROWS: readonly (readonly [string, Take])[] = [
  ["shallow ", (lines, value, line) => lines.shallow(value, line)],
  ["deepen ", (lines, value, line) => lines.deepen(value, line)],
  ["deepen-since ", (lines, value, line) => lines.deepenSince(value, line)],
  ["deepen-not ", (lines, value) => lines.deepenNot(value)],
];

function bad(code: string, message: string): ProtocolError {
  return new ProtocolError(code, message);
}
