/**
 * What a v0 or v1 client asks of upload-pack: first its wants with
 * capabilities and shallow lines up to a flush, then lines of negotiation.
 * Lines in, values out; whether the objects exist is the service's business.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_packfile_negotiation
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError, RefusedError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import type { ObjectFilter } from "../object/filter.ts";
import { type CapabilityList, parseCapabilities } from "./capabilities.ts";
import { FilterLine, type FilterRules } from "./filter.ts";
import type { RequestLimits } from "./limits.ts";
import { afterPrefix } from "./line.ts";
import { ShallowLines, type ShallowRequest } from "./shallow_lines.ts";

/** Everything up to the flush after the wants. */
export interface UploadRequest {
  /** The objects to send, each once, in the order asked. */
  readonly wants: readonly Oid[];
  /** The capabilities asked for, of all `want` lines together. */
  readonly capabilities: CapabilityList;
  /** Depths. */
  readonly shallow: ShallowRequest;
  /** What is to be left out. */
  readonly filter?: ObjectFilter;
}

/** Gathers the lines of one {@linkcode UploadRequest}. */
export class UploadRequestLines {
  #format: ObjectFormat;
  #limits: RequestLimits;
  #wants = new Set<Oid>();
  #capabilities = new Map<string, string>();
  #shallow: ShallowLines;
  #filter: FilterLine | undefined;

  /**
   * Lines for a repository of `format`; without `filters`, the capability of
   * that name was not advertised.
   */
  constructor(
    format: ObjectFormat,
    limits: RequestLimits,
    filters?: FilterRules,
  ) {
    this.#format = format;
    this.#limits = limits;
    this.#shallow = new ShallowLines(format, limits.maxShallow);
    this.#filter = filters && new FilterLine(filters);
  }

  /**
   * Takes one line. Throws a ProtocolError, in git's words, where it is no
   * line of a request (upload-pack.c: receive_needs), and a RefusedError
   * "too-many-wants" above the limit, or as {@linkcode FilterLine.take}.
   */
  take(line: string): void {
    if (this.#shallow.take(line)) return;
    const spec = afterPrefix(line, "filter ");
    if (spec !== undefined) return this.#takeFilter(spec);
    const value = afterPrefix(line, "want ");
    const digits = this.#format.hexLength;
    const oid = parseOid(value?.slice(0, digits) ?? "", this.#format);
    const rest = value?.slice(digits) ?? "";
    if (oid === undefined || /^[^ \t\n\r]/.test(rest)) {
      throw new ProtocolError(
        "bad-want",
        "git upload-pack: protocol error, expected to get object ID, not '" +
          `${printable(line)}'`,
      );
    }
    this.#wants.add(oid);
    checkWants(this.#wants.size, this.#limits.maxWants);
    for (const [name, text] of parseCapabilities(rest)) {
      this.#capabilities.set(name, text);
    }
  }

  /** What was gathered, once the flush came. */
  request(): UploadRequest {
    const filter = this.#filter?.filter;
    return {
      ...(filter === undefined ? {} : { filter }),
      wants: [...this.#wants],
      capabilities: this.#capabilities,
      shallow: this.#shallow.request({
        relative: this.#capabilities.has("deepen-relative"),
      }),
    };
  }

  #takeFilter(spec: string): void {
    if (this.#filter === undefined || !this.#capabilities.has("filter")) {
      throw new ProtocolError(
        "filter-not-negotiated",
        "git upload-pack: filtering capability not negotiated",
      );
    }
    this.#filter.take(spec);
  }
}

/** One line of negotiation. */
export type NegotiationLine =
  | { readonly type: "have"; readonly oid: Oid }
  | { readonly type: "done" };

const DONE: NegotiationLine = { type: "done" };

/**
 * Parses a line of negotiation. Throws a ProtocolError in git's words for
 * anything but `have` with an object name and `done`
 * (upload-pack.c: get_common_commits).
 */
export function parseNegotiationLine(
  line: string,
  format: ObjectFormat,
): NegotiationLine {
  const value = afterPrefix(line, "have ");
  if (value !== undefined) {
    return { type: "have", oid: parseHave(value, format) };
  }
  if (line === "done") return DONE;
  throw new ProtocolError(
    "bad-negotiation",
    `git upload-pack: expected SHA1 list, got '${printable(line)}'`,
  );
}

/** The object name of a `have` line, in v0 and v2; throws a ProtocolError. */
export function parseHave(value: string, format: ObjectFormat): Oid {
  const oid = parseOid(value, format);
  if (oid !== undefined) return oid;
  throw new ProtocolError(
    "bad-have",
    `git upload-pack: expected SHA1 object, got '${printable(value)}'`,
  );
}

/** Throws the RefusedError "too-many-wants" above the limit. */
export function checkWants(count: number, limit: number): void {
  if (count > limit) {
    throw new RefusedError(
      "too-many-wants",
      `upload-pack: too many wants (limit ${limit})`,
    );
  }
}

/** Throws the RefusedError "too-many-haves" above the limit. */
export function checkHaves(count: number, limit: number): void {
  if (count > limit) {
    throw new RefusedError(
      "too-many-haves",
      `upload-pack: too many haves (limit ${limit})`,
    );
  }
}
