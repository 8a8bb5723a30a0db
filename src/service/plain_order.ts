/**
 * What clients that read plain files ask for, and how the answer begins: both
 * travel between threads.
 *
 * @module
 */

import type { PlainName } from "../storage/plain_files.ts";
import type { HttpConditions } from "../wire/http_conditions.ts";

/** One thing that can be read. */
export type PlainThing =
  /** `info/refs`, `HEAD` and `objects/info/packs`, which are made up. */
  | { readonly type: "refs" | "head" | "packs" }
  /** A file of the repository. */
  | PlainName;

/** What is asked for. Can be cloned. */
export interface PlainOrder {
  /** What it is. */
  readonly thing: PlainThing;
  /** Whether the bytes are wanted, or only what is known of them. */
  readonly wants: "bytes" | "facts";
  /** Which part, and under which conditions. */
  readonly conditions: HttpConditions;
}

/** How the answer begins: one packet of JSON before the bytes. */
export interface PlainFacts {
  /** The status: 404 where there is no such thing. */
  readonly status: 200 | 206 | 304 | 404 | 412 | 416;
  /** Bytes of the whole thing, where that is known. */
  readonly size?: number;
  /** The first byte that follows. */
  readonly start: number;
  /** The one behind the last; absent where the size is. */
  readonly end?: number;
  /** The inside of its strong ETag. */
  readonly tag?: string;
  /** Last change, milliseconds since 1970. */
  readonly mtimeMs?: number;
}
