/**
 * Ids for sessions, in the form of git's trace2: when, where, and in which
 * process.
 *
 * @see https://git-scm.com/docs/api-trace2
 * @module
 */

import type { Clock } from "../core/host.ts";
import type { SessionTerms } from "../service/types.ts";
import type { ConfigView } from "../storage/types.ts";

/** What ids are made of. */
export interface SessionIdsInit {
  /** The time; ids of one source are nevertheless all different. */
  readonly clock: Pick<Clock, "now">;
  /** The process id. */
  readonly pid: number;
  /**
   * Gives a number for the machine, 32 bits: git takes a hash of its name.
   * Called once, for the first id.
   */
  readonly machine: () => number;
}

/** Makes ids such as "20260102T030405.678901Z-H12345678-P00001234". */
export class SessionIds {
  readonly #clock: Pick<Clock, "now">;
  readonly #makeOrigin: () => string;
  #origin: string | undefined;
  /** Microseconds since 1970 of the last id. */
  #last = 0;

  /** No id was made yet. */
  constructor({ clock, pid, machine }: SessionIdsInit) {
    this.#clock = clock;
    this.#makeOrigin = () => `-H${hex(machine())}-P${hex(pid)}`;
  }

  /** An id that is later than all before it (tr2_sid.c). */
  next(): string {
    this.#last = Math.max(
      Math.trunc(this.#clock.now() * 1000),
      this.#last + 1,
    );
    const time = new Date(Math.trunc(this.#last / 1000)).toISOString();
    const micros = String(this.#last % 1_000_000).padStart(6, "0");
    const [seconds] = time.replace(/[-:]/g, "").split(".");
    this.#origin ??= this.#makeOrigin();
    return `${seconds}.${micros}Z${this.#origin}`;
  }
}

/**
 * What holds for the next session: an id of its own, where it has none and
 * where the repository's `config` may have it told. Making one takes a short
 * session of its own process 0.15 ms.
 */
export function termsOfSession(
  { terms, sessionIds }: {
    readonly terms: SessionTerms;
    readonly sessionIds?: SessionIds;
  },
  config: Pick<ConfigView, "get">,
): SessionTerms {
  return sessionIds === undefined || terms.sessionId !== "" ||
      config.get("transfer.advertisesid") === undefined
    ? terms
    : { ...terms, sessionId: sessionIds.next() };
}

function hex(number: number): string {
  return (number >>> 0).toString(16).padStart(8, "0");
}
