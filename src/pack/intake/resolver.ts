/**
 * Resolves the deltas of a pack, one family after another and depth first, in
 * plain TypeScript: the definition of what resolving comes to.
 *
 * Of each entry's deltas the one that most others are based on comes last, when
 * the entry itself is of no more use: so at most as many objects wait for their
 * deltas as the logarithm of the family's size. Where those take more than the
 * budget, the first are dropped, and made again when it is their turn.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import {
  type DeltaHeader,
  readDeltaHeader,
} from "../../kernels/reference/delta.ts";
import { KernelError } from "../../kernels/types.ts";
import { type Kind, OFS_DELTA } from "../../object/kind.ts";
import { badObject } from "./faults.ts";
import { Resolution } from "./resolution.ts";
import { isDelta, planResolution, type ResolvePlan } from "./resolve_plan.ts";
import type { Resolved, ResolveInit } from "./resolve_types.ts";

/** Bytes of objects that may wait for their deltas. */
const BUDGET_BYTES = 64 * 1024 * 1024;
/** The owner of deltas whose base is from outside of the pack. */
const OUTSIDE = -2;
/** Packs of at most so many deltas have their sizes summed up beforehand. */
const SUMMED_DELTAS = 10_000;
/** More bytes than the head of a delta takes: two sizes. */
const DELTA_HEAD_MAX = 16;
/** Enough compressed bytes for those, a block's code lengths included. */
const DELTA_HEAD_BYTES = 1024;

/** Resolves in this thread: see {@linkcode ResolveDeltas}. */
export async function resolvePlainly(init: ResolveInit): Promise<Resolved> {
  init.signal?.throwIfAborted();
  const plan = planResolution(init.entries, init.wanted);
  const resolution = new Resolution(init, plan.deltas);
  sumUp(resolution, plan);
  await new FamilyResolver(resolution, plan).run();
  return {
    unresolved: resolution.total - resolution.resolved,
    inflatedBytes: resolution.inflated,
  };
}

/**
 * Adds up what the deltas of a small pack say that they make: what expands
 * beyond every bound is refused before any of it is made.
 */
export function sumUp(resolution: Resolution, plan: ResolvePlan): void {
  if (!resolution.isBounded || plan.deltas > SUMMED_DELTAS) return;
  const { entries, kernels } = resolution.init;
  const { types, bases } = entries;
  const isOutside = new Uint8Array(entries.count);
  let sum = resolution.inflated;
  for (let rank = 0; rank < entries.count; rank++) {
    const type = types[rank] as number;
    if (!isDelta(type)) continue;
    // What is not based on a whole object of the pack may have its base
    // elsewhere, which will allow for more.
    const base = bases[rank] as number;
    isOutside[rank] = type === OFS_DELTA
      ? isOutside[base] as number
      : Number(plan.named.isWaiting(-1 - base));
    if (isOutside[rank] === 1) continue;
    const size = Math.min(DELTA_HEAD_MAX, entries.sizes[rank] as number);
    const bytes = readEntry(resolution, rank, DELTA_HEAD_BYTES);
    const head = headOf(() => kernels.inflatePrefix(bytes, 0, size));
    const made = head?.resultSize ?? 0;
    resolution.checkSize(made);
    sum += made;
    resolution.checkTotal(sum);
  }
}

