/**
 * The arguments of the v2 command `fetch`. Arguments that belong to features
 * that are not advertised are unknown here, as to git.
 *
 * @see https://git-scm.com/docs/protocol-v2#_fetch
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import type { RequestLimits } from "./limits.ts";
import { afterPrefix } from "./line.ts";
import { ShallowLines, type ShallowRequest } from "./shallow_lines.ts";
import { checkHaves, checkWants, parseHave } from "./upload_request.ts";

/** The arguments that are a word. */
export type FetchFlag =
  | "thin-pack"
  | "ofs-delta"
  | "no-progress"
  | "include-tag"
  | "done"
  | "wait-for-done"
  | "deepen-relative";

const FLAGS: ReadonlySet<string> = new Set<FetchFlag>([
  "thin-pack",
  "ofs-delta",
  "no-progress",
  "include-tag",
  "done",
  "wait-for-done",
  "deepen-relative",
]);

/** What `fetch` was asked. */
export interface FetchRequest {
  /** The objects to send, each once, in the order asked. */
  readonly wants: readonly Oid[];
  /** What the client has, as it was sent. */
  readonly haves: readonly Oid[];
  /** The words that were sent. */
  readonly flags: ReadonlySet<FetchFlag>;
  /** Depths. */
  readonly shallow: ShallowRequest;
}

/** Gathers the arguments of one `fetch`: upload-pack.c, process_args. */
export class FetchArguments {
  #format: ObjectFormat;
  #limits: RequestLimits;
  #wants = new Set<Oid>();
  #haves: Oid[] = [];
  #flags = new Set<FetchFlag>();
  #shallow: ShallowLines;

  /** Arguments for a repository of `format`. */
  constructor(format: ObjectFormat, limits: RequestLimits) {
    this.#format = format;
    this.#limits = limits;
    this.#shallow = new ShallowLines(format, limits.maxShallow);
  }

  /**
   * Takes one argument. Throws a ProtocolError in git's words where it is
   * none, and a RefusedError above the limits.
   */
  take(line: string): void {
    const want = afterPrefix(line, "want ");
    if (want !== undefined) return this.#want(want, line);
    const have = afterPrefix(line, "have ");
    if (have !== undefined) return this.#have(have);
    if (FLAGS.has(line)) {
      this.#flags.add(line as FetchFlag);
    } else if (!this.#shallow.take(line)) {
      throw new ProtocolError(
        "unexpected-line",
        `unexpected line: '${printable(line)}'`,
      );
    }
  }

  /** What was gathered. */
  request(): FetchRequest {
    return {
      wants: [...this.#wants],
      haves: this.#haves,
      flags: this.#flags,
      shallow: this.#shallow.request({
        relative: this.#flags.has("deepen-relative"),
      }),
    };
  }

  #want(value: string, line: string): void {
    const oid = parseOid(value, this.#format);
    if (oid === undefined) {
      throw new ProtocolError(
        "bad-want",
        "git upload-pack: protocol error, expected to get oid, not '" +
          `${printable(line)}'`,
      );
    }
    this.#wants.add(oid);
    checkWants(this.#wants.size, this.#limits.maxWants);
  }

  #have(value: string): void {
    this.#haves.push(parseHave(value, this.#format));
    checkHaves(this.#haves.length, this.#limits.maxHaves);
  }
}
