/**
 * The v2 command `object-info`: its arguments, and the lines of its answer.
 *
 * @see https://git-scm.com/docs/gitprotocol-v2#_object_info
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError, RefusedError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import type { RequestLimits } from "./limits.ts";
import { afterPrefix } from "./line.ts";

/** What `object-info` was asked. */
export interface ObjectInfoRequest {
  /** Tell sizes. */
  readonly size: boolean;
  /** The objects, as they were asked for: each as often, in that order. */
  readonly oids: readonly Oid[];
  /** What stands behind them and is no object's name. */
  readonly bad?: string;
}

/** Gathers the arguments of one `object-info`: protocol-caps.c. */
export class ObjectInfoArguments {
  #format: ObjectFormat;
  #limit: number;
  #size = false;
  #oids: Oid[] = [];
  #bad: string | undefined;

  /** Arguments for a repository of `format`. */
  constructor(format: ObjectFormat, limits: Pick<RequestLimits, "maxWants">) {
    this.#format = format;
    this.#limit = limits.maxWants;
  }

  /**
   * Takes one argument. Throws a ProtocolError in git's words where it is
   * none, and a RefusedError above the limit.
   */
  take(line: string): void {
    const text = afterPrefix(line, "oid ");
    if (text !== undefined) this.#oid(text);
    else if (line === "size") this.#size = true;
    else {
      throw new ProtocolError(
        "unexpected-line",
        `object-info: unexpected line: '${printable(line)}'`,
      );
    }
  }

  /** What was gathered. */
  request(): ObjectInfoRequest {
    const bad = this.#bad === undefined ? {} : { bad: this.#bad };
    return { size: this.#size, oids: this.#oids, ...bad };
  }

  #oid(text: string): void {
    // git answers what comes before a bad name, and nobody reads on behind it.
    if (this.#bad !== undefined) return;
    const oid = parseOid(text, this.#format);
    if (oid === undefined) {
      this.#bad = text;
      return;
    }
    if (this.#oids.push(oid) <= this.#limit) return;
    throw new RefusedError(
      "too-many-wants",
      `object-info: too many oids (limit ${this.#limit})`,
    );
  }
}

/** What is said of a {@linkcode ObjectInfoRequest.bad} name. */
export function badObjectName(text: string): ProtocolError {
  return new ProtocolError(
    "bad-want",
    "object-info: protocol error, expected to get oid, not " +
      `'${printable(text)}'`,
  );
}

/**
 * The line for one object, without a line feed as git's: its size stays empty
 * where the object is not here, and away where none was asked for.
 */
export function formatObjectInfo(
  oid: Oid,
  size: { readonly size: number | undefined } | undefined,
): string {
  return size === undefined ? oid : `${oid} ${size.size ?? ""}`;
}