/** The head of a delta; `undefined` where it has none. */
function headOf(delta: () => Uint8Array): DeltaHeader | undefined {
  try {
    return readDeltaHeader(delta());
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** The compressed bytes of an entry, up to `most` of them. */
function readEntry(
  resolution: Resolution,
  rank: number,
  most: number = Infinity,
): Uint8Array {
  const { entries, pack } = resolution.init;
  const start = (entries.offsets[rank] as number) +
    (entries.heads[rank] as number);
  let length = (entries.offsets[rank + 1] as number) - start;
  // A stream may be padded with any number of blocks that give nothing.
  if (length > most) length = most;
  else resolution.checkBase(Math.floor(length / 2));
  const bytes = new Uint8Array(length);
  if (pack.readAt(bytes, start) !== bytes.length) {
    throw new StorageError(
      "short-read",
      `cannot read the entry at ${start} of the pack that is taken in`,
    );
  }
  return bytes;
}

/** An object with deltas that are based on it. */
interface Frame {
  /** Its rank; OUTSIDE for what is none of the pack's. */
  readonly rank: number;
  readonly kind: Kind;
  /** Its content; `undefined` where that was dropped. */
  data: Uint8Array | undefined;
  readonly depth: number;
  /** What is left of its deltas by rank and by name: the next, plus one. */
  byRank: number;
  byName: number;
  /** The delta that is left to the last, plus one; 0 once it is begun. */
  heaviest: number;
}

/** Goes through families. */
export class FamilyResolver {
  readonly #resolution: Resolution;
  readonly #plan: ResolvePlan;
  readonly #budget: number;
  readonly #stack: Frame[] = [];
  #held = 0;
  /** Frames below this one have been dropped. */
  #dropped = 0;

  /** Resolves what `plan` links. */
  constructor(
    resolution: Resolution,
    plan: ResolvePlan,
    budget: number = BUDGET_BYTES,
  ) {
    this.#resolution = resolution;
    this.#plan = plan;
    this.#budget = budget;
  }

  /** Resolves everything that has a base, in the pack or from outside. */
  async run(): Promise<void> {
    const { entries, findBase } = this.#resolution.init;
    const { types, kinds } = entries;
    for (let rank = 0; rank < entries.count; rank++) {
      if (isDelta(types[rank] as number)) continue;
      const frame = this.#frameOf(rank, kinds[rank] as Kind, undefined, 0);
      if (frame === undefined) continue;
      this.#resolution.checkBase(entries.sizes[rank] as number);
      frame.data = this.#inflate(rank);
      await this.#family(frame);
    }
    if (findBase === undefined) return;
    for (let rank = 0; rank < entries.count; rank++) {
      if (types[rank] !== 7) continue;
      const row = -1 - (entries.bases[rank] as number);
      if (!this.#plan.named.isWaiting(row)) continue;
      const base = await findBase(row);
      if (base === undefined) continue;
      this.#resolution.allow(base.data);
      await this.#family(this.#startFrame({
        rank: OUTSIDE,
        kind: base.kind,
        data: base.data,
        depth: 0,
        byRank: 0,
        byName: this.#plan.named.claimRow(row, OUTSIDE),
        heaviest: 0,
      }));
    }
  }

  /** Resolves everything that is based on one object. */
  async #family(root: Frame): Promise<void> {
    this.#push(root);
    for (;;) {
      const frame = this.#stack.at(-1);
      if (frame === undefined) return;
      if (this.#resolution.isDue) await this.#resolution.pause();
      const child = this.#nextOf(frame);
      const base = this.#dataOf(frame);
      if (frame.heaviest === 0) this.#pop();
      if (child < 0) continue;
      this.#resolution.checkDepth(frame.depth + 1);
      const data = this.#apply(child, base, "first");
      this.#resolution.deliver(child, frame.kind, data);
      const next = this.#frameOf(child, frame.kind, data, frame.depth + 1);
      if (next !== undefined) this.#push(next);
    }
  }

  /** A frame for an object, if any deltas are based on it. */
  #frameOf(
    rank: number,
    kind: Kind,
    data: Uint8Array | undefined,
    depth: number,
  ): Frame | undefined {
    const { entries } = this.#resolution.init;
    const { firsts, named } = this.#plan;
    const byRank = firsts[rank] as number;
    const byName = named.claim(
      entries.ids,
      rank * entries.format.rawLength,
      rank,
    );
    if (byRank === 0 && byName === 0) return undefined;
    return this.#startFrame(
      { rank, kind, data, depth, byRank, byName, heaviest: 0 },
    );
  }

  /** Finds the delta that comes last. */
  #startFrame(frame: Frame): Frame {
    const { nexts, weights } = this.#plan;
    let most = 0;
    for (const first of [frame.byRank, frame.byName]) {
      for (let at = first; at !== 0; at = nexts[at - 1] as number) {
        if ((weights[at - 1] as number) < most) continue;
        most = weights[at - 1] as number;
        frame.heaviest = at;
      }
    }
    return frame;
  }

  /** The next delta of a frame; -1 where that is its last one, begun before. */
  #nextOf(frame: Frame): number {
    const { nexts } = this.#plan;
    while (frame.byRank !== 0 || frame.byName !== 0) {
      const at = frame.byRank || frame.byName;
      const next = nexts[at - 1] as number;
      if (frame.byRank !== 0) frame.byRank = next;
      else frame.byName = next;
      if (at !== frame.heaviest) return at - 1;
    }
    const last = frame.heaviest - 1;
    frame.heaviest = 0;
    return last;
  }

  #push(frame: Frame): void {
    this.#stack.push(frame);
    this.#held += frame.data?.length ?? 0;
    // The base of the next delta stays, whatever its size; so does what is
    // from outside and cannot be made again.
    while (
      this.#held > this.#budget && this.#dropped < this.#stack.length - 1
    ) {
      const lowest = this.#stack[this.#dropped++] as Frame;
      if (lowest.rank === OUTSIDE) continue;
      this.#held -= lowest.data?.length ?? 0;
      lowest.data = undefined;
    }
  }

  #pop(): void {
    const frame = this.#stack.pop();
    this.#held -= frame?.data?.length ?? 0;
    this.#dropped = Math.min(this.#dropped, this.#stack.length);
  }

  /** The content of the uppermost frame, made again where it was dropped. */
  #dataOf(frame: Frame): Uint8Array {
    if (frame.data !== undefined) return frame.data;
    const { entries } = this.#resolution.init;
    const path: number[] = [];
    let data: Uint8Array | undefined;
    let below = this.#stack.length - 2;
    for (let rank = frame.rank; data === undefined;) {
      if (rank !== OUTSIDE && !isDelta(entries.types[rank] as number)) {
        data = this.#inflate(rank);
        break;
      }
      path.push(rank);
      const base = entries.bases[rank] as number;
      rank = entries.types[rank] === 6
        ? base
        : this.#plan.named.ownerOf(-1 - base);
      const lower = this.#stack[below];
      if (lower?.rank === rank) {
        data = lower.data;
        below--;
      }
    }
    for (const rank of path.reverse()) data = this.#apply(rank, data, "again");
    frame.data = data;
    this.#held += data.length;
    this.#dropped = Math.min(this.#dropped, this.#stack.length - 1);
    return data;
  }

  /** What the entry at `rank` inflates to. */
  #inflate(rank: number): Uint8Array {
    const { entries, kernels } = this.#resolution.init;
    const bytes = readEntry(this.#resolution, rank);
    try {
      return kernels.inflate(bytes, 0, entries.sizes[rank] as number).data;
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      // It was inflated before, on its way in (index-pack.c: unpack_data).
      throw new StorageError("corrupt-pack", "serious inflate inconsistency", {
        cause,
      });
    }
  }

  /** Applies the delta at `rank`; what is made again is not counted. */
  #apply(rank: number, base: Uint8Array, turn: "first" | "again"): Uint8Array {
    const { init } = this.#resolution;
    const delta = this.#inflate(rank);
    const head = headOf(() => delta);
    if (
      head?.baseSize === base.length && turn === "first" &&
      this.#resolution.done[rank] === 0
    ) {
      this.#resolution.checkSize(head.resultSize);
      this.#resolution.count(head.resultSize);
    }
    try {
      return init.kernels.applyDelta(base, delta, head?.resultSize ?? 0);
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      throw badObject(
        init.entries.offsets[rank] as number,
        "failed to apply delta",
      );
    }
  }
}
