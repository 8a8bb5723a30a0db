/**
 * The state of one resolution of a pack's deltas: what was made, what it came
 * to, and the bounds that it keeps. Those who make objects share one.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";
import { KernelError } from "../../kernels/types.ts";
import type { Kind } from "../../object/kind.ts";
import { encodeObjectHeader } from "../../object/raw.ts";
import { baseTooLarge, beyondLimit, objectTooLarge } from "./faults.ts";
import type { ResolveInit } from "./resolve_types.ts";

/** How long work goes on before others have their turn. */
const SLICE_MS = 20;

/**
 * What deltas of an object from outside may come to, as a multiple of it: a
 * change to a large file is a small pack. Some versions of it in a row fit.
 */
const OUTSIDE_SHARE = 16;

/** Counts, names and gives away what deltas come to. */
export class Resolution {
  /** What is to be resolved. */
  readonly init: ResolveInit;
  /** Bytes that whole objects and results of deltas come to. */
  inflated: number;
  /** Deltas that were resolved. */
  resolved = 0;
  /** By rank: 1 for deltas that were resolved. In shared memory. */
  readonly done: Uint8Array;
  /** Deltas that there are. */
  readonly total: number;
  readonly #maxObject: number;
  readonly #maxHeld: number;
  #maxInflated: number;
  readonly #maxDepth: number;
  #sliceEnd = performance.now() + SLICE_MS;

  /** Nothing is resolved yet. */
  constructor(init: ResolveInit, total: number) {
    this.init = init;
    this.total = total;
    this.inflated = init.inflatedBytes;
    this.done = new Uint8Array(new SharedArrayBuffer(init.entries.count));
    const { maxObjectBytes, maxHeldBytes, maxInflatedBytes, maxDeltaDepth } =
      init.limits;
    this.#maxHeld = maxHeldBytes || Infinity;
    this.#maxObject = Math.min(maxObjectBytes || Infinity, this.#maxHeld);
    this.#maxInflated = maxInflatedBytes || Infinity;
    this.#maxDepth = maxDeltaDepth || Infinity;
  }

  /** Refuses an object that deltas make of so many bytes. */
  checkSize(size: number): void {
    if (size > this.#maxObject) throw objectTooLarge(size, this.#maxObject);
  }

  /** Refuses to hold a base of so many bytes. */
  checkBase(size: number): void {
    if (size > this.#maxHeld) throw baseTooLarge(size, this.#maxHeld);
  }

  /** Lets the deltas of a base from outside come to more, the larger it is. */
  allow(base: Uint8Array): void {
    this.checkBase(base.length);
    this.#maxInflated += OUTSIDE_SHARE * base.length;
  }

  /** Refuses a chain of so many deltas. */
  checkDepth(depth: number): void {
    if (depth > this.#maxDepth) {
      throw beyondLimit(
        `pack has a chain of more than ${this.#maxDepth} deltas`,
      );
    }
  }

  /** Counts bytes that are about to be made. */
  count(bytes: number): void {
    this.inflated += bytes;
    this.checkTotal(this.inflated);
  }

  /** Refuses a pack that comes to so many bytes. */
  checkTotal(bytes: number): void {
    if (bytes > this.#maxInflated) {
      throw beyondLimit(
        `pack expands to more than ${this.#maxInflated} bytes`,
      );
    }
  }

  /** Whether there is a bound of bytes that all objects come to. */
  get isBounded(): boolean {
    return this.#maxInflated !== Infinity || this.#maxObject !== Infinity;
  }

  /**
   * Names what a delta came to, unless it has its name, and gives it away,
   * once.
   */
  deliver(rank: number, kind: Kind, data: Uint8Array): void {
    const { entries, take, wanted, kernels } = this.init;
    if (this.done[rank] === 1) return;
    if (entries.kinds[rank] === 0) {
      const hash = kernels.objectHash(entries.format);
      hash.update(encodeObjectHeader(kind, data.length));
      hash.update(data);
      const id = asPeer(() => hash.digest());
      entries.ids.set(id, rank * entries.format.rawLength);
      entries.kinds[rank] = kind;
    }
    this.done[rank] = 1;
    this.resolved++;
    if (take !== undefined && wanted?.[rank] !== 0) take(rank, kind, data);
  }

  /** Whether a pause is due. */
  get isDue(): boolean {
    return performance.now() >= this.#sliceEnd;
  }

  /** Tells how far it is, and lets others have their turn. */
  async pause(): Promise<void> {
    const { onProgress, signal, pack } = this.init;
    signal?.throwIfAborted();
    await onProgress?.({
      phase: "resolving",
      done: this.resolved,
      total: this.total,
      bytes: pack.size,
    });
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}

/** Makes a collision the peer's fault. */
function asPeer<T>(hash: () => T): T {
  try {
    return hash();
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new ProtocolError(cause.code, cause.message, { cause });
  }
}
