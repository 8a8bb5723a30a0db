/**
 * The v2 command `ls-refs`: its arguments, and the lines of its answer.
 *
 * @see https://git-scm.com/docs/protocol-v2#_ls_refs
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import type { Oid } from "../core/oid.ts";
import { afterPrefix } from "./line.ts";

/** ls-refs.c: from this many prefixes on, none of them counts. */
export const TOO_MANY_PREFIXES = 65536;

/** What `ls-refs` was asked. */
export interface LsRefsRequest {
  /** Tell what annotated tags peel to. */
  readonly peel: boolean;
  /** Tell where symrefs point. */
  readonly symrefs: boolean;
  /** Tell of a HEAD that has no commit yet. */
  readonly unborn: boolean;
  /**
   * Prefixes of which a ref must have one; none means every ref. Sorted, and
   * none is a prefix of another.
   */
  readonly prefixes: readonly string[];
}

/** Gathers the arguments of one `ls-refs`. */
export class LsRefsArguments {
  #flags = { peel: false, symrefs: false, unborn: false };
  #prefixes: string[] = [];

  /** Takes one argument; throws a ProtocolError for one that is unknown. */
  take(line: string): void {
    const prefix = afterPrefix(line, "ref-prefix ");
    if (prefix !== undefined) {
      if (this.#prefixes.length < TOO_MANY_PREFIXES) {
        this.#prefixes.push(prefix);
      }
    } else if (line === "peel" || line === "symrefs" || line === "unborn") {
      this.#flags[line] = true;
    } else {
      throw new ProtocolError(
        "unexpected-line",
        `unexpected line: '${printable(line)}'`,
      );
    }
  }

  /** What was gathered. */
  request(): LsRefsRequest {
    const prefixes = this.#prefixes.length >= TOO_MANY_PREFIXES
      ? []
      : shortest(this.#prefixes);
    return { ...this.#flags, prefixes };
  }
}

/** The prefixes, sorted, without those that another one covers. */
function shortest(prefixes: readonly string[]): string[] {
  const kept: string[] = [];
  for (const prefix of [...prefixes].sort()) {
    const last = kept[kept.length - 1];
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  return kept;
}

/** One ref of an answer. */
export interface LsRefsLine {
  /** The object; absent for a HEAD without a commit. */
  readonly oid?: Oid | undefined;
  /** The ref's name, a binary string. */
  readonly name: string;
  /** Where a symref points, if that was asked. */
  readonly target?: string | undefined;
  /** What a tag peels to, if that was asked. */
  readonly peeled?: Oid | undefined;
}

/** The line for one ref, with its line feed: ls-refs.c, send_ref. */
export function formatLsRefsLine(ref: LsRefsLine): string {
  let line = `${ref.oid ?? "unborn"} ${ref.name}`;
  if (ref.target !== undefined) line += ` symref-target:${ref.target}`;
  if (ref.peeled !== undefined) line += ` peeled:${ref.peeled}`;
  return `${line}\n`;
}
