/**
 * How far a pack has come, in the words of the programs that take one in for
 * git: unpack-objects for small packs, index-pack for others.
 *
 * @module
 */

import type { Clock } from "../../core/host.ts";
import type { IntakeProgress, ReceivedPack } from "../../storage/writes.ts";

/** progress.c: a line is shown once a second. */
const INTERVAL_MS = 1000;
const KIB = 1024;

/** Tells of one pack. */
export class IntakeTeller {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #say: (text: string) => Promise<void>;
  readonly #isSmall: boolean;
  readonly #startedAt: number;
  #shownAt: number;
  #width = 0;
  #last: IntakeProgress | undefined;

  /** Tells `say`; a pack that is small is stored as loose objects. */
  constructor(
    clock: Pick<Clock, "monotonic">,
    say: (text: string) => Promise<void>,
    options: { readonly isSmall: boolean },
  ) {
    this.#clock = clock;
    this.#say = say;
    this.#isSmall = options.isSmall;
    this.#startedAt = this.#shownAt = clock.monotonic();
  }

  /** Takes one report. */
  async update(progress: IntakeProgress): Promise<void> {
    if (progress.phase !== this.#phase || progress.total === 0) return;
    this.#last = progress;
    const now = this.#clock.monotonic();
    if (now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    await this.#say(this.#line(progress, "\r"));
  }

  /** The last line. */
  async finish(pack: ReceivedPack): Promise<void> {
    const { objects, bytes, completed } = pack;
    const total = this.#isSmall
      ? objects
      : pack.deltas ?? this.#last?.total ?? 0;
    if (total === 0) return;
    const ending = this.#isSmall || completed === 0
      ? "done"
      : `completed with ${completed} local object${completed === 1 ? "" : "s"}`;
    const whole = { phase: this.#phase, done: total, total, bytes };
    await this.#say(this.#line(whole, `, ${ending}.\n`));
  }

  /** index-pack says nothing of receiving: the client has done the sending. */
  get #phase(): IntakeProgress["phase"] {
    return this.#isSmall ? "receiving" : "resolving";
  }

  #line({ done, total, bytes }: IntakeProgress, ending: string): string {
    const percent = Math.floor(done * 100 / total).toString().padStart(3);
    const rate = this.#isSmall ? this.#throughput(bytes) : "";
    const counter = `${percent}% (${done}/${total})${rate}`;
    const padding = counter.length < this.#width
      ? this.#width - counter.length + 1
      : 0;
    this.#width = counter.length;
    const title = this.#isSmall ? "Unpacking objects" : "Resolving deltas";
    return `${title}: ${counter}${ending.padStart(padding)}`;
  }

  #throughput(bytes: number): string {
    const seconds = (this.#clock.monotonic() - this.#startedAt) / 1000;
    const rate = bytes / Math.max(seconds, 0.001);
    return `, ${humanBytes(bytes)} | ${humanBytes(rate)}/s`;
  }
}

/** strbuf.c: strbuf_humanise. */
function humanBytes(bytes: number): string {
  const units = ["KiB", "MiB", "GiB"];
  if (bytes < KIB) {
    const count = Math.floor(bytes);
    return `${count} byte${count === 1 ? "" : "s"}`;
  }
  let value = bytes / KIB;
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit++;
  }
  return `${value.toFixed(2)} ${units[unit]}`;
}
