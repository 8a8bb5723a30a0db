/**
 * What the bench and its client process say to each other, one JSON text a
 * line. Types only.
 *
 * @module
 */

/** How servers are asked. */
export type Transport = "git" | "http";

/**
 * One question to a server, as `git clone -q`, `git fetch -q` or
 * `git archive --remote` puts it.
 */
export interface Question {
  /**
   * `ls-refs` stops after the refs; `fetch` takes a pack as well; `archive`
   * asks upload-archive for a tar of HEAD, and nothing else here counts.
   */
  readonly type: "ls-refs" | "fetch" | "archive";
  /** The `ref-prefix` lines; v0 has none and lists every ref. */
  readonly prefixes: readonly string[];
  /** Object ids wanted, or `all`: whatever the refs just listed point at. */
  readonly wants: readonly string[] | "all";
  /** Commits the client has; without any it says `done` at once. */
  readonly haves: readonly string[];
  /** `deepen <depth>`; 0 for none. */
  readonly depth: number;
  /** True for `include-tag`, which a clone of all branches does not send. */
  readonly includeTag: boolean;
  /** What is to be left out. */
  readonly filter?: string;
}

/** A number of equal questions put to one server. */
export interface Order {
  readonly id: number;
  readonly port: number;
  /** The repository's path, beginning with a slash. */
  readonly path: string;
  /** What the server is asked over; git:// unless told. */
  readonly transport?: Transport;
  readonly protocol: 0 | 2;
  readonly question: Question;
  /** How many connections in all, each with one question. */
  readonly count: number;
  /** How many of them at a time. */
  readonly concurrency: number;
  /** Where to keep the pack of the (one) answer, for the untimed check. */
  readonly keepPack?: string;
}

/** What one answer was. */
export interface Sample {
  /** From before connect until the answer's last flush, in milliseconds. */
  readonly wallMs: number;
  /** From before connect until the first byte of the pack; 0 without one. */
  readonly firstMs: number;
  /** Bytes read from the socket. */
  readonly bytes: number;
  /** Bytes of the pack, or of the archive, inside them. */
  readonly packBytes: number;
  /** Objects by the pack's header. */
  readonly objects: number;
  /** Refs listed. */
  readonly refs: number;
}

/** The extra facts of an answer that was kept for the check. */
export interface Kept {
  /** Every ref line, or the whole archive, to compare servers. */
  readonly refsSha1: string;
  /** Object ids asked for. */
  readonly wants: readonly string[];
  /** Commits the server calls shallow. */
  readonly shallow: readonly string[];
  /** True when the pack's last 20 bytes are the SHA-1 of what precedes. */
  readonly trailerMatches: boolean;
}

/** The answer to an {@linkcode Order}. */
export interface Result {
  readonly id: number;
  /** From the first connect until the last answer, in milliseconds. */
  readonly elapsedMs: number;
  /** CPU of the client process meanwhile, in milliseconds. */
  readonly clientCpuMs: number;
  readonly samples: readonly Sample[];
  readonly kept?: Kept;
  /** Why it failed; then the rest means nothing. */
  readonly error?: string;
}
