/**
 * Expands `$Format:…$` in files that have `export-subst`: archive.c of git
 * 2.39, format_subst. What stands between is `format_commit.ts`.
 *
 * @see https://git-scm.com/docs/gitattributes#_creating_an_archive
 * @module
 */

import { fromBinary, toBinary } from "../core/bytes.ts";
import { RefusedError } from "../core/errors.ts";
import type { Oid } from "../core/oid.ts";
import { type CommitLinks, parseCommit } from "../object/commit.ts";
import { Columns } from "./columns.ts";
import { type CommitText, readCommitText } from "./commit_text.ts";
import { Encodings } from "./encodings.ts";
import { formatCommit, type FormatContext } from "./format_commit.ts";
import type { FormatMaterials } from "./format_parts.ts";
import type {
  Decorations,
  DescribeOptions,
  FormatSources,
} from "./format_sources.ts";
import { Mailmap } from "./mailmap.ts";

/** Largest file that comes of an expansion, in bytes, unless told. */
export const MAX_EXPANDED_BYTES: number = 256 * 1024 * 1024;

/** Bytes that may be made on the way, for each of the result. */
const WORK_PER_BYTE = 4;

const OPENING = "$Format:";

/** What a format needs and the surroundings were not asked for yet. */
class Missing {
  readonly what: "short ids" | "decorations" | "mailmap" | DescribeOptions;

  constructor(what: Missing["what"]) {
    this.what = what;
  }
}

/**
 * Expands files for one commit: one of these per archive, since only the first
 * `%(describe)` of all its files is expanded.
 */
export class CommitFormatter {
  readonly #sources: FormatSources;
  readonly #maxBytes: number;
  readonly #encodings = new Encodings();
  readonly #columns = new Columns();
  #links: CommitLinks | undefined;
  #text: CommitText | undefined;
  #shortIds: ReadonlyMap<string, string> | undefined;
  #decorations: Decorations | undefined;
  #mailmap: Mailmap | undefined;
  #description: string | undefined;
  /** archive.c: describe_status.max_invocations. */
  #descriptionsLeft = 1;

  /** Nothing is asked of `sources` before something needs it. */
  constructor(sources: FormatSources, maxBytes: number = MAX_EXPANDED_BYTES) {
    this.#sources = sources;
    this.#maxBytes = maxBytes;
  }

  /**
   * The contents of a file with every `$Format:…$` expanded. Throws
   * RefusedError "format" with the words that git has behind "fatal: ", or
   * where the result or the work for it would be too much; StorageError where
   * the commit cannot be read.
   */
  async expand(contents: Uint8Array): Promise<Uint8Array> {
    const text = toBinary(contents);
    if (!text.includes(OPENING)) return contents;
    const descriptionsLeft = this.#descriptionsLeft;
    for (;;) {
      try {
        return fromBinary(await this.#drive(this.#expandText(text)));
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        this.#descriptionsLeft = descriptionsLeft;
        await this.#load(error.what);
      }
    }
  }

  /** Lets others have their turn between two placeholders. */
  async #drive(work: Generator<undefined, string, void>): Promise<string> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      const rest = this.#sources.rest?.();
      if (rest !== undefined) await rest;
    }
  }

  async #load(what: Missing["what"]): Promise<void> {
    const sources = this.#sources;
    if (what === "short ids") {
      const { tree, parents } = this.#links as CommitLinks;
      const ids = new Map<string, string>();
      for (const id of new Set<Oid>([sources.oid, tree, ...parents])) {
        ids.set(id, await sources.abbreviate(id));
      }
      this.#shortIds = ids;
    } else if (what === "decorations") {
      this.#decorations = await sources.decorations();
    } else if (what === "mailmap") {
      this.#mailmap = Mailmap.parse(await sources.mailmap());
    } else {
      this.#description = await sources.describe(what);
    }
  }

  *#expandText(text: string): Generator<undefined, string, void> {
    const context = this.#context();
    let out = "";
    for (let at = 0;;) {
      const open = text.indexOf(OPENING, at);
      const start = open + OPENING.length;
      const close = open < 0 ? -1 : text.indexOf("$", start);
      if (close < 0) {
        out += text.slice(at);
        if (out.length > this.#maxBytes) throw tooLarge();
        return out;
      }
      out += text.slice(at, open);
      out = yield* formatCommit(out, text.slice(start, close), context);
      if (out.length > this.#maxBytes) throw tooLarge();
      at = close + 1;
    }
  }

  #context(): FormatContext {
    const { oid, data, format } = this.#sources;
    this.#links ??= parseCommit(data, format);
    this.#text ??= readCommitText(
      data,
      this.#encodings,
      format.name === "sha1" ? "gpgsig" : "gpgsig-sha256",
    );
    let made = 0;
    return {
      oid,
      links: this.#links,
      text: this.#text,
      materials: this.#materials(),
      columns: this.#columns,
      encodings: this.#encodings,
      meter: (bytes) => {
        made += bytes;
        if (made > WORK_PER_BYTE * this.#maxBytes) throw tooLarge();
      },
      takeDescription: () => this.#descriptionsLeft-- > 0,
      describe: (options) => {
        if (this.#description === undefined) throw new Missing(options);
        return this.#description;
      },
      warn: (line) => this.#sources.warn?.(line),
    };
  }

  #materials(): FormatMaterials {
    return {
      abbreviate: (oid) => {
        if (this.#shortIds === undefined) throw new Missing("short ids");
        return this.#shortIds.get(oid) ?? oid;
      },
      decorations: () => {
        if (this.#decorations === undefined) throw new Missing("decorations");
        return this.#decorations;
      },
      mapPerson: (person) => {
        if (this.#mailmap === undefined) throw new Missing("mailmap");
        return this.#mailmap.map(person);
      },
      present: () => {
        const now = this.#sources.now();
        return { now, zoneMinutes: this.#sources.zone?.(now) ?? 0 };
      },
    };
  }
}

function tooLarge(): RefusedError {
  return new RefusedError("format", "expanded file is too large");
}
