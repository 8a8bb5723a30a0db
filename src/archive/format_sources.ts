/**
 * What the expansion of `$Format:…$` asks its surroundings for: everything that
 * the commit's own bytes do not tell. Nothing is asked that no placeholder
 * needs.
 *
 * @module
 */

import type { ObjectFormat, Oid } from "../core/oid.ts";

/** What a name of a commit is, as `%d` tells it apart. */
export type DecorationKind = "head" | "branch" | "tag" | "other" | "grafted";

/** One name of a commit. */
export interface Decoration {
  /** What it is; annotated tags make every ref that leads to them a tag. */
  readonly kind: DecorationKind;
  /** The whole name of the ref, a binary string: `refs/heads/main`, `HEAD`. */
  readonly name: string;
}

/** The names of one commit. */
export interface Decorations {
  /** In git's order, which `decorate.ts` makes. */
  readonly names: readonly Decoration[];
  /** The ref that HEAD is a symbolic name of. */
  readonly head: string | undefined;
}

/** What `%(describe:…)` asks for. */
export interface DescribeOptions {
  /** Whether lightweight tags count. */
  readonly tags: boolean;
  /**
   * Fewest digits of the id in the suffix; 0 for no suffix, `undefined` for as
   * many as usual.
   */
  readonly abbrev: number | undefined;
  /** Tags count that match one of these globs; all, where there are none. */
  readonly match: readonly string[];
  /** Tags do not count that match one of these. */
  readonly exclude: readonly string[];
}

/** Where the expansion gets what it needs. */
export interface FormatSources {
  /** The commit's id. */
  readonly oid: Oid;
  /** The commit's bytes. */
  readonly data: Uint8Array;
  /** The repository's object format. */
  readonly format: ObjectFormat;
  /** The shortest unique beginning of an id, as `core.abbrev` has it. */
  abbreviate(oid: Oid): Promise<string>;
  /** The names of the commit. */
  decorations(): Promise<Decorations>;
  /**
   * The contents of the mailmaps in force, one behind the other, a binary
   * string: in a bare repository `HEAD:.mailmap` or the blob that
   * `mailmap.blob` names, then the file of `mailmap.file`.
   */
  mailmap(): Promise<string>;
  /**
   * What `git describe` writes, without its last LF; "" where it fails. Called
   * once at most: {@linkcode describeCommit} in `describe.ts` answers it.
   */
  describe(options: DescribeOptions): Promise<string>;
  /** Seconds since 1970. */
  now(): number;
  /** Minutes that local time is ahead of UTC at a time; none unless given. */
  zone?(seconds: number): number;
  /** Called between two placeholders: what it returns is waited for. */
  rest?(): Promise<void> | undefined;
  /** Gets what git would write to stderr, without the last LF. */
  warn?(line: string): void;
}
