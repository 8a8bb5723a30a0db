/**
 * The arguments of the v2 command `fetch`, and the lines that answer a wanted
 * ref. Arguments that belong to features that are not advertised are unknown
 * here, as to git.
 *
 * @see https://git-scm.com/docs/protocol-v2#_fetch
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import type { ObjectFilter } from "../object/filter.ts";
import { FilterLine, type FilterRules } from "./filter.ts";
import type { RequestLimits } from "./limits.ts";
import { afterPrefix } from "./line.ts";
import { ShallowLines, type ShallowRequest } from "./shallow_lines.ts";
import { checkHaves, checkWants, parseHave } from "./upload_request.ts";

/**
 * What a repository's owner may allow beyond the basics, by its name on the
 * wire. Each brings arguments that are unknown without it.
 */
export type FetchFeature = "filter" | "ref-in-want" | "sideband-all";

/** The arguments that are a word. */
export type FetchFlag =
  | "thin-pack"
  | "ofs-delta"
  | "no-progress"
  | "include-tag"
  | "done"
  | "wait-for-done"
  | "deepen-relative"
  | "sideband-all";

const FLAGS: ReadonlySet<string> = new Set<FetchFlag>([
  "thin-pack",
  "ofs-delta",
  "no-progress",
  "include-tag",
  "done",
  "wait-for-done",
  "deepen-relative",
]);

/** A ref that is wanted by its name. */
export interface WantedRef {
  /** Its full name as it was sent, a binary string. */
  readonly name: string;
  /** How many of the wants by id were asked for before it. */
  readonly after: number;
}

/** What `fetch` was asked. */
export interface FetchRequest {
  /** The objects to send, each once, in the order asked. */
  readonly wants: readonly Oid[];
  /** The refs whose objects are to be sent as well, as often as asked. */
  readonly wantRefs: readonly WantedRef[];
  /** What the client has, as it was sent. */
  readonly haves: readonly Oid[];
  /** The words that were sent. */
  readonly flags: ReadonlySet<FetchFlag>;
  /** Depths. */
  readonly shallow: ShallowRequest;
  /** What is to be left out. */
  readonly filter?: ObjectFilter;
}

/** What a repository's owner allows in a fetch beyond its basics. */
export interface FetchOffer {
  /** Arguments that are taken. */
  readonly features?: ReadonlySet<FetchFeature>;
  /** The rules for filters; absent, none is taken. */
  readonly filters?: FilterRules | undefined;
}

/** Gathers the arguments of one `fetch`: upload-pack.c, process_args. */
export class FetchArguments {
  #format: ObjectFormat;
  #limits: RequestLimits;
  #features: ReadonlySet<FetchFeature>;
  #wants = new Set<Oid>();
  #wantRefs: WantedRef[] = [];
  #haves: Oid[] = [];
  #flags = new Set<FetchFlag>();
  #shallow: ShallowLines;
  #filter: FilterLine | undefined;

  /** Arguments for a repository of `format` that offers what `offer` says. */
  constructor(
    format: ObjectFormat,
    limits: RequestLimits,
    { features = new Set(), filters }: FetchOffer = {},
  ) {
    this.#format = format;
    this.#limits = limits;
    this.#features = features;
    this.#shallow = new ShallowLines(format, limits.maxShallow);
    this.#filter = filters && new FilterLine(filters);
  }

  /**
   * Takes one argument. Throws a ProtocolError in git's words where it is
   * none, and a RefusedError above the limits or for a filter that is not
   * allowed.
   */
  take(line: string): void {
    const want = afterPrefix(line, "want ");
    if (want !== undefined) return this.#want(want, line);
    const ref = this.#features.has("ref-in-want")
      ? afterPrefix(line, "want-ref ")
      : undefined;
    if (ref !== undefined) return this.#wantRef(ref);
    const have = afterPrefix(line, "have ");
    if (have !== undefined) return this.#have(have);
    const spec = this.#filter && afterPrefix(line, "filter ");
    if (spec !== undefined) return this.#filter?.take(spec);
    if (FLAGS.has(line) || this.#isSidebandAll(line)) {
      this.#flags.add(line as FetchFlag);
    } else if (!this.#shallow.take(line) && !isPackfileUris(line)) {
      throw new ProtocolError(
        "unexpected-line",
        `unexpected line: '${printable(line)}'`,
      );
    }
  }

  /** Whether the answer is to come in bands, all of it. */
  get sidebandAll(): boolean {
    return this.#flags.has("sideband-all");
  }

  /** What was gathered. */
  request(): FetchRequest {
    const filter = this.#filter?.filter;
    return {
      ...(filter === undefined ? {} : { filter }),
      wants: [...this.#wants],
      wantRefs: this.#wantRefs,
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

  #wantRef(name: string): void {
    this.#wantRefs.push({ name, after: this.#wants.size });
    checkWants(this.#wantRefs.length, this.#limits.maxWants);
  }

  #isSidebandAll(line: string): boolean {
    return line === "sideband-all" && this.#features.has("sideband-all");
  }

  #have(value: string): void {
    this.#haves.push(parseHave(value, this.#format));
    checkHaves(this.#haves.length, this.#limits.maxHaves);
  }
}

/**
 * git takes this from everyone, and without `uploadpack.blobPackfileUri` sends
 * the same as if it had not been asked.
 */
function isPackfileUris(line: string): boolean {
  return line.startsWith("packfile-uris ");
}

/** The line for one wanted ref, with its line feed. */
export function formatWantedRef(oid: Oid, name: string): string {
  return `${oid} ${name}\n`;
}
