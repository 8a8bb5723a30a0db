/**
 * The order in which families are made: depth first, of each entry's deltas
 * the one that most others are based on last, when its base is of no more use.
 * That keeps as few contents as possible, each at a level of its own.
 *
 * @module
 */

import type { ResolvePlan } from "./resolve_plan.ts";

/** The links that an order follows. */
export type FamilyLinks = Pick<ResolvePlan, "firsts" | "nexts" | "weights">;

/** One step of the order. */
export interface ProgramStep {
  /** The entry that is to be made. */
  rank: number;
  /** The level of the content that it is based on; 0: it is stored whole. */
  base: number;
  /** The level that its content is kept at; 0: nothing is based on it. */
  level: number;
  /** How many levels are in use behind it. */
  after: number;
  /** Deltas that it stands on. */
  depth: number;
}

interface Frame {
  /** The next of its deltas, plus one. */
  next: number;
  /** The one that comes last, plus one; 0 once that is begun. */
  heaviest: number;
  readonly level: number;
  readonly depth: number;
}

/** Goes through families, one entry at a time. */
export class FamilyProgram {
  readonly #plan: FamilyLinks;
  readonly #nextRoot: () => number;
  readonly #stack: Frame[] = [];
  /** The step that {@linkcode FamilyProgram.next} came to. */
  readonly step: ProgramStep = {
    rank: 0,
    base: 0,
    level: 0,
    after: 0,
    depth: 0,
  };

  /** `nextRoot` gives whole objects that deltas are based on; -1: no more. */
  constructor(plan: FamilyLinks, nextRoot: () => number) {
    this.#plan = plan;
    this.#nextRoot = nextRoot;
  }

  /** Makes `step` the next one; false where there is none. */
  next(): boolean {
    const { step } = this;
    const { firsts, nexts } = this.#plan;
    const frame = this.#stack.at(-1);
    if (frame === undefined) {
      const rank = this.#nextRoot();
      if (rank < 0) return false;
      step.rank = rank;
      step.base = 0;
      step.level = step.after = 1;
      step.depth = 0;
      this.#push(firsts[rank] as number, 1, 0);
      return true;
    }
    if (frame.next === frame.heaviest) frame.next = after(nexts, frame.next);
    const isLast = frame.next === 0;
    const child = (isLast ? frame.heaviest : frame.next) - 1;
    if (isLast) this.#stack.pop();
    else frame.next = after(nexts, frame.next);
    const below = isLast ? frame.level - 1 : frame.level;
    const first = firsts[child] as number;
    step.rank = child;
    step.base = frame.level;
    step.depth = frame.depth + 1;
    // Every delta but the last has at most half of what its base has: 32
    // levels do for 2^31 of them.
    step.level = first === 0 ? 0 : below + 1;
    step.after = first === 0 ? below : step.level;
    if (first !== 0) this.#push(first, step.level, step.depth);
    return true;
  }

  #push(first: number, level: number, depth: number): void {
    const { nexts, weights } = this.#plan;
    let most = 0;
    let heaviest = first;
    for (let at = first; at !== 0; at = nexts[at - 1] as number) {
      const weight = weights[at - 1] as number;
      if (weight < most) continue;
      most = weight;
      heaviest = at;
    }
    this.#stack.push({ next: first, heaviest, level, depth });
  }
}

function after(nexts: Int32Array, at: number): number {
  return nexts[at - 1] as number;
}
