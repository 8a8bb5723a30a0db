/**
 * Which repositories hold so little that looking into them costs less than
 * telling another thread to.
 *
 * @module
 */

import type { Clock } from "../core/host.ts";
import type { SnapshotWeight } from "../storage/types.ts";

/** What a light repository holds at most. */
export const LIGHT: SnapshotWeight = {
  objects: 4096,
  bytes: 8 * 1024 * 1024,
  refs: 2048,
};

/** How long a weight counts: loose objects and refs come one by one. */
const VALID_MS = 30_000;
/** So many are remembered. */
const MAX_KNOWN = 4096;

interface Known {
  readonly outline: string;
  readonly until: number;
  readonly isLight: boolean;
}

/** What is known of repositories, by their git directories. */
export class LightRepositories {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #known = new Map<string, Known>();

  /** Knows none yet. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /**
   * Whether it was found light lately, with the same outline; `undefined`
   * where that is not known.
   */
  isLight(gitDir: string, outline: string): boolean | undefined {
    const known = this.#known.get(gitDir);
    return known !== undefined && known.outline === outline &&
        this.#clock.monotonic() < known.until
      ? known.isLight
      : undefined;
  }

  /** Notes what one with this outline was found to weigh. */
  note(gitDir: string, outline: string, weight: SnapshotWeight): void {
    const { objects, bytes, refs } = weight;
    const isLight = objects <= LIGHT.objects && bytes <= LIGHT.bytes &&
      refs <= LIGHT.refs;
    const until = this.#clock.monotonic() + VALID_MS;
    this.#known.delete(gitDir);
    this.#known.set(gitDir, { outline, until, isLight });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(oldest);
    }
  }
}
