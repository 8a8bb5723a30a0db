/**
 * Progress lines as git prints them, on band 2.
 *
 * @module
 */

import type { PackPlan } from "../../storage/types.ts";
import type { PacketWriter } from "../../pktline/writer.ts";
import type { Clock } from "../../core/host.ts";

/** progress.c: set_progress_signal. A line is shown once a second. */
const INTERVAL_MS = 1000;

/** Where progress goes; one that is silent does nothing. */
export interface Progress {
  /** Starts a phase; `total` is 0 where it is not known. */
  start(title: string, total: number): void;
  /**
   * Tells how far the phase is, at most once a second; true where it said
   * something.
   */
  update(count: number): boolean;
  /** Ends the phase at `count`; a phase that counted nothing says nothing. */
  finish(count: number): void;
  /** The closing line of pack-objects. */
  total(plan: PackPlan): void;
}

/** Progress for a client that asked for none, or that has no band for it. */
export const NO_PROGRESS: Progress = {
  start() {},
  update: () => false,
  finish() {},
  total() {},
};

/** Progress on band 2 of `writer`; nothing is sent before its next `send`. */
export class BandProgress implements Progress {
  #writer: PacketWriter;
  #clock: Clock;
  #title = "";
  #total = 0;
  #shownAt = 0;
  #width = 0;

  /** Progress by the time of `clock`. */
  constructor(writer: PacketWriter, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
  }

  start(title: string, total: number): void {
    this.#title = title;
    this.#total = total;
    this.#shownAt = this.#clock.monotonic();
    this.#width = 0;
  }

  update(count: number): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#shownAt < INTERVAL_MS) return false;
    this.#shownAt = now;
    this.#show(count, "\r");
    return true;
  }

  finish(count: number): void {
    if (count > 0) this.#show(count, ", done.\n");
  }

  total(plan: PackPlan): void {
    this.#writer.putBand(
      2,
      `Total ${plan.objects} (delta ${plan.deltas}), reused ` +
        `${plan.reused} (delta ${plan.reusedDeltas}), pack-reused 0\n`,
    );
  }

  // progress.c: display. A shorter counter is padded to cover the last one.
  #show(count: number, ending: string): void {
    const counter = this.#total > 0
      ? `${percent(count, this.#total)}% (${count}/${this.#total})`
      : `${count}`;
    const padding = counter.length < this.#width
      ? this.#width - counter.length + 1
      : 0;
    this.#width = counter.length;
    this.#writer.putBand(
      2,
      `${this.#title}: ${counter}${ending.padStart(padding)}`,
    );
  }
}

function percent(count: number, total: number): string {
  return Math.floor(count * 100 / total).toString().padStart(3);
}
