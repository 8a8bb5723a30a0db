/**
 * Which repositories there are, as far as HTTP can name them: looked for once,
 * remembered for a while, and bounded.
 *
 * @module
 */

import type { Clock } from "../../core/host.ts";
import type { Backend } from "../../storage/types.ts";

/** What was found. */
export interface ListedPaths {
  /** Their paths, in order. */
  readonly paths: readonly string[];
  /** Whether there may be others. */
  readonly isCut: boolean;
}

/** So many are listed. */
const MAX_LISTED = 20_000;
/** A look for them takes so long at most. */
const MAX_LOOK_MS = 10_000;
/** How long a look is good for at least, and in terms of what it took. */
const KEPT_MS = 5_000;
const KEPT_TIMES = 10;

/** The repositories of one backend. */
export class Listing {
  readonly #backend: Backend;
  readonly #clock: Pick<Clock, "monotonic">;
  #known: Promise<ListedPaths> | undefined;
  /** `undefined` while it is looked for. */
  #until: number | undefined;

  /** Looks for none yet. */
  constructor(backend: Backend, clock: Pick<Clock, "monotonic">) {
    this.#backend = backend;
    this.#clock = clock;
  }

  /**
   * Those that there were some seconds ago; `undefined` where the backend
   * lists none.
   */
  async paths(): Promise<ListedPaths | undefined> {
    if (this.#backend.listRepositories === undefined) return undefined;
    const isOld = this.#until !== undefined &&
      this.#clock.monotonic() >= this.#until;
    if (this.#known === undefined || isOld) {
      this.#until = undefined;
      this.#known = this.#look(this.#backend.listRepositories());
    }
    try {
      return await this.#known;
    } catch (error) {
      this.#known = undefined;
      throw error;
    }
  }

  async #look(
    found: AsyncGenerator<string, "all" | "more", void>,
  ): Promise<ListedPaths> {
    const start = this.#clock.monotonic();
    const paths = new Set<string>();
    let isCut = false;
    try {
      for (;;) {
        const step = await found.next();
        if (step.done === true) {
          isCut = step.value === "more";
          break;
        }
        if (!isNameable(step.value)) continue;
        isCut = paths.size >= MAX_LISTED ||
          this.#clock.monotonic() - start > MAX_LOOK_MS;
        if (isCut) break;
        paths.add(step.value);
      }
    } finally {
      await found.return("more");
    }
    const now = this.#clock.monotonic();
    this.#until = now + Math.max(KEPT_MS, KEPT_TIMES * (now - start));
    return { paths: [...paths].sort(), isCut };
  }
}

/** Whether a URL can name it: see routes.ts. */
function isNameable(path: string): boolean {
  // deno-lint-ignore no-control-regex
  return path.isWellFormed() && !/[\x00-\x1f\x7f\\]|^(?!\/)|^\/\//.test(path);
}
